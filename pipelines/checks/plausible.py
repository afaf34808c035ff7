"""Figures of a stream whose rows are each well-formed, and which all the same can hardly be what happened.

Ids in two spellings, a third of all rows at one instant, amounts below zero, a customer with a tenth of everything, a
hole of months, a first row in 1900. Each figure has a limit in `checks.plausible` of params.yaml. Our own doings (out
of the ledger) are not judged; the stream is read twice, by customer and by day, in memory that grows with customers.
"""

# Queries are put together from our own names.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Any

from features.activity import OUR_ACTIVITIES
from features.expectations import plausible
from features.windows import DAY_US
from pipelines.checks.figures import VIEW, Table
from pipelines.checks.report import Finding
from pipelines.runtime.sql import text
from pipelines.settings.params import Plausible

DAYS_A_YEAR = 365.25
FEWEST_CUSTOMERS, FEWEST_ROWS, FEWEST_DAYS = 50, 100, 28
"""Below these a share says nothing: of five customers one has a fifth."""
PAUSES = 7
"""A sparse stream may have holes of so many times its usual pause."""
EXAMPLES = 10
SPELLING = r"^0*([0-9]+?)(\.0+)?$"
"""A whole number as a spreadsheet or a database of decimals may write it: 7, 007, 7.0."""


def plausibility(
    table: Table, limits: Plausible, *, main: str, moment: int, irregular: Collection[str]
) -> dict[str, tuple[Finding, float]]:
    """Figure -> what was found and how much is allowed; empty where nothing occurred.

    Args:
        table: the stream.
        limits: of params.yaml.
        main: the activity whose money is judged.
        moment: before which the stream ends (microseconds, UTC).
        irregular: activities that come at one instant as a matter of course (campaigns): not judged by it.
    """
    days = _days(table)
    if not days:
        return {}
    figures = dict(_of_customers(table, limits))
    figures |= dict(_of_money(table, limits, main))
    figures |= dict(_of_time(days, limits, moment))
    figures |= dict(_of_instants(table, limits, days, {*irregular, *OUR_ACTIVITIES}))
    return {plausible(name): figure for name, figure in figures.items()}


def _judged() -> str:
    return f"coalesce(activity, '') NOT IN ({', '.join(map(text, OUR_ACTIVITIES))})"


def _days(table: Table) -> list[tuple[str, int, int]]:
    """Activity, day since 1970 (UTC) and rows, by both."""
    found: list[tuple[str, int, int]] = table.con.execute(
        f"SELECT coalesce(activity, ''), epoch_us(occurred_at) // {DAY_US}, count(*) FROM {VIEW} "
        f"WHERE occurred_at IS NOT NULL AND {_judged()} GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return found


def _of_customers(table: Table, limits: Plausible) -> Iterator[tuple[str, tuple[Finding, float]]]:
    table.con.execute(
        f"CREATE OR REPLACE TEMP TABLE of_customers AS SELECT customer_id, count(*) AS rows FROM {VIEW} "
        f"WHERE {_judged()} AND customer_id IS NOT NULL GROUP BY ALL"
    )
    table.con.execute(
        "CREATE OR REPLACE TEMP TABLE spellings AS SELECT form, list(customer_id ORDER BY customer_id) AS ids "
        f"FROM (SELECT customer_id, regexp_replace(lower(trim(customer_id)), {text(SPELLING)}, '\\1') AS form "
        "FROM of_customers) GROUP BY form HAVING count(*) > 1"
    )
    one = table.con.execute
    customers, rows, most = one("SELECT count(*), coalesce(sum(rows), 0), max(rows) FROM of_customers").fetchone()
    (alike,) = one("SELECT coalesce(sum(len(ids)), 0) FROM spellings").fetchone()
    examples = one(f"SELECT unnest(ids[:2]) FROM (FROM spellings ORDER BY form LIMIT {EXAMPLES})").fetchall()
    words = f"{alike:,} of {customers:,} customers"
    named = [{"customer_id": customer} for (customer,) in examples]
    yield "two_spellings", (Finding(alike / max(customers, 1), words, named), limits.two_spellings)
    if customers >= FEWEST_CUSTOMERS:
        (who,) = one("SELECT customer_id FROM of_customers ORDER BY rows DESC, customer_id LIMIT 1").fetchone()
        words = f"{most:,} of {rows:,} rows"
        yield "one_customer", (Finding(most / rows, words, [{"customer_id": who}]), limits.one_customer)
    strange = f"len(customer_id) > {limits.id_length} OR regexp_matches(customer_id, '[\\x00-\\x1f\\x7f]')"
    (count,) = one(f"SELECT count(*) FROM of_customers WHERE {strange}").fetchone()
    yield "strange_ids", (Finding(count, f"{count:,} of {customers:,} customers"), 0.0)


def _of_money(table: Table, limits: Plausible, main: str) -> Iterator[tuple[str, tuple[Finding, float]]]:
    named = f"activity = {text(main)}"
    filled, below, largest = table.con.execute(
        f"SELECT count(value) FILTER (WHERE {named}), count(*) FILTER (WHERE {named} AND value < 0), "
        f"max(abs(value)) FILTER (WHERE isfinite(value)) FROM {VIEW} WHERE {_judged()}"
    ).fetchone()
    if filled >= FEWEST_ROWS:
        yield "below_zero", (Finding(below / filled, f"{below:,} of {filled:,} with a value"), limits.below_zero)
    if largest is not None:
        yield "largest_value", (Finding(largest, f"{largest:g}"), limits.largest_value)


def _of_time(days: list[tuple[str, int, int]], limits: Plausible, moment: int) -> Iterator[tuple[str, Any]]:
    """The age of the first row, and the longest hole among the rows of the years that are allowed."""
    first = min(day for _, day, _ in days)
    years = (moment / DAY_US - first) / DAYS_A_YEAR
    since = moment / DAY_US - limits.years * DAYS_A_YEAR
    old = sum(rows for _, day, rows in days if day < since)
    words = f"{years:,.1f} years" + (f"; {old:,} rows are older than {limits.years:g}" if old else "")
    yield "years", (Finding(years, words), limits.years)
    present = sorted({day for _, day, _ in days if day >= since})
    if len(present) > 1:
        holes = [(after - before - 1, before) for before, after in pairwise(present)]
        longest, before = max(holes)
        usual = (present[-1] - present[0]) / (len(present) - 1)
        allowed = max(float(limits.hole_days), PAUSES * usual)
        yield "hole", (Finding(longest, f"{longest:,} days after {_iso(before)}"), allowed)


def _of_instants(
    table: Table, limits: Plausible, days: list[tuple[str, int, int]], skipped: Collection[str]
) -> Iterator[tuple[str, Any]]:
    """For each activity with a history, the share of its rows at its commonest instant; looked up on busy days only."""
    for name in sorted({name for name, _, _ in days} - set(skipped)):
        own = [(rows, day) for activity, day, rows in days if activity == name]
        total, span = sum(rows for rows, _ in own), own[-1][1] - own[0][1]
        if total < FEWEST_ROWS or span < FEWEST_DAYS:
            continue
        rows, day = max(own)
        if rows / total > limits.one_instant:
            rows, at = table.con.execute(
                f"SELECT count(*), strftime(make_timestamp(epoch_us(occurred_at)), '%Y-%m-%d %H:%M:%S') FROM {VIEW} "
                f"WHERE activity = {text(name)} AND epoch_us(occurred_at) // {DAY_US} = {day} "
                "GROUP BY 2 ORDER BY 1 DESC, 2 LIMIT 1"
            ).fetchone()
            words = f"{rows:,} of {total:,} rows at {at} (UTC)"
        else:
            words = f"at most {rows:,} of {total:,} rows on one day"
        yield f"one_instant {name}", (Finding(rows / total, words), limits.one_instant)


def _iso(day: int) -> str:
    from datetime import date, timedelta

    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()
