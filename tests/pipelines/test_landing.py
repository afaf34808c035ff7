"""The landing store: read once, never half, never in the way."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from pipelines.settings.params import Settings
from pipelines.sources.readers.land_files import LandingFiles
from pipelines.stages import pull_activity
from pipelines.stages.pull_activity import pull

ROOT = Path(__file__).resolve().parents[2]
HEADER = "id,who,at,paid\n"
ORDERS = {"activity_id": "id", "customer_id": "who", "occurred_at": "at", "value": "paid"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pull_activity, "_check", lambda *_: None)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.csv").write_text(HEADER + "1,a,2024-05-01,5\n2,b,2024-05-02,6\n")
    (tmp_path / "in" / "2.csv").write_text(HEADER + "3,c,2024-05-08,7\n")
    return tmp_path


def settings_of(as_of: str = "2024-06-01", **source: Any) -> Settings:
    orders = {"reader": "csv", "path": "in", "columns": ORDERS, "activity": "placed_order"} | source
    return Settings.model_validate(
        {
            "sources": {"orders": orders},
            "observations": {"train": {"until": "2024-06-01"}, "score": {"as_of": as_of}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
    )


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were read and not found in the store."""
    names: list[str] = []
    original = LandingFiles._write
    monkeypatch.setattr(
        LandingFiles,
        "_write",
        lambda self, file, *rest, **more: (names.append(file.name), original(self, file, *rest, **more))[1],
    )
    return names


def pulled(settings: Settings | None = None, landing: str = "landing") -> str:
    pull(settings or settings_of(), "score", Path("out"), Path("validation/score.json"), Path(landing))
    return digest_of(Path("out"))


def test_only_new_files_are_read_and_the_bytes_are_those_of_a_pull_from_nothing(read: list[str]) -> None:
    pulled()
    assert read == ["1.csv", "2.csv"]
    Path("in/3.csv").write_text(HEADER + "4,a,2024-05-15,8\n3,c,2024-05-08,7\n")  # overlaps the second
    step_by_step = pulled()
    assert read == ["1.csv", "2.csv", "3.csv"]
    assert pulled(landing="another") == step_by_step


def test_a_file_edited_in_place_is_read_again_and_its_former_rows_are_gone(read: list[str]) -> None:
    pulled()
    Path("in/2.csv").write_text(HEADER + "3,c,2024-05-08,70\n")
    edited = pulled()
    assert read == ["1.csv", "2.csv", "2.csv"]
    assert pulled(landing="another") == edited
    assert len(list(Path("landing/orders").glob("*/*/piece.json"))) == 2


def test_another_moment_reads_no_file(read: list[str]) -> None:
    later = pulled(settings_of("2024-06-08"))
    earlier = pulled()
    assert read == ["1.csv", "2.csv"]
    assert pulled(settings_of("2024-06-08")) == later
    assert earlier != later, "facts.json tells the moment"


def test_deleting_the_store_costs_time_only(read: list[str]) -> None:
    first = pulled()
    shutil.rmtree("landing")
    assert pulled() == first
    assert read == ["1.csv", "2.csv"] * 2


def test_bad_rows_and_exclusions_are_told_again_without_reading_again(read: list[str]) -> None:
    Path("in/2.csv").write_text(HEADER + "3,,2024-05-08,7\n4,test,2024-05-08,7\n")
    settings = settings_of(max_bad_share=0.5, exclude="who = 'test'")

    def notes() -> tuple[list[str], bytes]:
        told = pull(settings, "score", Path("out"), Path("validation/score.json"), Path("landing"))
        return told, Path("validation/quarantine_score.csv").read_bytes()

    first = notes()
    assert first[0][0] == "2.csv: 1 of 2 rows has no customer_id (line 2). Drop or map them in sources.orders."
    counted = "of 4 rows 2 became activities; 1 left out by exclude, 1 bad: no customer."
    assert first[0][-1] == f"sources.orders: placed_order: {counted}"
    assert notes() == first
    assert read == ["1.csv", "2.csv"]


def test_a_changed_mapping_reads_again_and_leaves_nothing_behind(read: list[str]) -> None:
    pulled()
    pulled(settings_of(unit=0.01))
    assert read == ["1.csv", "2.csv"] * 2
    assert len(list(Path("landing/orders").iterdir())) == 1


def test_columns_that_no_mapping_names_are_not_in_the_store() -> None:
    import pyarrow.parquet as pq

    Path("in/1.csv").write_text("id,who,at,paid,mail\n1,a,2024-05-01,5,a@example.org\n")
    pulled()
    for path in Path("landing").rglob("*.parquet"):
        assert "example.org" not in str(pq.read_table(path).to_pylist())


@pytest.mark.slow
def test_a_pull_that_is_killed_at_any_point_is_completed_by_the_next(here: Path) -> None:
    for part in range(4):
        rows = (f"{part}-{i},c{i % 500},2024-05-{1 + i % 28:02d} 10:00:00,{i % 100}\n" for i in range(40_000))
        (here / "in" / f"{part}.csv").write_text(HEADER + "".join(rows))
    (here / "params.yaml").write_text(settings_of().model_dump_json(exclude_none=True))
    command = [sys.executable, "-m", "pipelines.stages.pull_activity", "--branch", "score", "--out", "out"]
    command += ["--report", "validation/score.json", "--landing"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    for tenths in (6, 8, 10, 12, 14, 17, 20):
        with subprocess.Popen([*command, "landing"], env=environment, stdout=-3, stderr=-3) as killed:
            try:
                killed.wait(timeout=tenths / 10)
            except subprocess.TimeoutExpired:
                killed.send_signal(signal.SIGKILL)
        landed = [path.parent for path in (here / "landing").rglob("*.parquet")]
        whole = [folder for folder in landed if not any(".partial-" in part for part in folder.parts)]
        assert all((folder / "piece.json").exists() or (folder / "group.json").exists() for folder in whole)
    after_kills = pulled(landing="landing")
    assert pulled(landing="another") == after_kills
    assert not list(here.rglob("*.partial-*")), "what a killed pull left is gone"


@pytest.mark.slow
def test_one_flag_reads_everything_again(shop: Any) -> None:
    before = digest_of(shop.folder / "data/activity")
    stamp = next((shop.folder / "data/landing").rglob("piece.json")).stat().st_mtime_ns
    output = shop.churn("run", "--full").stdout
    assert "pull_activity@train" in output
    assert "pull_activity@score" in output
    assert "train_model" not in output, "the same rows came, so nothing behind them runs"
    assert next((shop.folder / "data/landing").rglob("piece.json")).stat().st_mtime_ns > stamp
    assert digest_of(shop.folder / "data/activity") == before


def test_a_new_year_reads_no_file(read: list[str]) -> None:
    pulled(settings_of("2024-12-30"))
    pulled(settings_of("2025-01-06"))
    assert read == ["1.csv", "2.csv"]


@pytest.mark.parametrize("kind", ["piece.json", "steps.json", "*.hashes", "*.parquet", "group.json"])
@pytest.mark.parametrize("emptied", [True, False], ids=["emptied", "removed"])
def test_a_store_that_somebody_broke_is_said_or_read_again(kind: str, emptied: bool) -> None:
    Path("in/3.csv").write_text(HEADER + "4,a,2024-05-15,8\n3,c,2024-05-08,7\n")
    first = pulled()
    for path in Path("landing").rglob(kind):
        path.write_bytes(b"") if emptied else path.unlink()
    again = ""
    try:
        again = pulled()
    except ChurnError as problem:
        again = str(problem)
    assert again == first or "Delete" in again
    shutil.rmtree("landing")
    assert pulled() == first


def values() -> list[tuple[str, float]]:
    import pyarrow.parquet as pq

    rows = pq.read_table("out/activity").sort_by("activity_id").to_pylist()
    return [(row["activity_id"].removeprefix("orders-"), row["value"]) for row in rows]


def test_exports_that_overlap_and_correct_what_they_said() -> None:
    settings = settings_of(later_files_replace=True)
    Path("in/2.csv").write_text(HEADER + "2,b,2024-05-02,60\n3,c,2024-05-08,7\n")
    Path("in/3.csv").write_text(HEADER + "3,c,2024-05-09,70\n4,d,2024-05-15,8\n")
    with pytest.raises(ChurnError, match="later_files_replace: true where later files correct earlier ones"):
        pulled()
    step_by_step = pulled(settings)
    assert values() == [("1", 5.0), ("2", 60.0), ("3", 70.0), ("4", 8.0)]
    Path("in/4.csv").write_text(HEADER + "1,a,2024-05-01,50\n4,d,2024-05-15,8\n")
    step_by_step = pulled(settings)
    assert values() == [("1", 50.0), ("2", 60.0), ("3", 70.0), ("4", 8.0)]
    assert pulled(settings, landing="another") == step_by_step


def test_rows_without_an_id_cannot_replace_each_other() -> None:
    columns = {ours: theirs for ours, theirs in ORDERS.items() if ours != "activity_id"}
    with pytest.raises(ValueError, match="later_files_replace needs columns"):
        settings_of(later_files_replace=True, columns=columns)
