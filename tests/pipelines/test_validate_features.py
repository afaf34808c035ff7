"""The stage, as DVC starts it: its exit code, what it leaves behind, what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.stages import validate_features
from tests.pipelines.tables_to_check import AS_OF, set_to, write_features

PARAMS = f"""
sources: {{shop: {{reader: csv, path: shop.csv, activity: placed_order}}}}
observations: {{train: {{until: "{AS_OF}"}}, score: {{as_of: "{AS_OF}"}}}}
churn: {{silent_28d: {{kind: silence, active_within_days: 56, horizon_days: 28}}}}
at_risk: {{definition: silent_28d}}
"""
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").write_text(PARAMS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stage(project: Path) -> None:
    report = "data/validation/features_score.json"
    arguments = ["--features", str(project / "score"), "--report", report]
    validate_features.main(arguments, standalone_mode=False)


def test_good_features_leave_a_report_and_a_page(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_features(project / "score")
    stage(project)
    assert json.loads((project / "data/validation/features_score.json").read_text())["passed"]
    assert "All 12 checks passed." in (project / "data/validation/features_score.html").read_text()
    assert capsys.readouterr().err == "", "no progress bars, no warnings"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            set_to("customer_id", None, 2),
            "Every row has a customer_id: found 1 of 100 rows (as_of 2024-07-01); allowed none.",
        ),
        (set_to("customer_id", "c009", 3), "customer_id c009"),
        (set_to("placed_order_count_28d", None, 7), "customer_id c007, as_of 2024-07-01, found null"),
        (set_to("placed_order_share_of_weeks", 1.5, 4), "customer_id c004, as_of 2024-07-01, found 1.5"),
        (lambda frame: frame.iloc[:0], "There is at least one row"),
        (lambda frame: frame.drop(columns="placed_order_trend"), "placed_order_trend is a finite number in every row"),
        (lambda frame: frame.assign(extra="x"), "extra VARCHAR"),
    ],
    ids=["null key", "repeated key", "null", "out of bounds", "no rows", "missing column", "extra column"],
)
def test_bad_features_stop_the_stage(change, said: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    write_features(project / "score", change)
    with pytest.raises(SystemExit) as ended:
        stage(project)
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert said in told
    assert "data/validation/features_score.html" in told
    assert not json.loads((project / "data/validation/features_score.json").read_text())["passed"]
    assert "no list was written" in (project / "data/validation/features_score.html").read_text()


@pytest.mark.slow
def test_as_a_command_it_is_quiet_and_calls_nobody(project: Path) -> None:
    write_features(project / "score", set_to("placed_order_trend", None, 7))
    command = [
        sys.executable,
        "-m",
        "pipelines.stages.validate_features",
        "--features",
        "score",
        "--report",
        "out.json",
    ]
    done = subprocess.run(
        command, cwd=project, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["validate_features@score"] * 3
    assert "c007" in done.stderr
