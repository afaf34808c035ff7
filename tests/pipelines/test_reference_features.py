"""The table of features says what the catalogue says."""

from __future__ import annotations

from features.catalogue.measures import FAMILIES
from pipelines.commands.reference.features import families, features


def test_every_row_has_a_unit_a_silence_and_bounds() -> None:
    rows = features().splitlines()[2:]
    assert len(rows) > 60
    assert all(len(row.split("|")) == 8 and all(cell.strip() for cell in row.split("|")[4:7]) for row in rows)


def test_every_family_is_described_and_has_columns() -> None:
    rows = [row.split("|")[1].strip() for row in families().splitlines()[2:]]
    assert rows == list(FAMILIES)
    assert {row.split("|")[1].strip() for row in features().splitlines()[2:]} == set(FAMILIES)


def test_windows_stand_in_one_row() -> None:
    (row,) = [row for row in features().splitlines() if "`placed_order_count_{days}d`" in row]
    assert (
        row == "| frequency | `placed_order_count_{days}d` | 7, 14, 28, 56, 91, 182, 364 | activities | 0 | 0 to inf |"
    )
