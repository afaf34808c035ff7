"""A report as JSON, as bytes, and as the error that stops a stage."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipelines.checks.report import FAILURES_SHOWN
from pipelines.runtime.errors import ChurnError
from tests.pipelines.tables_to_check import check_features, set_to, settings_with, write_features

COUNT, SHARE, TREND = "placed_order_count_28d", "placed_order_share_of_weeks", "placed_order_trend"


def test_the_json_says_everything_about_a_check(tmp_path: Path) -> None:
    report = check_features(write_features(tmp_path / "score", set_to(SHARE, 1.5, 4, 7)), settings_with())
    content = report.content()
    assert (content["suite"], content["subject"], content["passed"], content["rows"]) == (
        "features",
        "score",
        False,
        100,
    )
    (failed,) = [entry for entry in content["expectations"] if not entry["passed"]]
    assert failed == {
        "statement": f"{SHARE} lies between 0 and 1",
        "passed": False,
        "warns": False,
        "observed": "0 to 1.5, outside in 2 of 100 rows",
        "allowed": "0 to 1",
        "unexpected_count": 2,
        "unexpected_share": 0.02,
        "offending": [
            {"customer_id": "c004", "as_of": "2024-07-01", "found": "1.5"},
            {"customer_id": "c007", "as_of": "2024-07-01", "found": "1.5"},
        ],
        "expectation": "expect_column_pair_values_a_to_be_greater_than_b",
        "column": SHARE,
    }


def test_same_data_same_bytes_wherever_the_folder_lies(tmp_path: Path) -> None:
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        folder = write_features(tmp_path / place / "train", set_to(TREND, None, 3))
        report = check_features(folder, settings_with())
        report.write(tmp_path / place / "report.json")
    for name in ("report.json", "report.html"):
        bytes_here, bytes_there = ((tmp_path / place / name).read_bytes() for place in ("here", "there"))
        assert bytes_here == bytes_there
    text = (tmp_path / "here" / "report.json").read_text()
    assert not re.search(r"\d\d:\d\d:\d\d|[0-9a-f]{8}-[0-9a-f]{4}-", text), "no times, no uuids"


def test_the_error_names_checks_rows_and_page_in_a_few_lines(tmp_path: Path) -> None:
    def spoilt(frame):  # type: ignore[no-untyped-def]
        for column in (COUNT, SHARE, TREND):
            frame = set_to(column, None, *range(30))(frame)
        return set_to("customer_id", "c031", 32)(frame)

    report = check_features(write_features(tmp_path / "score", spoilt), settings_with())
    report.write(tmp_path / "features_score.json")
    with pytest.raises(ChurnError) as problem:
        report.require()
    lines = str(problem.value).splitlines()
    assert len(lines) == FAILURES_SHOWN + 2
    assert lines[0] == "features (score): 4 of 12 checks failed; nothing is built on it."
    assert lines[1].strip().startswith("No customer appears twice at one moment: found 1 of 100 rows (customer_id c031")
    assert "c000" in lines[2]
    assert "and 27 more" in lines[2]
    assert lines[-1] == f"  and 1 more. All of them with their rows: {tmp_path / 'features_score.html'}"


def test_a_failed_report_is_written_all_the_same(tmp_path: Path) -> None:
    report = check_features(write_features(tmp_path / "score", set_to(COUNT, -1.0, 1)), settings_with())
    report.write(tmp_path / "deep" / "features_score.json")
    assert json.loads((tmp_path / "deep" / "features_score.json").read_text())["failed"] == 1
    assert "c001" in (tmp_path / "deep" / "features_score.html").read_text()
