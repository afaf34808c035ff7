"""Many bad rows cost no more than good ones: no statement for each, bounded files, five reasons."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.runtime.errors import ChurnError
from pipelines.settings.reading import Reading
from pipelines.settings.sources import Mapped
from pipelines.sources.landing.aside import MOST_LISTED
from pipelines.sources.quarantine import quarantine_rows
from pipelines.sources.registry import read_sources
from pipelines.sources.stream import connect
from tests.pipelines.test_files import HEADER, orders, read

ALL = {"orders": Mapped(max_bad_share=1.0)}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Counting:
    """A connection that counts what is asked of it."""

    def __init__(self, con: Any) -> None:
        self.con, self.asked = con, 0

    def __getattr__(self, name: str) -> Any:
        own = getattr(self.con, name)
        if name == "executemany":
            return lambda query, rows: [self.execute(query, row) for row in rows]
        return self._counted(own) if name in ("execute", "sql") else own

    def _counted(self, own: Callable[..., Any]) -> Callable[..., Any]:
        self.asked += 1
        return own


def statements(rows: int, here: Path) -> int:
    bad = "".join(f"c{i},2024-03-01,much\nc{i},soon,1\n,2024-03-01,1\n" for i in range(rows))
    settings = orders(HEADER + bad)
    con = Counting(connect())
    read_sources(con, Reading.of(settings))
    quarantine_rows(con, ALL, here / "quarantine.csv")
    return con.asked


def test_a_bad_row_takes_no_statement_of_its_own(here: Path) -> None:
    assert statements(5, here) == statements(500, here)


def test_quarantine_is_bounded_and_says_what_it_does_not_list(here: Path) -> None:
    rows = MOST_LISTED + 50
    con = read(orders(HEADER + "".join(f"c{i},soon,{i}\n" for i in range(rows)) + "d,2024-03-01,1\n"))
    path = here / "quarantine.csv"
    notes = quarantine_rows(con, ALL, path)
    assert notes[0].startswith(f"orders.csv: {rows:,} of {rows + 1:,} rows have an occurred_at that is not a time")
    assert f"(the first {MOST_LISTED:,} of each source; 50 more are only counted)" in notes[-1]
    with path.open() as stream:
        listed = list(csv.reader(stream))
    assert len(listed) == MOST_LISTED + 1
    assert listed[1] == ["orders", "orders.csv", "2", "occurred_at is not a time: 'soon'"]


def test_the_bound_holds_for_all_files_of_a_source_together(here: Path) -> None:
    folder = here / "orders"
    folder.mkdir()
    half = MOST_LISTED // 2 + 10
    for name in ("a", "b"):
        (folder / f"{name}.csv").write_text(HEADER + "".join(f"c{i},soon,{i}\n" for i in range(half)))
    con = read(orders("", path="orders"))
    notes = quarantine_rows(con, ALL, here / "quarantine.csv")
    assert "20 more are only counted" in notes[-1]
    assert len((here / "quarantine.csv").read_text().splitlines()) == MOST_LISTED + 1


def test_the_share_counts_what_is_not_listed_too(here: Path) -> None:
    rows = MOST_LISTED * 2
    text = HEADER + "".join(f"c{i},{'soon' if i < rows * 0.6 else '2024-03-01'},1\n" for i in range(rows))
    con = read(orders(text))
    with pytest.raises(ChurnError) as refusal:
        quarantine_rows(con, {"orders": Mapped(max_bad_share=0.55)}, here / "quarantine.csv")
    assert f"12,000 of {rows:,} rows are bad" in refusal.value.faults[-1]


def test_the_five_commonest_reasons_are_told(here: Path) -> None:
    rows = ["a,soon,1", ",2024-03-01,1", "a,2190-01-01,1", "a,2024-03-01,much", "a,2024-03-01,1,1", "a,2024-03-01"]
    text = HEADER + "".join(f"{row}\n" * (len(rows) - i) for i, row in enumerate(rows))
    notes = quarantine_rows(read(orders(text)), ALL, here / "quarantine.csv")
    assert len(notes) == 5 + 1
    assert [int(note.split(" ")[1]) for note in notes[:-1]] == [6, 5, 4, 3, 2]
