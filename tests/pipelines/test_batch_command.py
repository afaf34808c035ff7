"""`churn score` as a scheduler runs it: in a real project, killed, run again, with exit codes and JSON lines."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow

DAY, D = "2024-12-02", "silent_28d"
OUT = "out/scores.parquet"
STREAM = ("--activity", "data/activity/score", "--as-of", DAY, "--out", OUT)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def scored(project: Any, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    done = project.churn("score", *arguments, "--log", "json", check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return lines(done.stdout)


def expected(project: Any) -> bytes:
    return bytes((project.folder / f"data/scores/{D}.parquet").read_bytes())


@pytest.mark.parametrize(
    "given",
    [
        ("--activity", "data/activity/score", "--model", f"data/champion/{D}"),
        ("--activity", "data/activity/score/activity", "--model", f"models:/churn_{D}@champion"),
        ("--features", f"data/features/score/{DAY}.parquet", "--model", f"models:/churn_{D}/1"),
        ("--features", f"data/features/score/{DAY}.parquet", "--activity", "data/activity/score"),
    ],
    ids=["pulled stream, folder", "raw stream, registry", "features, a version", "both, the champion"],
)
def test_the_pipelines_scores_to_the_byte_without_dvc(shop: Any, given: tuple[str, ...]) -> None:
    shutil.rmtree(shop.folder / ".dvc")
    if "models:" not in given[-1]:
        (shop.folder / "mlflow.db").unlink()
    told = scored(shop, *given, "--as-of", DAY, "--out", OUT)
    assert (shop.folder / OUT).read_bytes() == expected(shop)
    assert told[0]["event"] == "started"
    assert told[-1]["event"] == "finished"
    assert all({"at", "event", "text"} <= set(line) for line in told)
    assert not (shop.folder / ".dvc").exists()


def test_kill_9_and_again(shop: Any) -> None:
    command = [sys.executable, "-m", "pipelines.commands.app", "score", *STREAM, "--chunk-customers", "1"]
    finished = shop.folder / f"{OUT}.parts/scores"
    with subprocess.Popen(command, cwd=shop.folder, env=shop.environment(), stdout=subprocess.DEVNULL) as killed:
        while killed.poll() is None and len(list(finished.glob("*.parquet"))) < 5:
            time.sleep(0.002)
        killed.kill()
    assert killed.returncode == -9
    kept = {path: path.stat().st_mtime_ns for path in finished.glob("0*.parquet")}
    assert 5 <= len(kept) < 300
    assert not (shop.folder / OUT).exists()
    told = scored(shop, *STREAM, "--chunk-customers", "1")
    assert next(line for line in told if line["event"] == "resumed")["rows"] == len(kept)
    assert len([line for line in told if line["event"] == "chunk"]) == 300 - len(kept)
    assert (shop.folder / OUT).read_bytes() == expected(shop)
    assert scored(shop, *STREAM)[-1]["event"] == "unchanged"


def test_an_earlier_day_is_cut_from_a_longer_stream(shop: Any) -> None:
    day = "2024-11-11"
    scored(shop, "--activity", "data/activity/score", "--as-of", day, "--out", OUT)
    found = pq.read_table(shop.folder / OUT)
    assert {str(one) for one in found["as_of"].to_pylist()} == {day}
    orders = pq.read_table(shop.folder / "data/activity/score/activity").to_pandas()
    moment = orders["occurred_at"].dt.tz_convert("Europe/Berlin")
    active = orders[(moment >= "2024-09-16") & (moment < day) & (orders["activity"] == "placed_order")]
    assert found["customer_id"].to_pylist() == sorted(active["customer_id"].unique())


def test_exit_codes_say_what_a_scheduler_should_do(shop: Any) -> None:
    activity = ("--activity", "data/activity/score", "--out", OUT)
    missing = scored(shop, *activity, "--model", "nowhere", code=1)
    assert "holds no whole model" in missing[-1]["text"]
    assert missing[-1]["exit_code"] == 1
    usage = shop.churn("score", "--out", OUT, check=False)
    assert (usage.returncode, "Give --activity, --features, or both" in usage.stderr) == (2, True)
    assert shop.churn("score", *activity[:2], "--out", "scores.csv", check=False).returncode == 2
    assert "no activity lies before" in scored(shop, *activity, "--as-of", "2020-01-01", code=3)[-1]["text"]
    stale = scored(shop, *activity, "--as-of", "2025-06-02", code=4)[-1]
    assert stale["kind"] == "CheckFailed"
    assert any("The stream goes on until the end" in fault for fault in stale["faults"])
    shop.more["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"
    away = scored(shop, *activity, "--model", f"models:/churn_{D}@champion", code=5)
    assert "does not answer" in away[-1]["text"]
    assert not (shop.folder / OUT).exists()


def test_no_such_model_in_the_registry(shop: Any) -> None:
    for address in (f"models:/churn_{D}@challenger", "models:/nothing@champion", "models:/nothing", "models:/x/9"):
        told = scored(shop, *STREAM, "--model", address, code=1)
        assert "knows no such model" in told[-1]["text"] or "is not an address" in told[-1]["text"]


def test_what_stages_print_is_a_note_and_people_get_sentences(shop: Any) -> None:
    said = shop.churn("score", *STREAM).stdout
    assert "build_features@score: placed_order has no quantity" in said
    assert "148 customers scored: out/scores.parquet" in said
    assert Path(shop.folder / f"{OUT}.json").is_file()
