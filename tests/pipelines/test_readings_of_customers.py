"""Days of the customers table are read as those of sources: in the one way that fits, else it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.runtime.errors import ChurnError
from pipelines.settings.reading import Reading
from pipelines.settings.sources import Customers
from pipelines.sources.readers.customers import read_customers
from pipelines.sources.stream import connect
from tests.pipelines.test_files import settings_of

NEVER = 2**62 // 10**3


def customers_of(text: str, **settings: Any) -> list[dict[str, Any]]:
    """The rows of a customers table."""
    Path("people.csv").write_text(text)
    section = {"reader": "csv", "path": "people.csv", "columns": {"customer_id": "id", "joined_at": "since"}}
    table = Customers.model_validate(section | settings)
    con = connect()
    found: list[dict[str, Any]] = read_customers(
        con, table, Reading.of(settings_of(orders={"path": "orders.csv"})), NEVER
    ).to_pylist()
    return found


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("since", "settings", "joined"),
    [
        (["31/12/2019", "01/02/2020"], {}, ["2019-12-31", "2020-02-01"]),
        (["43830", "43862"], {}, ["2019-12-31", "2020-02-01"]),
        (["31/12/2562", "01/02/2563"], {}, ["2019-12-31", "2020-02-01"]),
        (["2/1/2020", "2/3/2020"], {"day_first": False}, ["2020-02-01", "2020-02-03"]),
    ],
)
def test_days_are_read_in_the_one_way_that_fits(since: list[str], settings: dict[str, Any], joined: list[str]) -> None:
    found = customers_of(f"id,since\na,{since[0]}\nb,{since[1]}\n", **settings)
    assert [str(row["joined_at"].date()) for row in found] == joined


def test_days_that_fit_two_ways_are_asked_about() -> None:
    with pytest.raises(ChurnError, match=r"customers: 'since' holds dates like 2/1/2020.*Set customers\.day_first"):
        customers_of("id,since\na,2/1/2020\nb,3/2/2020\n")


def test_advice_on_days_reads_them() -> None:
    text = "id,since\na,2020.02.01 10.30\nb,2020.02.03 9.05\n"
    with pytest.raises(
        ChurnError, match=r"Set customers\.time_format: \"%Y\.%m\.%d %H\.%M\", which reads them"
    ) as said:
        customers_of(text)
    assert "2 of 2 rows" in str(said.value)
    assert len(customers_of(text, time_format="%Y.%m.%d %H.%M")) == 2
