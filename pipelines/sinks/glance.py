"""The week at a glance: the few figures that stand above the list, and how far to trust them, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from models import decision
from pipelines.params import Settings
from pipelines.sinks.wording import percent

VERDICTS = {
    "A": ("Good", "Clearly better than the best simple rule."),
    "B": ("Fair", "Better than the best simple rule, but not in every respect."),
    "C": ("Use with care", "Not proven to be better than the best simple rule. Take the order as a rough guide."),
}
UNTESTED = "Not tested on a later time than it learned from. Take its figures as a rough guide."
RULES = {
    "days_since_last": "the days since the last order",
    "order_count": "counting orders",
    "bg_nbd": "a formula of each customer's own buying habit",
    "rfm_score": "a score of how recently, how often and for how much",
    "logistic_rfmt": "a formula of how recently, how often, for how much and how long",
}


def figures(table: pd.DataFrame, scores: pd.DataFrame, settings: Settings) -> dict[str, Any]:
    """Counts, shares (0..1) and money of this list beside everyone who was scored. Money is null without any."""
    base = decision.base_rate(scores)
    floors = decision.tier_floors(base, settings.at_risk.tiers.odds())
    tiers = table["risk_tier"].value_counts()
    money = decision.has_money(scores)
    return {
        "listed": len(table),
        "eligible": len(scores),
        "capacity": settings.at_risk.capacity,
        "bound": "capacity" if len(scores) > settings.at_risk.capacity else "everyone eligible is listed",
        "base_rate": round(base, 6),
        "expected_leavers": round(float(scores["churn_probability"].sum()), 1),
        "expected_leavers_listed": round(float(table["churn_probability"].sum()), 1),
        "value_at_risk": round(float(scores["value_at_risk"].sum()), 2) if money else None,
        "value_at_risk_listed": round(float(table["value_at_risk"].sum()), 2) if money else None,
        "cut": _cut(table, money=money),
        "tiers": {
            name: {"from": round(floor, 6), "listed": int(tiers.get(name, 0))}
            for name, floor in {**floors, decision.LOWEST_TIER: 0.0}.items()
        },
    }


def _cut(table: pd.DataFrame, *, money: bool) -> float:
    """What the last customer on the list has: value at risk, or probability where there is no money."""
    return float(table["value_at_risk" if money else "churn_probability"].iloc[-1])


def trust(metrics: Mapping[str, Any], version: str = "") -> dict[str, Any]:
    """How far to trust the model, from the champion's own test: `verdict`, `short` (a sentence), `lines` (why).

    `version`: a sentence on which version scored; the last of the lines.
    """
    test, last = metrics.get("test"), [version] if version else []
    if not test:
        return {"verdict": "Not tested", "short": UNTESTED, "lines": last}
    grade = metrics.get("grade") or {}
    verdict, short = VERDICTS.get(str(grade.get("grade")), ("Tested", ""))
    best = str(grade.get("best_baseline", ""))
    lines = [
        (
            "Tested on a later time: of every 100 customers it put in the riskiest tenth, "
            f"{_of_100(test['precision_at_10'])} did leave. Picked at random, {_of_100(test['churn_rate'])} would have."
        ),
        f"Its percentages were off by {test['ece'] * 100:.1f} points on average.",
    ]
    if test["roc_auc"] is not None:
        told = f"{_of_100(test['roc_auc'])} times out of 100. Guessing gets 50."
        lines.insert(
            1, f"Shown one customer who left and one who stayed, it gave the one who left the higher risk {told}"
        )
    lines += [f"The best simple rule was {RULES.get(best, best.replace('_', ' '))}."] if best else []
    return {"verdict": verdict, "short": short, "lines": lines + last}


def _of_100(share: float) -> str:
    return percent(share).removesuffix("%")
