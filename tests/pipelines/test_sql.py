"""Databases: a real PostgreSQL and a real SQLite, read in steps; and no secret in any message."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from pipelines.settings import params
from pipelines.settings.params import Settings
from pipelines.settings.reading import Reading
from pipelines.sources.readers import sql as reader
from pipelines.sources.registry import check_sources
from pipelines.stages import pull_activity
from pipelines.stages.pull_activity import pull
from pipelines.stages.watch_sources import fingerprint
from tests.pipelines.postgres_for_tests import postgres

MAPPED = {"activity_id": "id", "customer_id": "who", "occurred_at": "at", "value": "paid / 100"}
FIRST = [
    (1, "007", "2024-05-01 10:00:00+00", 1999, "2024-05-01 10:00:00+00"),
    (2, "b", "2024-05-02 10:00:00+00", 500, "2024-05-02 10:00:00+00"),
    (3, "b", "2024-05-30 10:00:00+00", 700, "2024-05-30 10:00:00+00"),
]
LATER = [(4, "c", "2024-06-03 10:00:00+00", 100, "2024-06-03 10:00:00+00")]
SECRET = "no-one-may-read-this"


class Shop:
    """A table `orders` in one of the databases."""

    def __init__(self, driver: str, address: str) -> None:
        self.driver, self.address = driver, address

    def do(self, *statements: str) -> None:
        if self.driver == "sqlite":
            with sqlite3.connect(self.address) as connection:
                for one in statements:
                    connection.execute(one)
            connection.close()
            return
        import adbc_driver_postgresql.dbapi as postgresql

        with postgresql.connect(self.address, autocommit=True) as connection, connection.cursor() as cursor:
            for one in statements:
                cursor.execute(one)

    def make(self, rows: list[tuple[Any, ...]]) -> None:
        kind = "text" if self.driver == "sqlite" else "timestamptz"
        money = "integer" if self.driver == "sqlite" else "numeric(12, 2)"
        self.do(
            "drop table if exists orders",
            f"create table orders (id integer, who text, at {kind}, paid {money}, changed {kind}, e_mail text)",
        )
        self.add(rows)

    def add(self, rows: list[tuple[Any, ...]]) -> None:
        self.do(*(f"insert into orders values ({str(list(row))[1:-1]}, 'x@example.org')" for row in rows))

    def settings(self, as_of: str = "2024-06-01", until: str = "2024-06-01", **source: Any) -> Settings:
        orders = {"reader": "sql", "driver": self.driver, "address": self.address, "table": "orders"}
        mapping = {"columns": MAPPED, "activity": "placed_order", "watermark": "changed", "window_days": 7}
        merged = orders | mapping | source
        return Settings.model_validate(
            {
                "sources": {"shop": {name: value for name, value in merged.items() if value is not None}},
                "observations": {"train": {"until": until}, "score": {"as_of": as_of}},
                "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
                "at_risk": {"definition": "silent"},
            }
        )


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    with postgres() as server:
        yield server.get_uri()


@pytest.fixture(params=[pytest.param("postgresql", marks=pytest.mark.slow), "sqlite"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pull_activity, "_check", lambda *_: None)
    address = request.getfixturevalue("postgresql") if request.param == "postgresql" else str(tmp_path / "shop.sqlite")
    made = Shop(request.param, address)
    made.make(FIRST)
    return made


def stream_of(settings: Settings, landing: str = "landing") -> list[tuple[Any, ...]]:
    """The scoring branch, out of a landing store."""
    import pyarrow.parquet as pq

    pull(settings, "score", Path("out"), Path("validation/score.json"), Path(landing))
    table = pq.read_table("out/activity").sort_by("activity_id")
    return [(row["activity_id"], row["customer_id"], row["value"]) for row in table.to_pylist()]


def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the database from here on."""
    asked: list[str] = []
    original = reader.Database._query
    monkeypatch.setattr(reader.Database, "_query", lambda self, sql: (asked.append(sql), original(self, sql))[1])
    return asked


KNOWN = [("shop-1", "007", 19.99), ("shop-2", "b", 5.0), ("shop-3", "b", 7.0)]


def test_a_table_becomes_activities(shop: Shop) -> None:
    settings = shop.settings()
    assert check_sources(Reading.of(settings)) == []
    assert stream_of(settings) == KNOWN


def test_a_query_and_local_times(shop: Shop) -> None:
    found = stream_of(shop.settings(table=None, query="select * from orders where id < 3;", watermark=None))
    assert found == KNOWN[:2]


def test_only_mapped_columns_are_asked_for(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = reads(monkeypatch)
    stream_of(shop.settings())
    assert not [sql for sql in asked if "e_mail" in sql]
    assert not [sql for sql in asked if "*" in sql and "where 1 = 0" not in sql and "count(*)" not in sql]


def test_a_later_pull_reads_what_is_new_and_gives_the_same_bytes(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    stream_of(shop.settings())
    shop.add(LATER)
    later = shop.settings(as_of="2024-06-08")
    asked = reads(monkeypatch)
    found = stream_of(later)
    assert found == [*KNOWN, ("shop-4", "c", 1.0)]
    assert [sql for sql in asked if sql.startswith("select ") and 'changed" >=' in sql], asked
    step_by_step = digest_of(Path("out"))
    assert stream_of(later, "another") == found
    assert digest_of(Path("out")) == step_by_step


def test_an_earlier_moment_reads_nothing_and_gives_what_it_gave(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    stream_of(shop.settings())
    then = digest_of(Path("out"))
    shop.add(LATER)
    shop.do("update orders set paid = 1, changed = '2024-06-02 00:00:00+00' where id = 3")
    stream_of(shop.settings(as_of="2024-06-08"))
    asked = reads(monkeypatch)
    assert stream_of(shop.settings()) == KNOWN
    assert all("where 1 = 0" in sql for sql in asked), "only the header is looked at"
    assert digest_of(Path("out")) == then


def test_the_same_moment_again_reads_no_rows(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    stream_of(shop.settings())
    asked = reads(monkeypatch)
    stream_of(shop.settings())
    assert all("count(*)" in sql or "where 1 = 0" in sql for sql in asked)


def test_late_arrivals_in_the_window_and_corrections_replace_what_was_known(shop: Shop) -> None:
    stream_of(shop.settings())
    shop.add([(5, "late", "2024-05-29 00:00:00+00", 300, "2024-05-29 00:00:00+00")])
    shop.do("update orders set paid = 900 where id = 3", "delete from orders where id = 99")
    shop.do("update orders set paid = 800, changed = '2024-06-02 00:00:00+00' where id = 2")
    # order 2 left the settled rows and came again under its id
    assert stream_of(shop.settings(as_of="2024-06-08")) == [
        ("shop-1", "007", 19.99),
        ("shop-2", "b", 8.0),
        ("shop-3", "b", 9.0),
        ("shop-5", "late", 3.0),
    ]


def whole_reads(asked: list[str]) -> list[str]:
    """Questions for rows that begin at the first."""
    return [sql for sql in asked if "count(*)" not in sql and "1 = 0" not in sql and 'changed" >=' not in sql]


@pytest.mark.parametrize("dated", [False, True])
def test_rows_that_were_updated_are_no_reason_to_read_everything(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, dated: bool
) -> None:
    columns = MAPPED | ({"recorded_at": "changed"} if dated else {})
    stream_of(shop.settings(columns=columns))
    asked = reads(monkeypatch)
    for as_of, change in (
        ("2024-06-08", "update orders set paid = 800, changed = '2024-06-02 00:00:00+00' where id = 2"),
        ("2024-06-15", "update orders set changed = '2024-06-09 00:00:00+00' where id in (1, 2)"),
    ):
        shop.do(change)
        step_by_step = stream_of(shop.settings(as_of=as_of, columns=columns))
        assert step_by_step == [("shop-1", "007", 19.99), ("shop-2", "b", 8.0), ("shop-3", "b", 7.0)]
        assert whole_reads(asked) == []
        digest = digest_of(Path("out"))
        stream_of(shop.settings(as_of=as_of, columns=columns), f"nothing {as_of}")
        assert digest_of(Path("out")) == digest
        asked.clear()


def test_a_row_that_went_while_another_was_updated_is_noticed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    stream_of(shop.settings())
    shop.do("delete from orders where id = 1")
    shop.do("update orders set paid = 800, changed = '2024-06-02 00:00:00+00' where id = 2")
    asked = reads(monkeypatch)
    assert stream_of(shop.settings(as_of="2024-06-08")) == [("shop-2", "b", 8.0), ("shop-3", "b", 7.0)]
    assert len(whole_reads(asked)) == 1


def test_a_late_row_is_noticed_although_an_updated_one_keeps_the_number(shop: Shop) -> None:
    stream_of(shop.settings())
    shop.do("update orders set paid = 800, changed = '2024-06-01 10:00:00+00' where id = 2")
    shop.add([(9, "late", "2024-05-03 10:00:00+00", 100, "2024-05-03 10:00:00+00")])
    assert [row[0] for row in stream_of(shop.settings(as_of="2024-06-08"))] == ["shop-1", "shop-2", "shop-3", "shop-9"]


@pytest.mark.parametrize("window_days", [0, 7])
def test_a_row_that_was_updated_on_the_day_of_the_last_moment(shop: Shop, window_days: int) -> None:
    dated = {"columns": MAPPED | {"recorded_at": "changed"}, "window_days": window_days}
    stream_of(shop.settings(**dated))
    shop.do("update orders set paid = 800, changed = '2024-06-01 07:00:00+00' where id = 2")
    later = shop.settings(as_of="2024-06-02", **dated)
    found = stream_of(later)
    step_by_step = digest_of(Path("out"))
    assert stream_of(later, "another") == found
    assert digest_of(Path("out")) == step_by_step


def test_a_row_that_goes_while_an_updated_one_is_read_again_is_noticed(shop: Shop) -> None:
    stream_of(shop.settings())
    shop.do("update orders set paid = 800, changed = '2024-06-02 00:00:00+00' where id = 2")
    assert len(stream_of(shop.settings(as_of="2024-06-08"))) == 3
    shop.do("delete from orders where id = 1")
    assert stream_of(shop.settings(as_of="2024-06-09")) == [("shop-2", "b", 8.0), ("shop-3", "b", 7.0)]


def test_a_later_version_under_the_same_id_replaces_the_settled_one(shop: Shop) -> None:
    stream_of(shop.settings())
    shop.add([(2, "b", "2024-05-02 10:00:00+00", 800, "2024-06-02 00:00:00+00")])  # a log: the old row stays
    assert ("shop-2", "b", 8.0) in stream_of(shop.settings(as_of="2024-06-08"))


def test_a_row_that_was_touched_and_not_changed_is_recorded_when_it_was_touched(shop: Shop) -> None:
    import pyarrow.parquet as pq

    dated = MAPPED | {"recorded_at": "changed"}

    def recorded(landing: str) -> list[str]:
        stream_of(shop.settings(as_of="2024-06-08", columns=dated), landing)
        table = pq.read_table("out/activity").sort_by("activity_id")
        return [f"{time:%m-%d}" for time in table["recorded_at"].to_pylist()]

    stream_of(shop.settings(columns=dated))
    shop.do("update orders set changed = '2024-06-02 00:00:00+00' where id in (2, 3)")  # one settled, one still open
    assert recorded("landing") == ["05-01", "06-02", "06-02"]
    assert recorded("from nothing") == ["05-01", "06-02", "06-02"]
    assert stream_of(shop.settings(columns=dated)) == KNOWN, "then it was known"
    assert stream_of(shop.settings(columns=dated), "later") == KNOWN[:1], "nobody can know that any more"


def test_a_table_edited_in_place_is_noticed(shop: Shop) -> None:
    settings = shop.settings()
    first = fingerprint(settings, "2024-06-01")
    assert stream_of(settings) == KNOWN
    shop.do("delete from orders where id = 1")
    assert fingerprint(settings, "2024-06-01") != first
    assert stream_of(settings) == KNOWN[1:]
    shop.add([(6, "z", "2024-05-03 00:00:00+00", 100, "2024-05-03 00:00:00+00")])  # late, long before the window
    assert ("shop-6", "z", 1.0) in stream_of(shop.settings(as_of="2024-06-08"))


def test_what_lies_after_the_moment_does_not_change_the_fingerprint(shop: Shop) -> None:
    first = fingerprint(shop.settings(), "2024-06-01")
    shop.add(LATER)
    assert fingerprint(shop.settings(), "2024-06-01") == first


def test_deleting_the_store_costs_time_only(shop: Shop) -> None:
    import shutil

    stream_of(shop.settings())
    shop.add(LATER)
    stream_of(shop.settings(as_of="2024-06-08"))
    before = digest_of(Path("out"))
    shutil.rmtree("landing")
    stream_of(shop.settings(as_of="2024-06-08"))
    assert digest_of(Path("out")) == before


def test_bad_rows_are_counted_once_over_all_steps(shop: Shop) -> None:
    shop.do("update orders set who = '' where id = 1", "update orders set who = null where id = 3")
    stream_of(shop.settings(max_bad_share=1))
    assert len(Path("validation/quarantine_score.csv").read_text().splitlines()) == 3
    shop.add(LATER)
    stream_of(shop.settings(as_of="2024-06-08", max_bad_share=1))
    lines = Path("validation/quarantine_score.csv").read_text().splitlines()
    assert [line.rpartition(",")[2] for line in lines[1:]] == ["customer_id is missing"] * 2


def test_another_mapping_reads_everything_again(shop: Shop) -> None:
    stream_of(shop.settings())
    assert stream_of(shop.settings(columns=MAPPED | {"value": "paid"}))[0] == ("shop-1", "007", 1999.0)
    assert len(list(Path("landing/shop").iterdir())) == 1


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ({"columns": MAPPED | {"value": "piad"}}, "sources.shop.columns.value: orders has no column 'piad'."),
        ({"watermark": "chnged"}, "sources.shop.watermark: orders has no column 'chnged'. Did you mean changed?"),
        ({"table": "order"}, "sources.shop: the database said: "),
        ({"driver": "oracle"}, "sources.shop.driver: the package adbc-driver-oracle is not installed."),
        ({"address": "$NOT_SET"}, "sources.shop.address: the environment variable NOT_SET is not set."),
    ],
)
def test_a_wrong_source_is_said(shop: Shop, source: dict[str, Any], fault: str) -> None:
    faults = check_sources(Reading.of(shop.settings(**source)))
    assert len(faults) == 1
    assert faults[0].removeprefix("params.yaml: ").startswith(fault)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (f"address: 'postgresql://me:{SECRET}@host/db'", "sources.shop.address: a password stands there."),
        (f"address: 'postgresql://me:a/{SECRET}@host/db'", "sources.shop.address: a password stands there."),
        (f"address: 'postgresql://me@host/db?password={SECRET}'", "sources.shop.address: a password stands there."),
        (
            f"address: host\n    options: {{adbc.snowflake.sql.client_option.password: {SECRET}}}",
            "sources.shop.options: adbc.snowflake.sql.client_option.password is a secret.",
        ),
    ],
)
def test_a_password_in_the_settings_is_refused_and_not_repeated(setting: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(
        "sources:\n  shop:\n    {reader: sql}\n".replace(
            "{reader: sql}", f"reader: sql\n    driver: x\n    table: t\n    {setting}"
        )
        + 'observations: {train: {until: "2024-06-01"}, score: {as_of: "2024-06-01"}}\n'
        "churn: {silent: {kind: silence, active_within_days: 56, horizon_days: 28}}\nat_risk: {definition: silent}\n"
    )
    with pytest.raises(ChurnError) as problem:
        params.load(path)
    assert said in str(problem.value)
    assert SECRET not in str(problem.value)


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://me:{SECRET}@127.0.0.1:9/db",
        f"postgresql://me:{SECRET} x@127.0.0.1:9/db",
        f"postgresql://me@127.0.0.1:port/db?password={SECRET}",
        f"postgresql://me:a@{SECRET}/b@127.0.0.1:9/db",
        f"postgresql://me:{SECRET}/b@127.0.0.1:9/db",
        f"postgresql://me:a?{SECRET}@127.0.0.1:9/db",
        f"host=127.0.0.1 port=9 password='x {SECRET}' user=me",
        f"host=127.0.0.1 port=9 password={SECRET} nonsense",
        SECRET,
    ],
)
def test_no_error_tells_a_secret(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_DATABASE", address)
    monkeypatch.setenv("PGPASSWORD", SECRET)
    settings = Shop("postgresql", "$SHOP_DATABASE").settings()
    faults = check_sources(Reading.of(settings))
    assert faults
    assert faults[0].startswith("sources.shop.address: cannot connect.")
    assert SECRET not in str(faults)
    assert SECRET not in settings.model_dump_json()


@pytest.mark.parametrize("address", ["sqlite:///shop.sqlite", "sqlite:shop.sqlite", "sqlite:////shop.sqlite"])
def test_an_address_that_is_no_path_says_what_to_write(address: str) -> None:
    (fault,) = check_sources(Reading.of(Shop("sqlite", address).settings()))
    assert fault == (
        "sources.shop.address: cannot connect. A SQLite file is named by its path alone. "
        f"Write 'shop.sqlite' or '/shop.sqlite', not {address!r}."
    )


def test_a_database_file_that_is_not_there_is_said_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop.sqlite").touch()
    (fault,) = check_sources(Reading.of(Shop("sqlite", "shops.sqlite").settings()))
    assert fault == "sources.shop.address: cannot connect. There is no file shops.sqlite. Did you mean shop.sqlite?"
    assert not Path("shops.sqlite").exists()


def test_a_driver_that_is_called_otherwise_is_said() -> None:
    (fault,) = check_sources(Reading.of(Shop("postgres", "postgresql://db/shop").settings()))
    assert fault.endswith("Did you mean postgresql?")


def test_a_query_may_end_in_a_comment(shop: Shop) -> None:
    assert stream_of(shop.settings(table=None, query="select * from orders -- all of them", watermark=None)) == KNOWN


@pytest.mark.slow
def test_postgresql_takes_its_password_from_its_own_file(
    postgresql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords = tmp_path / "pgpass"
    passwords.write_text(f"*:*:*:*:{SECRET}\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    made = Shop("postgresql", postgresql)
    made.make(FIRST)
    assert check_sources(Reading.of(made.settings())) == []


@pytest.mark.slow
def test_types_of_postgresql(postgresql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pull_activity, "_check", lambda *_: None)
    made = Shop("postgresql", postgresql)
    made.do(
        "drop table if exists orders",
        "create table orders (id uuid, who bigint, at timestamp, paid numeric(10, 2), extra jsonb, day date)",
        "insert into orders values ('6f9619ff-8b86-d011-b42d-00c04fc964ff', 7, '2024-03-01 10:00', 12.50, "
        "'{\"a\": 1}', '2024-03-01')",
    )
    columns = {"activity_id": "id", "customer_id": "who", "occurred_at": "at", "value": "paid", "detail": "extra"}
    settings = made.settings(columns=columns, watermark="day", timezone="Europe/Berlin")
    assert check_sources(Reading.of(settings)) == []
    assert stream_of(settings) == [("shop-6f9619ff-8b86-d011-b42d-00c04fc964ff", "7", 12.5)]
    import pyarrow.parquet as pq

    assert pq.read_table("out/activity")["occurred_at"].to_pylist() == [datetime(2024, 3, 1, 9, tzinfo=UTC)]
