"""The README says what the catalogue says."""

from __future__ import annotations

from pathlib import Path

from pipelines.feature_table import renewed, table

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_readme_holds_the_table_of_today() -> None:
    text = README.read_text(encoding="utf-8")
    assert renewed(text) == text, "run: python -m pipelines.feature_table"


def test_every_row_has_a_unit_a_silence_and_bounds() -> None:
    rows = [
        line for line in table().splitlines() if line.startswith("| ") and not line.startswith(("| family", "| ---"))
    ]
    assert len(rows) > 60
    assert all(len(row.split("|")) == 8 and all(cell.strip() for cell in row.split("|")[4:7]) for row in rows)
