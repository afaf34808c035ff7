"""`churn weekly`: one week in one go, outside DVC, fail closed, and nothing twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from filelock import FileLock

pytestmark = pytest.mark.slow

WEEK = "2024-12-09"  # the week after the project's own list
AS_SHOP = ("-c", "user.name=Shop", "-c", "user.email=shop@example.org")


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def told(project: Any, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    done = project.churn("weekly", *arguments, "--log", "json", check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def stages(lines: list[dict[str, Any]]) -> list[str]:
    return [line["stage"] for line in lines if line["event"] == "stage"]


@pytest.fixture
def committed(shop: Any) -> Any:
    """The project with its first run committed, so that a clean tree is really clean."""
    shop.call("git", "add", "-A")
    shop.call("git", *AS_SHOP, "commit", "-qm", "The first run")
    return shop


MADE = ["pull_activity", "build_features", "validate_features", "score_customers@silent_28d", "make_list"]


TRAINING = ("features/train", "models", "evaluation", "labels", "activity/train")


def test_a_week_is_what_a_run_for_its_day_would_make_and_leaves_git_alone(committed: Any, next_week: Any) -> None:
    for training in TRAINING:
        shutil.rmtree(committed.folder / "data" / training)
    earlier = content(committed.folder / "data/at_risk")
    lines = told(committed, "--as-of", WEEK, "--no-publish")
    assert stages(lines) == MADE
    assert committed.call("git", "status", "--porcelain").stdout == ""
    listed = content(committed.folder / f"data/at_risk/{WEEK}")
    assert {name: found for name, found in content(committed.folder / "data/at_risk").items() if WEEK not in name} == (
        earlier
    )
    assert {path.name for path in (committed.folder / f"data/weekly/{WEEK}").iterdir()} == {
        "receipt.json",
        "validation",
    }
    assert not (committed.folder / "data/ledger").exists()
    assert "make_list" in (next_week.folder / "second_run.txt").read_text()
    assert listed == content(next_week.folder / f"data/at_risk/{WEEK}")


def test_published_once_and_made_again_by_revise_alone(committed: Any) -> None:
    first = told(committed, "--as-of", WEEK)
    assert stages(first) == [*MADE, "publish"]
    assert first[-1]["event"] == "finished"
    listed = content(committed.folder / f"data/at_risk/{WEEK}")
    assert (committed.folder / "data/ledger/ledger.db").is_file()
    again = told(committed, "--as-of", WEEK)
    assert stages(again) == ["publish"]
    assert any("published already" in line["text"] for line in again)
    orders = pd.read_csv(committed.folder / "shop.csv", dtype=str)
    late = pd.DataFrame({"Beleg": "late", "Kunde": "00001", "Zeit": "2024-12-08T12:00:00+01:00", "Betrag": "9"}, [0])
    pd.concat([orders, late]).to_csv(committed.folder / "shop.csv", index=False)
    later = told(committed, "--as-of", WEEK)
    assert stages(later) == ["publish"]
    assert content(committed.folder / f"data/at_risk/{WEEK}") == listed
    (committed.folder / f"data/at_risk/{WEEK}/at_risk.csv").write_text("opened and saved by a spreadsheet")
    assert told(committed, "--as-of", WEEK)[-1]["list_id"] == first[-1]["list_id"]
    shutil.rmtree(committed.folder / f"data/at_risk/{WEEK}")
    assert told(committed, "--as-of", WEEK)[-1]["list_id"] == first[-1]["list_id"]
    revised = told(committed, "--as-of", WEEK, "--revise")
    assert stages(revised) == [*MADE, "publish"]
    assert content(committed.folder / f"data/at_risk/{WEEK}") != listed


def test_the_same_inputs_make_nothing_and_others_make_it_again(committed: Any) -> None:
    told(committed, "--as-of", WEEK, "--no-publish")
    assert stages(told(committed, "--as-of", WEEK, "--no-publish")) == []
    (committed.folder / f"data/at_risk/{WEEK}/at_risk.csv").write_text("opened and saved by a spreadsheet")
    assert stages(told(committed, "--as-of", WEEK, "--no-publish")) == MADE
    committed.edit("params.yaml", "capacity: 300", "capacity: 20")
    told(committed, "--as-of", WEEK, "--no-publish")
    assert len(pd.read_parquet(committed.folder / f"data/at_risk/{WEEK}/at_risk.parquet")) == 20


def test_a_failed_check_stops_it_and_says_which(committed: Any) -> None:
    before = content(committed.folder / "data/at_risk")
    failed = told(committed, "--as-of", "2025-06-02", code=4)[-1]
    assert (failed["event"], failed["stage"], failed["exit_code"]) == ("failed", "pull_activity", 4)
    assert any("The stream goes on until the end" in fault for fault in failed["faults"])
    present = told(committed, code=4)[-1]
    assert present["faults"][-1].startswith("This was the present week (20")
    assert "bring newer data, or name a day that they reach" in present["faults"][-1]
    assert content(committed.folder / "data/at_risk") == before
    assert not (committed.folder / "data/ledger").exists()
    assert committed.call("git", "status", "--porcelain").stdout == ""


def test_a_second_one_says_at_once_that_one_is_under_way(committed: Any) -> None:
    with FileLock(committed.folder / ".dvc/tmp/churn/run.lock"):
        assert "A run is under way" in told(committed, "--as-of", WEEK, code=5)[-1]["text"]
    assert not (committed.folder / f"data/at_risk/{WEEK}").exists()


def test_what_cannot_be_is_said_before_any_work(committed: Any) -> None:
    early = told(committed, "--as-of", "2024-11-25", code=1)
    assert "lies before observations.train.until 2024-12-02" in early[-1]["text"]
    assert "is not a day" in told(committed, "--as-of", "9.12.2024", code=1)[-1]["text"]
    assert committed.churn("weekly", "--revise", "--no-publish", check=False).returncode == 2
    shutil.rmtree(committed.folder / "data/champion")
    assert "there is no champion yet" in told(committed, "--as-of", WEEK, code=1)[-1]["text"]
    assert not (committed.folder / f"data/at_risk/{WEEK}").exists()
