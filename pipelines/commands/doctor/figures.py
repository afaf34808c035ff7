"""Figures that tell whether a stream can teach a model: rhythm, moments, verdict. `run.py` puts them in words."""

# Queries are put together from our own column names; whatever comes from outside is quoted by stream.text.
# ruff: noqa: S608

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

import pandas as pd

from features.churn.labels import Definition, eligibility, label
from features.windows import day_number, day_text
from pipelines.runtime.sql import text

MOST_MOMENTS = 6
QUANTILES = (0.25, 0.5, 0.75, 0.9)

# A pause is counted in local days: two orders on one day are one visit.
_DAYS = """
create or replace temp table visit as
select distinct customer_id, timezone({zone}, occurred_at)::date as day from known where activity = {activity}
"""
_GAPS = """
create or replace temp table gap as
select customer_id, day - lag(day) over (partition by customer_id order by day) as days
from visit qualify days is not null
"""


@dataclass(frozen=True)
class VisitGaps:
    """Days between one customer's consecutive visits.

    `quantiles`: of all pauses, at 25, 50, 75 and 90%. `usual_longest`: what nine of ten pauses of the typical customer
    stay below (the median over customers of their own 90% quantile). `returned`: customers with two visits or more.
    """

    quantiles: tuple[float, ...]
    usual_longest: float
    returned: int


@dataclass(frozen=True)
class Moment:
    """Who was a customer at a moment, and how many of them left."""

    as_of: str
    customers: int
    churners: int

    @property
    def share(self) -> float:
        """Churners among customers (0..1)."""
        return self.churners / self.customers if self.customers else 0.0


def visit_gaps(con: Any, activity: str, timezone: str) -> VisitGaps | None:
    """The rhythm of one activity in `known`; None where nobody did it on two days."""
    con.execute(_DAYS.format(zone=text(timezone), activity=text(activity)))
    con.execute(_GAPS)
    pooled, returned = con.execute(
        f"select quantile_cont(days, {list(QUANTILES)}), count(distinct customer_id) from gap"
    ).fetchall()[0]
    if not returned:
        return None
    own = "select customer_id, quantile_cont(days, 0.9) as longest from gap group by customer_id"
    usual = con.execute(f"select median(longest) from ({own})").fetchall()[0][0]
    return VisitGaps(tuple(pooled), float(usual), returned)


def suggestion(rhythm: VisitGaps, activity: str, history_days: int) -> Definition:
    """A silence unusual for the typical customer, in whole weeks, and short enough for the history to hold five."""
    weeks = max(1, ceil(rhythm.usual_longest / 7))
    weeks = max(1, min(weeks, history_days // 35))
    return Definition(
        kind="silence", activity=activity, active_within_days=14 * weeks, gap_days=0, horizon_days=7 * weeks
    )


def moments_of(con: Any, definition: Definition, until: str, first_day: str, timezone: str) -> list[Moment]:
    """Up to six moments a whole window apart, newest first; those with too little history behind them are left out."""
    ahead, end = definition.lead.ahead_days, day_number(until)
    days = [end - ahead * (i + 1) for i in range(MOST_MOMENTS)]
    wanted = [day_text(day) for day in days if day - definition.lead.behind_days >= day_number(first_day)]
    if not wanted:
        return []
    labels = label(events_of(con, definition), definition, wanted, timezone, until)
    counted = labels.groupby("as_of")["churned"].agg(["size", "sum"]).sort_index(ascending=False)
    return [
        Moment(f"{pd.Timestamp(str(day)):%Y-%m-%d}", int(size), int(left)) for day, size, left in counted.itertuples()
    ]


def eligibility_now(con: Any, definition: Definition, as_of: str, timezone: str) -> pd.Series[str]:
    """How everyone in `known` stands to the definition at a moment, by customer_id."""
    return eligibility(events_of(con, definition), definition, as_of, timezone)


def events_of(con: Any, definition: Definition) -> pd.DataFrame:
    """What a definition reads of `known`, oldest first."""
    names = ", ".join(map(text, definition.activities))
    table: pd.DataFrame = (
        con.sql(
            "select customer_id, activity, occurred_at, recorded_at, removed_at, subject, term_days, value from known "
            f"where activity in ({names}) order by occurred_at, activity_id"
        )
        .to_arrow_table()
        .to_pandas()
    )
    return table


@dataclass(frozen=True)
class Assessment:
    """Whether a stream can teach a definition. `lacks`: what forbids it; `thin`: what makes its figures vague."""

    lacks: tuple[str, ...]
    thin: tuple[str, ...]

    @property
    def enough(self) -> bool:
        """Nothing forbids it."""
        return not self.lacks


FEWEST, COMFORTABLE = 20, 100  # churners, and stayers, at the moment that judges


def verdict(definition: Definition, moments: list[Moment], history_days: int) -> Assessment:
    """Enough means: one moment to learn from, a later one to be judged at, and both kinds of customers at that one."""
    ahead, behind = definition.lead.ahead_days, definition.lead.behind_days
    needed, comfortable = behind + 2 * ahead, behind + 4 * ahead
    lacks, thin = [], []
    if len(moments) < 2:
        lacks.append(
            f"The history of {history_days} days is too short: {needed} days are needed ({behind} in which somebody is "
            f"a customer, {ahead} ahead of the moment that is learnt from, {ahead} ahead of the later one that judges)."
        )
    elif history_days < comfortable:
        thin.append(
            f"The history of {history_days} days has no room for moments on which to choose and calibrate "
            f"({comfortable} days would have); the simple models will probably win."
        )
    if moments:
        judged = moments[0]
        for what, count in (("left", judged.churners), ("stayed", judged.customers - judged.churners)):
            if count < FEWEST:
                lacks.append(
                    f"At {judged.as_of} only {count} customers {what}; "
                    f"with fewer than {FEWEST} no model can be told from luck."
                )
            elif count < COMFORTABLE:
                thin.append(
                    f"At {judged.as_of} only {count} customers {what}; below {COMFORTABLE} the figures of a model are "
                    "vague (a ROC AUC is known to about 0.05 at best)."
                )
    return Assessment(tuple(lacks), tuple(thin))
