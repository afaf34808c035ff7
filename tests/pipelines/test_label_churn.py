"""The stage: labels of complete windows, in the contract's shape."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.windows import midnight
from pipelines.runtime.errors import ChurnError
from pipelines.stages.label_churn import label_definition
from tests.features.oracle import Did
from tests.pipelines.activity_folders import settings_with, write_stream


def order(customer: str, day: str, value: float | None = 10.0) -> Did:
    return Did(customer, "placed_order", midnight(day, "UTC"), value)


STREAM = [
    order("a", "2017-09-01"),
    order("a", "2017-11-01"),
    order("a", "2017-11-10", 2.5),
    order("b", "2017-10-20"),
    order("c", "2017-08-01"),
]


def test_labels_of_every_complete_moment(tmp_path: Path) -> None:
    folder = write_stream(tmp_path, STREAM)
    label_definition(settings_with(), "silent_28d", folder, tmp_path / "labels.parquet")
    table = pq.read_table(tmp_path / "labels.parquet")
    assert table.schema.field("as_of").type == pa.date32()
    rows = [
        (row["as_of"].isoformat(), row["customer_id"], row["churned"], row["value_ahead"]) for row in table.to_pylist()
    ]
    assert rows == [
        ("2017-09-11", "a", True, 0.0),
        ("2017-09-11", "c", True, 0.0),
        ("2017-10-09", "a", False, 10.0),
        ("2017-11-06", "a", False, 2.5),
        ("2017-11-06", "b", True, 0.0),
    ]


def test_without_money_value_ahead_is_null(tmp_path: Path) -> None:
    folder = write_stream(tmp_path, [order("a", "2017-11-01", None), order("a", "2017-03-01", None)])
    label_definition(settings_with(), "silent_28d", folder, tmp_path / "labels.parquet")
    table = pq.read_table(tmp_path / "labels.parquet")
    assert table["value_ahead"].null_count == len(table) == 1


def test_a_longer_horizon_drops_the_moments_it_cannot_judge(tmp_path: Path) -> None:
    churn = {
        days: {"kind": "silence", "active_within_days": 56, "horizon_days": int(days[7:-1])}
        for days in ("silent_28d", "silent_56d")
    }
    folder = write_stream(tmp_path, STREAM)
    for name in churn:
        label_definition(settings_with(churn=churn), name, folder, tmp_path / f"{name}.parquet")
    newest = [max(pq.read_table(tmp_path / f"{name}.parquet")["as_of"].to_pylist()).isoformat() for name in churn]
    assert newest == ["2017-11-06", "2017-10-09"]


def test_nobody_to_label_is_a_clear_error(tmp_path: Path) -> None:
    folder = write_stream(tmp_path, [order("a", "2017-06-01"), order("a", "2017-12-03")])
    with pytest.raises(ChurnError, match=r"churn.silent_28d: nobody was a customer at a moment with 28 observed days"):
        label_definition(settings_with(), "silent_28d", folder, tmp_path / "labels.parquet")
    assert not (tmp_path / "labels.parquet").exists()


def test_an_unknown_definition_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChurnError, match=r"churn.silent_28 does not exist. Did you mean silent_28d?"):
        label_definition(settings_with(), "silent_28", tmp_path, tmp_path / "labels.parquet")


def subscribed(customer: str, activity: str, day: str, recorded: str | None = None) -> Did:
    told = None if recorded is None else midnight(recorded, "UTC")
    return Did(customer, activity, midnight(day, "UTC"), 9.0, recorded_at=told)


CANCELLATION = {"cancelled_30d": {"kind": "cancellation", "horizon_days": 30}}


@pytest.mark.parametrize(("recorded", "fails"), [("2017-09-10", True), ("2017-10-09", False), ("2017-10-10", False)])
def test_cancellations_dated_when_they_take_effect_stop_the_run(tmp_path: Path, recorded: str, fails: bool) -> None:
    stream = [
        *(subscribed(who, "started_subscription", "2017-08-01") for who in "abc"),
        subscribed("a", "cancelled_subscription", "2017-10-09", recorded),
    ]
    folder = write_stream(tmp_path, stream)
    settings = settings_with(churn=CANCELLATION)
    if fails:
        with pytest.raises(
            ChurnError, match=r"churn.cancelled_30d.ends: 1 of 1 cancelled_subscription were recorded on a"
        ):
            label_definition(settings, "cancelled_30d", folder, tmp_path / "labels.parquet")
        assert not (tmp_path / "labels.parquet").exists()
        return
    label_definition(settings, "cancelled_30d", folder, tmp_path / "labels.parquet")
    table = pq.read_table(tmp_path / "labels.parquet").to_pandas()
    left = table[table["churned"]]
    assert set(left["customer_id"]) == {"a"}
    assert not ((table["customer_id"] == "a") & (table["as_of"].astype(str) > "2017-10-09")).any()
