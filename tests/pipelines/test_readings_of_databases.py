"""Text columns of databases are read as those of files: surveyed where they must be, in steps, and all in one way."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pipelines.runtime.errors import ChurnError
from pipelines.sources.readers.land_table import LandingTable
from pipelines.stages import pull_activity
from tests.pipelines.test_sql import Shop, stream_of

MAPPED = {"activity_id": "id", "customer_id": "who", "occurred_at": "at", "value": "paid"}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pull_activity, "_check", lambda *_: None)
    made = Shop("sqlite", str(tmp_path / "shop.sqlite"))
    made.do("create table orders (id text, who text, at text, paid text, changed text, e_mail text)")
    return made


def row(i: int, paid: str, day: str, at: str = "") -> tuple[Any, ...]:
    return (i, f"c{i}", at or day, paid, day)


def pulled(shop: Shop, as_of: str, **source: Any) -> dict[str, float]:
    """The value of each customer's order, by a pull of that day."""
    settings = shop.settings(as_of, **{"columns": MAPPED, "max_bad_share": 0.5} | source)
    return {who: value for _, who, value in stream_of(settings)}


@pytest.fixture
def surveyed(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """From where on the rows of each survey lie."""
    begins: list[int | None] = []
    survey = LandingTable._survey
    monkeypatch.setattr(
        LandingTable, "_survey", lambda self, begin, moment: (begins.append(begin), survey(self, begin, moment))[1]
    )
    return begins


def test_numbers_and_days_of_text_columns_are_read_in_the_only_way_that_fits(shop: Shop) -> None:
    shop.add([row(1, "1.910,40", "2024-05-01", "31/05/2023"), row(2, "12,50", "2024-05-02", "01/06/2023")])
    assert pulled(shop, "2024-06-01") == {"c1": 1910.4, "c2": 12.5}


def test_the_next_step_goes_on_as_the_last_one_did(shop: Shop, surveyed: list[int | None]) -> None:
    shop.add([row(1, "1.910,40", "2024-05-01"), row(2, "12,50", "2024-05-02")])
    pulled(shop, "2024-06-01")
    shop.add([row(3, "2.500", "2024-06-03")])
    assert pulled(shop, "2024-06-08") == {"c1": 1910.4, "c2": 12.5, "c3": 2500.0}
    assert surveyed == [None]


def test_what_cannot_be_read_is_looked_at_with_what_was_surveyed_before(shop: Shop, surveyed: list[int | None]) -> None:
    shop.add([row(1, "1,910.40", "2024-05-01"), row(2, "12.50", "2024-05-02"), row(3, "n/a", "2024-05-03")])
    known = {"c1": 1910.4, "c2": 12.5}
    assert pulled(shop, "2024-06-01") == known
    shop.add([row(4, "7.5", "2024-06-03"), row(5, "soon", "2024-06-04")])
    assert pulled(shop, "2024-06-08") == {**known, "c4": 7.5}
    assert surveyed[0] is None
    assert len(surveyed) == 2
    assert surveyed[1] is not None, "only the rows that are new"


def test_another_reading_reads_everything_again(shop: Shop) -> None:
    shop.add([row(1, "12", "2024-05-01"), row(2, "2.500", "2024-05-02")])
    assert pulled(shop, "2024-06-01") == {"c1": 12.0, "c2": 2.5}
    shop.add([row(i, f"{i},50", "2024-06-03") for i in (3, 4)])
    assert pulled(shop, "2024-06-08") == {"c1": 12.0, "c2": 2500.0, "c3": 3.5, "c4": 4.5}


def test_a_column_that_turns_to_another_order_is_asked_about(shop: Shop) -> None:
    shop.add([row(1, "1", "2024-05-01", "31/05/2023")])
    pulled(shop, "2024-06-01")
    shop.add([row(i, "1", "2024-06-03", f"05/{i}/2023") for i in range(20, 29)])
    with pytest.raises(ChurnError, match="in some the day comes first, in others the month") as question:
        pulled(shop, "2024-06-08")
    assert re.search(r"sources\.shop\.day_first", str(question.value))
    assert pulled(shop, "2024-06-08", day_first=False, max_bad_share=1.0).keys() == {f"c{i}" for i in range(20, 29)}


def test_a_watermark_that_does_not_sort_in_time_is_refused(shop: Shop) -> None:
    shop.add([row(1, "1", "31/05/2024"), row(2, "1", "01/06/2024")])
    with pytest.raises(ChurnError, match=r"sources\.shop\.watermark: changed holds texts like '01/06/2024'"):
        pulled(shop, "2024-06-10")
