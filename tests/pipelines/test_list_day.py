from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.at_risk.placement import newer_list
from pipelines.runtime.errors import ChurnError
from pipelines.settings.moments import for_day, parse_day, require_not_before_training, this_week
from tests.pipelines.model_folders_for_tests import AS_OF, settings_with


@pytest.mark.parametrize(
    ("now", "zone", "monday"),
    [
        ("2024-12-02T00:00", "UTC", "2024-12-02"),
        ("2024-12-08T23:59", "UTC", "2024-12-02"),
        ("2024-12-08T23:59", "Europe/Berlin", "2024-12-09"),
        ("2024-12-09T03:00", "America/New_York", "2024-12-02"),
        ("2025-01-01T12:00", "UTC", "2024-12-30"),
    ],
)
def test_the_week_begins_on_monday_where_the_customers_are(now: str, zone: str, monday: str) -> None:
    settings = settings_with(timezone=zone)
    assert this_week(datetime.fromisoformat(now).replace(tzinfo=UTC), settings) == monday


def test_another_day_changes_nothing_else() -> None:
    settings = settings_with()
    moved = for_day(settings, "2021-07-05")
    assert moved.observations.score.as_of == "2021-07-05"
    assert settings.observations.score.as_of == AS_OF
    assert for_day(moved, AS_OF) == settings


def test_what_is_no_day_or_lies_before_training_is_said() -> None:
    assert parse_day("2024-12-02") == "2024-12-02"
    with pytest.raises(ChurnError, match=r"--as-of 2.12.2024: is not a day. Write it like 2017-12-04"):
        parse_day("2.12.2024")
    require_not_before_training(settings_with(), AS_OF)
    with pytest.raises(ChurnError, match=f"lies before observations.train.until {AS_OF}"):
        require_not_before_training(settings_with(), "2021-06-14")


def test_a_newer_list_is_spoken_of(tmp_path: Path) -> None:
    for day in ("2024-12-02", "2024-12-09", "2024-12-16"):
        (tmp_path / day).mkdir()
    for day in ("2024-12-02", "2024-12-09"):  # the third is not finished
        (tmp_path / day / "at_risk.parquet").touch()
    assert "newer list, of 2024-12-09" in newer_list("2024-12-02", tmp_path)
    assert newer_list("2024-12-09", tmp_path) == newer_list("2024-12-02", tmp_path / "none") == ""
