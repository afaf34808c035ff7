"""The stage: files per moment, the contract of the columns, attributes, the same bytes again."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.windows import DAY_US, midnight
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of, write_parquet
from pipelines.settings.moments import moments_of
from pipelines.stages.build_features import build
from tests.features.oracle import Did
from tests.pipelines.activity_folders import settings_with, write_stream

TRAIN = ["2017-11-06", "2017-10-09", "2017-09-11"]


@pytest.fixture
def activity(tmp_path: Path) -> Path:
    chance, end = random.Random(1), midnight("2017-12-04", "UTC")
    stream = [
        Did(f"{chance.randrange(40):03d}", chance.choice(["placed_order", "placed_order", "complained"]),
            end - chance.randint(1, 330 * DAY_US), chance.randint(1, 9999) / 100)
        for _ in range(900)
    ]  # fmt: skip
    folder = write_stream(tmp_path / "activity", [*stream, Did("999", "placed_order", end - 340 * DAY_US)])
    ids = [f"{i:03d}" for i in range(30)]
    write_parquet(folder / "customers.parquet", pa.table({"customer_id": ids, "age": ["35-44", None, "65+"] * 10}))
    return folder


def test_one_table_per_moment_as_the_contract_has_it(activity: Path, tmp_path: Path) -> None:
    build(settings_with(), "train", activity, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *(f"{day}.parquet" for day in sorted(TRAIN)),
        "columns.json",
    ]
    columns = json.loads((tmp_path / "out" / "columns.json").read_text())
    for day in TRAIN:
        table = pq.read_table(tmp_path / "out" / f"{day}.parquet")
        assert table.column_names == ["customer_id", "as_of", *(column["name"] for column in columns)]
        assert table.schema.field("as_of").type == pa.date32()
        assert {str(kind) for kind in table.schema.types[2:]} == {"float"}
        assert {day_.isoformat() for day_ in table["as_of"].to_pylist()} == {day}
        ids = table["customer_id"].to_pylist()
        assert ids == sorted(set(ids))
        assert np.isfinite(table.to_pandas().iloc[:, 2:].to_numpy()).all()


def test_everyone_seen_has_a_row_and_nobody_else(activity: Path, tmp_path: Path) -> None:
    settings = settings_with()
    build(settings, "score", activity, tmp_path / "out")
    assert "999" in pq.read_table(tmp_path / "out" / "2017-12-04.parquet")["customer_id"].to_pylist()
    short = settings.model_copy(
        update={"observations": settings.observations.model_copy(update={"seen_within_days": 200})}
    )
    build(short, "score", activity, tmp_path / "out")
    assert "999" not in pq.read_table(tmp_path / "out" / "2017-12-04.parquet")["customer_id"].to_pylist()


def test_the_training_table_of_a_moment_is_the_scoring_table_of_that_moment(activity: Path, tmp_path: Path) -> None:
    settings = settings_with()
    build(settings, "train", activity, tmp_path / "train")
    then = settings.observations.model_copy(
        update={"score": settings.observations.score.model_copy(update={"as_of": "2017-10-09"})}
    )
    build(settings.model_copy(update={"observations": then}), "score", activity, tmp_path / "score")
    one, other = (pq.read_table(tmp_path / branch / "2017-10-09.parquet") for branch in ("train", "score"))
    assert one.schema == other.schema
    assert one["customer_id"] == other["customer_id"]
    np.testing.assert_allclose(one.to_pandas().iloc[:, 2:], other.to_pandas().iloc[:, 2:], rtol=1e-6)


def test_again_gives_the_same_bytes(activity: Path, tmp_path: Path) -> None:
    for out in ("one", "two"):
        build(settings_with(), "train", activity, tmp_path / out)
    assert digest_of(tmp_path / "one") == digest_of(tmp_path / "two")


def test_family_switches_do_not_act_here(activity: Path, tmp_path: Path) -> None:
    build(settings_with(), "score", activity, tmp_path / "one")
    build(settings_with(features={"families": {"calendar": False}}), "score", activity, tmp_path / "two")
    assert digest_of(tmp_path / "one") == digest_of(tmp_path / "two")


def test_listed_attributes_come_last_as_text(activity: Path, tmp_path: Path) -> None:
    build(settings_with(features={"attributes": ["age"]}), "score", activity, tmp_path / "out")
    table = pq.read_table(tmp_path / "out" / "2017-12-04.parquet")
    assert table.column_names[-1] == "customer_age"
    ages = dict(zip(table["customer_id"].to_pylist(), table["customer_age"].to_pylist(), strict=True))
    assert (ages["000"], ages["001"], ages["002"], ages["039"]) == ("35-44", None, "65+", None)


CUSTOMERS = {"reader": "csv", "path": "customers.csv"}


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"features": {"attributes": ["ages"]}}, "ages is not in the customers table. Did you mean age?"),
        ({"features": {"attributes": ["age"]}, "customers": CUSTOMERS}, "would leak into yesterday's observations"),
    ],
)
def test_an_attribute_that_cannot_be_used_is_said(
    activity: Path, tmp_path: Path, changed: dict[str, object], fault: str
) -> None:
    with pytest.raises(ChurnError, match=fault):
        build(settings_with(**changed), "score", activity, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_static_table_may_be_used(activity: Path, tmp_path: Path) -> None:
    changed = {"features": {"attributes": ["age"]}, "customers": {**CUSTOMERS, "static": True}}
    build(settings_with(**changed), "score", activity, tmp_path / "out")
    assert (tmp_path / "out" / "columns.json").exists()


def test_attributes_without_a_customers_table_are_a_fault(activity: Path, tmp_path: Path) -> None:
    (activity / "customers.parquet").unlink()
    with pytest.raises(ChurnError, match="there is no customers table"):
        build(settings_with(features={"attributes": ["age"]}), "score", activity, tmp_path / "out")


def test_an_attribute_is_known_from_valid_from_on(activity: Path, tmp_path: Path) -> None:
    days = ["2017-01-01", "2017-10-09", "2017-11-30", "2017-12-04"]
    table = pa.table(
        {
            "customer_id": ["000", "000", "000", "001"],
            "valid_from": pa.array([midnight(day, "UTC") for day in days], pa.timestamp("us", tz="UTC")),
            "age": ["young", "older", "old", "unknown yet"],
        }
    )
    write_parquet(activity / "customers.parquet", table)
    build(settings_with(features={"attributes": ["age"]}, customers=CUSTOMERS), "train", activity, tmp_path / "train")
    build(settings_with(features={"attributes": ["age"]}, customers=CUSTOMERS), "score", activity, tmp_path / "score")

    def age(branch: str, day: str, customer: str) -> str | None:
        rows = pq.read_table(tmp_path / branch / f"{day}.parquet").to_pylist()
        return next(row["customer_age"] for row in rows if row["customer_id"] == customer)

    assert age("train", "2017-10-09", "000") == "young"  # valid from that very moment: not before it
    assert age("train", "2017-11-06", "000") == "older"
    assert age("score", "2017-12-04", "000") == "old"
    assert age("score", "2017-12-04", "001") is None


def test_scoring_looks_at_one_moment() -> None:
    assert moments_of(settings_with(), {}, "score") == ["2017-12-04"]


def test_silent_where_nobody_watches(activity: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(settings_with(), "score", activity, tmp_path / "out")
    assert capsys.readouterr().err == ""


def test_a_stream_without_money_works_and_says_what_it_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    end = midnight("2017-12-04", "UTC")
    stream = [Did(f"{i % 7}", ("placed_order", "visited_site")[i % 2], end - (i + 1) * DAY_US) for i in range(200)]
    build(settings_with(), "train", write_stream(tmp_path / "activity", stream), tmp_path / "out")
    columns = [column["name"] for column in json.loads((tmp_path / "out" / "columns.json").read_text())]
    assert "visited_site_count_28d" in columns
    assert not [name for name in columns if "value" in name or "monetary" in name or "quantity" in name]
    said = capsys.readouterr().out
    assert "build_features@train: placed_order has no value: no btyd_monetary, decayed_value, last_value" in said
    assert "placed_order has no detail: no distinct_details of it" in said
    assert np.isfinite(pq.read_table(tmp_path / "out" / "2017-11-06.parquet").to_pandas().iloc[:, 2:].to_numpy()).all()


def test_a_stream_with_one_activity_works_and_says_what_it_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    end = midnight("2017-12-04", "UTC")
    stream = [Did(f"{i % 7}", "placed_order", end - (i + 1) * DAY_US, 2.5, 1.0, "north") for i in range(200)]
    build(settings_with(), "score", write_stream(tmp_path / "activity", stream), tmp_path / "out")
    columns = json.loads((tmp_path / "out" / "columns.json").read_text())
    assert {column["activity"] for column in columns} == {"placed_order", "any_activity"}
    assert "placed_order is the only activity: no engagement, surveys or support" in capsys.readouterr().out
