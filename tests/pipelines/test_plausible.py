"""Streams of well-formed rows that can hardly be true: what is doubted, with which number; the advice works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines.checks.report import Report
from pipelines.checks.rules import check_activity
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json
from pipelines.settings.params import Settings
from pipelines.settings.reading import StreamChecks
from pipelines.stages.pull_activity import pull
from tests.pipelines.tables_to_check import Change, activity, settings_with, write_activity


def judged(change: Change, folder: Path, **plausible: Any) -> Report:
    settings = settings_with(plausible=plausible)
    return check_activity(write_activity(change(activity()), folder), StreamChecks.of(settings, "score"))


def other_spelling(spell: Any, share: float = 0.5) -> Change:
    """Of every customer, the later rows are written otherwise."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        ids = frame["customer_id"].str.removeprefix("c").astype(int)
        late = np.arange(len(frame)) >= (1 - share) * len(frame)
        return frame.assign(customer_id=[spell(n) if by else f"c{n}" for n, by in zip(ids, late, strict=True)])

    return change


def numbers(frame: pd.DataFrame, spell: Any) -> pd.DataFrame:
    ids = frame["customer_id"].str.removeprefix("c").astype(int)
    half = np.arange(len(frame)) % 200 < 100
    return frame.assign(customer_id=[str(n) if by else spell(n) for n, by in zip(ids, half, strict=True)])


def at_one_instant(day: str, share: float = 0.34) -> Change:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        some = (np.arange(len(frame)) % 100 < 100 * share) & (frame["activity"] == "placed_order")
        return frame.assign(occurred_at=frame["occurred_at"].mask(some, pd.Timestamp(day, tz="UTC")))

    return change


def negative(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(value=frame["value"].where(np.arange(len(frame)) % 3 > 0, -frame["value"]))


def hole(frame: pd.DataFrame) -> pd.DataFrame:
    """Nothing from 1 February to 20 April."""
    return frame[
        ~frame["occurred_at"].between(pd.Timestamp("2024-02-01", tz="UTC"), pd.Timestamp("2024-04-20", tz="UTC"))
    ]


def cash_desk(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(customer_id=frame["customer_id"].mask(np.arange(len(frame)) % 7 == 0, "till"))


DOUBTS: list[tuple[str, Change, str, str]] = [
    ("capitals", other_spelling(lambda n: f"C{n}"), "in another spelling", "found 200 of 200 customers"),
    ("blanks", other_spelling(lambda n: f" c{n}"), "in another spelling", "found 200 of 200 customers"),
    ("decimals", lambda f: numbers(f, lambda n: f"{n}.0"), "in another spelling", "found 200 of 200 customers"),
    ("zeros", lambda f: numbers(f, lambda n: f"{n:05d}"), "in another spelling", "found 200 of 200 customers"),
    ("long ago", at_one_instant("1900-01-01"), "not from another age", "found 124.5 years"),
    ("one instant", at_one_instant("2024-03-05"), "placed_order does not happen at one instant", "at 2024-03-05 00:00"),
    ("negative", negative, "below zero", "found 546 of 1,456"),
    ("hole", hole, "no hole of months", "found 79 days after 2024-01-31"),
    ("cash desk", cash_desk, "No single customer", "found 312 of 2,184 rows (customer_id till)"),
    ("long id", lambda f: f.replace({"customer_id": {"c003": "x" * 300}}), "Ids of customers", "found 1 of 100"),
    ("NUL in an id", lambda f: f.replace({"customer_id": {"c003": "c\0003"}}), "Ids of customers", "found 1 of 100"),
]


@pytest.mark.parametrize(("change", "statement", "says"), [row[1:] for row in DOUBTS], ids=[row[0] for row in DOUBTS])
def test_what_is_hardly_true_is_said_with_a_number_and_what_to_do(
    change: Change, statement: str, says: str, tmp_path: Path
) -> None:
    report = judged(change, tmp_path / "warns")
    report.require()  # a doubt stops nothing
    (line,) = [line for line in report.warnings if statement in line]
    assert says.removeprefix("found ") in line
    assert "checks." in line  # the setting by which it is allowed
    with pytest.raises(ChurnError, match=statement):
        judged(change, tmp_path / "stops", doubt="stop").require()


def test_a_stream_as_it_should_be_raises_no_doubt(tmp_path: Path) -> None:
    assert judged(lambda frame: frame, tmp_path).warnings == []


def test_a_value_that_no_money_can_be_is_refused_whatever_the_settings_say_of_doubts(tmp_path: Path) -> None:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(value=frame["value"].mask(frame.index == 0, 1e308))

    with pytest.raises(
        ChurnError, match=r"No value is larger than money can be: found 1e\+308; allowed at most 1e\+12"
    ):
        judged(change, tmp_path / "refused").require()
    judged(change, tmp_path / "allowed", largest_value=1.7e308).require()


@pytest.mark.parametrize("setting", ["two_spellings", "one_customer", "one_instant", "below_zero"])
def test_every_share_can_be_allowed(setting: str, tmp_path: Path) -> None:
    changes = [other_spelling(lambda n: f"C{n}"), cash_desk, at_one_instant("2024-03-05"), negative]
    names = ["two_spellings", "one_customer", "one_instant", "below_zero"]
    assert judged(changes[names.index(setting)], tmp_path, **{setting: 1.0}).warnings == []


def test_few_customers_and_rare_pauses_are_no_doubts(tmp_path: Path) -> None:
    def few(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["customer_id"].isin(["c001", "c002", "c003"])]

    assert [line for line in judged(few, tmp_path).warnings if "usual" not in line] == []


SHOP = {
    "reader": "csv",
    "path": "orders.csv",
    "columns": {"activity_id": "id", "customer_id": "who", "occurred_at": "day", "value": "paid"},
    "activity": "placed_order",
}


def doubts_of_a_pull(source: dict[str, Any]) -> list[str]:
    """The warnings of the pull of orders of which every third is a return, many by CUST-n instead of cust-n."""
    days = pd.date_range("2024-01-01", "2024-06-29").repeat(6)
    rows = pd.DataFrame({"id": range(len(days)), "day": days.strftime("%Y-%m-%d")})
    rows["who"] = [f"{'CUST' if n % 2 else 'cust'}-{n % 60 // 2}" for n in rows["id"]]
    rows["paid"] = [-9.5 if n % 3 == 0 else 9.5 for n in rows["id"]]
    rows.to_csv("orders.csv", index=False)
    settings = Settings.model_validate(
        {
            "sources": {"shop": SHOP | source},
            "observations": {"train": {"until": "2024-07-01"}, "score": {"as_of": "2024-07-01"}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
    )
    pull(settings, "score", Path("out"), Path("validation/activity.json"))
    return list(read_json(Path("validation/activity.json"))["warnings"])


def test_the_advice_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spelling, below = doubts_of_a_pull({})
    assert "customer_id: lower(trim(id))" in spelling
    assert "`when_negative: returned_order`" in below
    columns = {**SHOP["columns"], "customer_id": "lower(trim(who))"}  # type: ignore[dict-item]
    assert doubts_of_a_pull({"columns": columns, "when_negative": "returned_order"}) == []
