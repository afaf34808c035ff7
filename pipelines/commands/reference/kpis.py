"""The figures of `churn kpi` with their formulas, and the columns of their files, from the declarations.

A column without a description is a fault: the build stops with its name.
"""

from __future__ import annotations

from models.kpi.declarations import Figure, formula
from models.kpi.figures import CHAPTERS
from pipelines.commands.reference.markdown import code, table
from pipelines.outcomes.kpi import cohorts, state_moves
from pipelines.outcomes.kpi.rows import COLUMNS, NEEDS

INTERVALS = {"share": "Wilson", "mean": "ratio over customers", None: ""}
PHASES = {
    "start": "when it begins",
    "flow": "while it runs",
    "end": "when it is over",
    "ahead": "gap and horizon behind its start",
}
ROW = {
    "as_of": "the day at whose midnight knowledge ended",
    "grain": "`month`, `quarter`, or `campaign` (what a kept customer cost)",
    "period": "`2017-10`, `2017-Q4`, or the campaign's name",
    "definition": "the churn definition by which customers are customers",
    "figure": "its name, see the [figures](../retention-team/kpi.md#every-figure)",
    "dimension": "`all`, `segment`, `tier`, `risk_tier`, `cohort`, `member`, or an attribute of `kpi.attributes`",
    "group": "the group within it; `other`: groups of fewer than 10 customers together",
    "unit": "`customers`, `share` (0 to 1), `money` (in `currency`), `orders`, `score`, `days`, `points`, `number`",
    "numerator": "the sum above the line",
    "denominator": "the sum below it; null where the figure is a count",
    "value": "null where it cannot be said: never 0 for unknown",
    "low": "lower limit of the 95% interval; null where there is none",
    "high": "upper limit",
    "reason": "why there is no value, or until when the period is open; null where it is closed",
    "restated": "what the file of an earlier day said of this closed period, where it said something else",
    "source": "`activity`, `ledger`, `params.yaml`, `outcomes`",
}
COHORT = {
    "definition": "the churn definition, whose orders count",
    "first_month": "in which the cohort first ordered",
    "month": "the month that is looked at",
    "months_later": "how many months behind it",
    "size": "customers of the cohort, at least 10",
    "customers": "of them ordered in the month",
    "orders": "their orders",
    "money": "what they spent; empty where the stream has no money",
    "share": "customers over size",
}
MOVE = {
    "definition": "the churn definition",
    "month": "at whose begin and end customers are looked at",
    "from": "the state at its begin: `not yet`, `new`, `active`, `at risk`, `won back`, `lapsed`",
    "to": "the state at its end",
    "customers": "how many moved so",
    "at_risk_by": "at the end: `published list`, `behaviour`, or `unknown` (subscriptions without a list)",
}


def figures() -> str:
    """Every figure: its formula, when it is known, its interval, and what the stream must hold."""
    heads = ("figure", "formula", "known", "interval", "needs")
    parts = [f"### {title}\n\n{table(heads, [_row(one) for one in figures])}" for title, figures in CHAPTERS]
    return "\n\n".join(parts)


def _row(figure: Figure) -> tuple[str, ...]:
    needs = ", ".join(NEEDS.get(need, code(need)) for need in figure.needs)
    name = f"{figure.title}, {code(figure.name)}"
    return name, formula(figure), PHASES[figure.phase], INTERVALS[figure.interval], needs


def rows() -> str:
    """The columns of kpi.csv and kpi.parquet."""
    return table(("column", "meaning"), [(code(name), ROW[name]) for name in COLUMNS])


def cohort_columns() -> str:
    """The columns of cohorts.csv."""
    return table(("column", "meaning"), [(code(name), COHORT[name]) for name in cohorts.COLUMNS])


def move_columns() -> str:
    """The columns of moves.csv."""
    return table(("column", "meaning"), [(code(name), MOVE[name]) for name in state_moves.COLUMNS])
