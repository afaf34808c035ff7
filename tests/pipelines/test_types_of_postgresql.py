"""Types of a real PostgreSQL that arrive otherwise than they look: refused by name, or turned into what they mean."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.settings.params import Settings
from pipelines.settings.reading import Reading
from pipelines.sources.registry import check_sources
from pipelines.stages import pull_activity
from tests.pipelines.postgres_for_tests import postgres
from tests.pipelines.test_sql import Shop, stream_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with postgres() as server:
        yield server.get_uri()


@pytest.fixture
def shop(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pull_activity, "_check", lambda *_: None)
    made = Shop("postgresql", address)
    made.do(
        "drop table if exists orders",
        "create table orders (id int, who text, at timestamptz, paid money, changed timestamptz, ip inet, raw bytea, "
        "valid_to date)",
        "insert into orders values (1, 'a', '2024-05-01', '12.50', '2024-05-01', '1.2.3.4', '\\xff', 'infinity'), "
        "(2, 'b', '2024-05-02', '7', 'infinity', null, null, '-infinity'), "
        "(3, 'c', 'infinity', '7', '2024-05-03', null, null, null)",
    )
    return made


def settings(shop: Shop, columns: dict[str, str], **source: Any) -> Settings:
    mapped = {"activity_id": "id", "customer_id": "who", "occurred_at": "at"} | columns
    return shop.settings(columns=mapped, max_bad_share=0.9, **source)


@pytest.mark.parametrize(
    ("columns", "source", "fault"),
    [
        ({"value": "paid"}, {}, "columns.value: orders has a postgresql money there. Read it with `query` instead of"),
        (
            {"value": "paid / 2"},
            {},
            "orders has a postgresql money in 'paid'. Read it with `query` instead of `table`, in",
        ),
        ({"detail": "ip"}, {}, "columns.detail: orders has a postgresql inet there."),
        ({"detail": "raw"}, {}, "in which it is encode(raw, 'hex')."),
        ({}, {"where": "ip is not null"}, "orders has a postgresql inet in 'ip'."),
    ],
)
def test_what_only_the_server_understands_is_refused_by_name(
    shop: Shop, columns: dict[str, str], source: dict[str, str], fault: str
) -> None:
    faults = check_sources(Reading.of(settings(shop, columns, **source)))
    assert len(faults) == 1
    assert fault in faults[0]


def test_the_advised_query_reads_it(shop: Shop) -> None:
    query = "select id, who, at, changed, paid::numeric as paid, ip::text as ip from orders"
    chosen = settings(shop, {"value": "paid", "detail": "ip"}, table=None, query=query)
    assert check_sources(Reading.of(chosen)) == []
    assert [value for *_, value in stream_of(chosen)] == [12.5, 7.0]


def test_a_time_without_end_is_late_and_one_without_beginning_early(shop: Shop) -> None:
    found = {who for _, who, _ in stream_of(settings(shop, {}, where="valid_to > date '2024-05-01'"))}
    assert found == {"a"}
    found = {who for _, who, _ in stream_of(settings(shop, {}, where="valid_to < date '2024-05-01'"), "other")}
    assert found == {"b"}, "a row whose watermark is infinity is read; an order at infinity has no time"
