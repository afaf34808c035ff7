"""`churn kpi` against other code, to the last cent; its laws; what is unknown is not 0."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.churn.definition import Definition
from features.windows import midnight
from pipelines.outcomes.kpi.report import Asked, Report, report
from pipelines.outcomes.kpi.rows import COLUMNS, is_closed, key
from pipelines.outcomes.labels import Stream
from pipelines.settings.campaign.kpi import Kpi
from tests.conftest import examples
from tests.features.oracle import Did
from tests.pipelines.kpi_for_tests import BERLIN, NOTHING, SILENT, Plain, generated_stream, reported, shop_stream, whole
from tests.subscriptions import subscriptions

CANCELLED = Definition(
    "cancellation",
    "started_subscription",
    horizon_days=30,
    gap_days=7,
    starts="started_subscription",
    ends="cancelled_subscription",
)
RHYTHM = Definition("rhythm", "placed_order", active_within_days=120, horizon_days=28, least_pauses=3)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return reported(tmp_path_factory.mktemp("shop"), shop_stream(), "2024-12-02")


def agree(rows: dict[str, dict[str, Any]], plain: dict[str, Any]) -> None:
    for figure, expected in plain.items():
        found = rows[figure]["value"]
        if isinstance(expected, Decimal) and figure == "revenue":
            assert Decimal(str(found)) == expected, figure
        else:
            assert found == pytest.approx(float(expected), abs=1e-6), figure


@pytest.mark.parametrize(
    ("grain", "period", "start", "end"),
    [
        ("month", "2024-05", date(2024, 5, 1), date(2024, 6, 1)),
        ("month", "2024-10", date(2024, 10, 1), date(2024, 11, 1)),
        ("quarter", "2024-Q3", date(2024, 7, 1), date(2024, 10, 1)),
    ],
)
def test_the_shop_s_figures_are_those_of_other_code(
    shop: Report, grain: str, period: str, start: date, end: date
) -> None:
    agree(whole(shop, grain, period), Plain(shop_stream(), SILENT, BERLIN).figures(start, end))


@pytest.mark.parametrize("gap", [0, 5])
def test_a_generated_stream_s_figures_are_those_of_other_code(tmp_path: Path, gap: int) -> None:
    stream, definition = generated_stream(), replace(SILENT, gap_days=gap)
    found, plain = reported(tmp_path, stream, "2024-07-10", definition), Plain(stream, definition, BERLIN)
    for month in range(1, 6):
        start, end = date(2024, month, 1), date(2024, month + 1, 1)
        rows = whole(found, "month", f"2024-{month:02d}")
        agree(rows, plain.figures(start, end))
        answers = [one.value for one in plain.counted("answered_nps", start, end)]
        promoters, detractors = sum(one >= 9 for one in answers), sum(one <= 6 for one in answers)
        assert rows["nps"]["value"] == pytest.approx(100 * (promoters - detractors) / len(answers), abs=1e-6)
        mails = len(plain.counted("received_email", start, end))
        opened = len(plain.counted("opened_email", start, end))
        assert rows["open_rate"]["value"] == pytest.approx(opened / mails, abs=1e-6)
        earned = sum(one.value or 0 for one in plain.counted("earned_points", start, end))
        assert rows["points_earned"]["value"] == earned
        so_far = [plain.counted(f"{name}_points", date.min, end) for name in ("earned", "redeemed")]
        assert rows["points_outstanding"]["value"] == sum(a.value for a in so_far[0]) - sum(b.value for b in so_far[1])
        assert rows["complaints"]["value"] == len(plain.counted("complained", start, end))
        assert rows["csat"]["value"] is None
        assert rows["csat"]["reason"] == "not in your data: needs answered_csat"


def test_subscriptions_are_counted_by_their_own_kind(tmp_path: Path) -> None:
    events = subscriptions(customers=80)
    stamps = pd.to_datetime(events["occurred_at"], utc=True).astype("datetime64[us, UTC]").astype("int64")
    stream = [
        Did(who, activity, int(at), value=None if pd.isna(value) else float(value))
        for who, activity, at, value in zip(
            events["customer_id"], events["activity"], stamps, events["value"], strict=True
        )
    ]
    found = reported(tmp_path, stream, "2024-11-25", CANCELLED, "UTC")
    plain = Plain([one for one in stream if one.activity in CANCELLED.activities], CANCELLED, "UTC")
    names = ("customers_start", "customers_end", "new", "won_back", "lost", "retention_rate", "churn_rate")
    for month in (6, 9):
        expected = plain.figures(date(2024, month, 1), date(2024, month + 1, 1))
        rows = whole(found, "month", f"2024-{month:02d}")
        agree(rows, {name: expected[name] for name in (*names, "churn_rate_horizon")})
        assert rows["revenue"]["reason"] == "not in your data: needs repeated payments (of a subscription: renews)"


def test_a_rhythm_s_moves_balance(tmp_path: Path) -> None:
    found = reported(tmp_path, generated_stream(), "2024-07-10", RHYTHM)
    rows = whole(found, "month", "2024-05")
    count = {name: rows[name]["value"] for name in ("customers_start", "new", "won_back", "lost", "customers_end")}
    assert count["customers_start"]
    assert _balanced(count)


def _balanced(count: dict[str, Any]) -> bool:
    came = count["customers_start"] + count["new"] + count["won_back"]
    return bool(came - count["lost"] == count["customers_end"])


def test_groups_add_up_and_balance_in_every_period(shop: Report) -> None:
    table = pd.DataFrame(shop.rows)
    counts = table[table["denominator"].isna() & table["value"].notna() & (table["grain"] != "campaign")]
    sums = counts.groupby(["grain", "period", "figure", "dimension"])["value"].sum().unstack("dimension")
    assert set(sums.columns) == {"all", "segment", "cohort"}
    for dimension in ("segment", "cohort"):
        known = sums[dimension].notna()
        assert (sums.loc[known, dimension] - sums.loc[known, "all"]).abs().max() < 1e-6, dimension
    wide = counts.pivot(index=["grain", "period", "dimension", "group"], columns="figure", values="value")
    moved = wide.dropna(subset=["customers_end"])
    assert len(moved) > 80
    assert all(_balanced(dict(row)) for _, row in moved.iterrows())
    shown = counts[counts["figure"] == "active"]
    assert {"other"} <= set(shown["group"])


def test_a_group_has_at_least_ten_customers(shop: Report) -> None:
    table = pd.DataFrame(shop.rows)
    own = table[(table["dimension"] != "all") & (table["grain"] == "month") & table["value"].notna()]
    wide = own.pivot_table(index=["period", "dimension", "group"], columns="figure", values="value")
    people = wide[["customers_start", "active"]].fillna(0).max(axis=1) + wide["new"].fillna(0)
    assert people.min() >= 5, "who started, or came, or ordered: together ten"
    assert min(row["size"] for row in shop.cohorts) >= 10


def closed(found: Report) -> dict[Any, tuple[Any, ...]]:
    names = ("numerator", "denominator", "value", "low", "high")
    return {key(row): tuple(row[name] for name in names) for row in found.rows if is_closed(row)}


@given(later=st.integers(20, 150))
@settings(examples(2), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_later_data_changes_no_closed_period(tmp_path: Path, later: int) -> None:
    stream = generated_stream(customers=40)
    day = str((pd.Timestamp("2024-02-10") + pd.Timedelta(days=later)).date())
    before = closed(reported(tmp_path / f"a{later}", stream, "2024-02-10"))
    behind = closed(reported(tmp_path / f"b{later}", stream, day))
    assert before
    assert {one: behind[one] for one in before} == before


def test_what_is_asked_for_an_earlier_day_is_not_told_by_later_activity(tmp_path: Path) -> None:
    stream = generated_stream(customers=40)
    cut = reported(tmp_path / "a", stream, "2024-02-10")
    reported(tmp_path / "b", stream, "2024-06-10")
    asked = Asked("2024-02-10", {"d": SILENT}, "d", Kpi(), None, BERLIN)
    longer = report(Stream.of(tmp_path / "b"), asked, NOTHING)
    assert [row for row in longer.rows if row["value"] is not None] == [
        row for row in cut.rows if row["value"] is not None
    ]


def test_periods_close_when_gap_and_horizon_have_passed(shop: Report) -> None:
    def reason(period: str, figure: str = "churn_rate", grain: str = "month") -> Any:
        return whole(shop, grain, period)[figure]["reason"]

    assert reason("2024-10") is None
    assert reason("2024-11") == "open: final on 2024-12-29"
    assert reason("2024-12") == "open: the period ends on 2025-01-01"
    assert reason("2024-12", "churn_rate_horizon") == "open: known from 2024-12-29"
    assert reason("2024-01") == "the data begin on 2024-01-01"
    assert reason("2024-Q4", "retention_rate", "quarter") == "open: the period ends on 2025-01-01"
    assert all(set(row) >= set(COLUMNS) - {"restated"} for row in shop.rows)


def test_fewer_than_ten_customers_are_not_shown(tmp_path: Path) -> None:
    at = midnight("2024-03-05", BERLIN)
    few = [Did(f"x{number}", "placed_order", at + number * 86_400_000_000 * 20, value=5.0) for number in range(9)]
    found = reported(tmp_path, few, "2024-09-30")
    assert {row["value"] for row in found.rows} == {None}
    assert whole(found, "month", "2024-04")["orders"]["reason"] == "fewer than 10 customers"
    assert found.cohorts == []


def test_cohorts_are_those_of_other_code(shop: Report) -> None:
    plain = Plain(shop_stream(), SILENT, BERLIN)
    first = {
        who: own[0][0] for who in plain.did if (own := [x for x in plain.did[who] if x[1].activity == "placed_order"])
    }
    members = [who for who, day in first.items() if (day.year, day.month) == (2024, 3)]
    row = next(one for one in shop.cohorts if (one["first_month"], one["month"]) == ("2024-03", "2024-06"))
    own = [plain.orders(who, date(2024, 6, 1), date(2024, 7, 1)) for who in members]
    assert (row["size"], row["customers"], row["orders"]) == (len(members), sum(map(bool, own)), sum(map(len, own)))
    assert Decimal(str(row["money"])) == sum(Decimal(str(one.value)) for each in own for one in each)


def test_moves_between_states_end_where_the_next_month_s_begin(shop: Report) -> None:
    table = pd.DataFrame(shop.moves)
    months = sorted(table["month"].unique())
    for month, following in pairwise(months):
        to = table[table["month"] == month].groupby("to")["customers"].sum()
        begins = table[table["month"] == following].groupby("from")["customers"].sum()
        for state in set(to.index) - {"not yet"}:
            assert to[state] == begins[state], (month, state)
    assert set(table["at_risk_by"]) == {"behaviour"}
