"""One campaign: who was assigned, what may be claimed, and, where nothing may, what would be provable when.

Pure: customers, terms and settings in, figures out. `verdict` is one word of VERDICTS; sentences are made elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from features.windows import day_number, day_text
from models.decision.power import Plan
from models.effect.sequential.trial import Trial, smallest_effect
from models.effect.verdicts import (
    FEWER_LEAVE,
    MORE_LEAVE,
    NO_CONTROL,
    NOT_PROVABLE_YET,
    NOT_PROVEN,
    NOTHING_MATURED,
    WITHHELD,
)
from models.errors import ModelError
from pipelines.at_risk.policy.campaign import NEW_SHARE
from pipelines.ledger.assignment import ESTIMATED
from pipelines.outcomes import effect, validity
from pipelines.outcomes.effect import ANY_TIME, Schedule, Seen
from pipelines.outcomes.evidence import evidence_of
from pipelines.outcomes.groups import groups_of
from pipelines.outcomes.terms import Terms
from pipelines.settings.campaign.outcomes import Outcomes

if TYPE_CHECKING:
    import pandas as pd

WEEK = 7
FEWEST = 2  # customers of an arm, for anything to be worked out


def campaign_of(
    name: str, people: pd.DataFrame, terms: Sequence[Terms], setting: Outcomes, *, known_until: str, reported: bool
) -> dict[str, Any]:
    """What a campaign achieved.

    Args:
        name: of the campaign.
        people: see people.people_of.
        terms: of its lists, the oldest first.
        setting: the section `outcomes`.
        known_until: the day at whose midnight knowledge ends.
        reported: whether the team reported anything on its lists.
    """
    planned = _planned(people, terms)
    schedule = _schedule(people, terms, setting, planned, known_until)
    compared = effect.comparable(people[people["as_of"].isin(schedule.days)])
    mature = people[people["matured"] & people["as_of"].isin(schedule.days)]
    later = int((~people["as_of"].isin(_planned_days(terms, setting))).sum())
    found = {
        "campaign": name,
        "first_list": terms[0].published.as_of,
        "last_list": terms[-1].published.as_of,
        "lists": len(terms),
        "lottery": terms[0].lottery and dict(terms[0].lottery),
        "weeks": None if setting.looks == ANY_TIME else terms[0].weeks,
        "planned_customers": planned,
        "ended": schedule.ends,
        "assigned": _arms(people),
        "matured": _arms(mature),
        "not_measurable": int((people["chance"] >= 1).sum()),
        "after_the_end": later,
        "probability": "estimated" if (people["known_from"] == ESTIMATED).any() else "recorded",
        "reported": reported,
        "hoped_for": terms[0].hoped_for,
        "next_matures_on": _next(people, terms),
        "looks": [],
        "gates": [],
        "evidence": [],
    }
    arms = _arms(compared)
    if not len(mature):
        return found | {"verdict": NOTHING_MATURED}
    if min(arms.values()) < FEWEST:
        return found | {"verdict": NO_CONTROL}
    return found | _measured(compared, mature, schedule, setting, terms)


def _measured(
    compared: pd.DataFrame, mature: pd.DataFrame, schedule: Schedule, setting: Outcomes, terms: Sequence[Terms]
) -> dict[str, Any]:
    seen = effect.looks_at(compared, schedule, setting)
    counts = effect.stacked_counts(compared, [np.ones(len(compared), dtype=bool)])
    gates = validity.gates_of(mature, counts[0])
    at = seen.now if seen.now is not None else len(seen.looks) - 1
    known = compared[compared["as_of"] <= seen.days[at]].reset_index(drop=True)
    critical = seen.looks[at].critical
    figures = {
        "looks": _look_rows(seen),
        "gates": validity.gate_rows(gates),
        "verdict": _verdict(seen, gates, ended=schedule.ends),
        "claimed_at": None if seen.claimed is None else seen.days[seen.claimed],
        "share_left": effect.effect_of(known, critical),
        "outlook": _outlook(compared, schedule, setting, terms),
    }
    if figures["verdict"] != WITHHELD:
        figures["evidence"] = evidence_of(compared)
    if np.isfinite(critical):
        figures |= effect.money_of(known, critical)
        figures |= {"reached": effect.reached_of(known, critical), "by_group": groups_of(known, schedule, setting)}
    return figures


def _verdict(seen: Seen, gates: list[Any], *, ended: bool) -> str:
    if any(gate.withholds and not gate.passed for gate in gates if gate.name != "events"):
        return WITHHELD
    if seen.claimed is not None:
        return FEWER_LEAVE if seen.looks[seen.claimed].effect > 0 else MORE_LEAVE
    return NOT_PROVEN if ended else NOT_PROVABLE_YET


def _planned_days(terms: Sequence[Terms], setting: Outcomes) -> list[str]:
    """Days of the lists within the planned weeks; all of them where there is no planned end."""
    days = [one.published.as_of for one in terms]
    end = day_text(day_number(days[0]) + WEEK * terms[0].weeks)
    return days if setting.looks == ANY_TIME else [day for day in days if day < end]


def _schedule(
    people: pd.DataFrame, terms: Sequence[Terms], setting: Outcomes, planned: int, known_until: str
) -> Schedule:
    days, known = _planned_days(terms, setting), {one.published.as_of: one.matures_on for one in terms}
    done = tuple(day for day in days if (known[day] or "9999") <= known_until)
    ahead = day_number(known[days[0]] or days[0]) - day_number(days[0])
    last = day_text(day_number(days[0]) + WEEK * (terms[0].weeks - 1) + ahead)
    ends = setting.looks != ANY_TIME and last <= known_until and len(done) == len(days)
    return Schedule(done, planned, ends)


def _planned(people: pd.DataFrame, terms: Sequence[Terms]) -> int:
    """Customers by the planned end: what the first list said; else its plan with what is known of it."""
    if terms[0].planned:
        return terms[0].planned
    return max(1, sum(_plan(people, terms).groups))


def _plan(people: pd.DataFrame, terms: Sequence[Terms]) -> Plan:
    """The campaign as a plan, from its first list and from how many of later lists were new."""
    first = people[people["as_of"] == terms[0].published.as_of]
    later = [float(size) for size in people.groupby("as_of").size().to_numpy()[1:]]
    new = min(1.0, sum(later) / len(later) / max(len(first), 1)) if later else NEW_SHARE
    rate = float(people["churn_probability"].mean())
    share = float(np.clip(1 - people["chance"].mean(), 0.0, 0.5))
    return Plan(
        max(1, int(first["contacted_arm"].sum())), terms[0].weeks, share, min(max(rate, 0.0), 1.0), new_share=new
    )


def _outlook(
    compared: pd.DataFrame, schedule: Schedule, setting: Outcomes, terms: Sequence[Terms]
) -> dict[str, Any] | None:
    """The effect that the campaign will be able to prove by its end, and when that is.

    `weeks`: more lists that have to mature until then (0: it has ended); `effect`: the smallest that is found in four
    of five such campaigns (null: none is). None where there is no planned end.
    """
    if setting.looks == ANY_TIME:
        return None
    whole = float(len(compared) if schedule.ends else max(schedule.planned, len(compared)))
    known = [float((compared["as_of"] <= day).sum()) / whole for day in schedule.days]
    weeks = 0 if schedule.ends else max(1, terms[0].weeks - len(schedule.days))
    ahead = [] if schedule.ends else list(np.linspace(min(known[-1], 1.0), 1.0, weeks + 1)[1:])
    fractions = tuple(np.unique(np.round([one for one in (*known, *ahead) if 0 < one <= 1], 9)).tolist()) or (1.0,)
    base = float(compared.loc[~compared["contacted_arm"], "left"].mean())
    # A lottery compares the drawn with the undrawn, and the few sure ones kept out with the others, never both at once.
    strata = compared["chance"].round(6) if terms[0].lottery else np.zeros(len(compared))
    cells = [own for _, own in compared.groupby(strata)]
    arms = np.array([[own["contacted_arm"].sum(), (~own["contacted_arm"]).sum()] for own in cells]).T
    contacted, control = arms * whole / max(len(compared), 1)
    rates = np.array([own.loc[~own["contacted_arm"], "left"].mean() for own in cells])
    trial = Trial(contacted, control, np.where(np.isfinite(rates), rates, base), fractions, setting.spending)
    try:
        least = smallest_effect(replace(trial, level=setting.level))
    except ModelError:
        least = None
    return {
        "weeks": weeks,
        "effect": None if least is None else ceil(least * 1000 - 1e-9) / 1000,
        "base_rate": round(base, 6),
    }


def _look_rows(seen: Seen) -> list[dict[str, Any]]:
    return [
        {
            "look": one.number,
            "list": day,
            "fraction": round(one.fraction, 6) if np.isfinite(one.fraction) else None,
            "is_enough": one.is_enough,
            "critical": round(one.critical, 6) if np.isfinite(one.critical) else None,
            "effect": round(one.effect, 6) if np.isfinite(one.effect) else None,
            "low": round(one.low, 6) if np.isfinite(one.critical) else None,
            "high": round(one.high, 6) if np.isfinite(one.critical) else None,
            "is_claimed": one.is_claimed,
        }
        for one, day in zip(seen.looks, seen.days, strict=True)
    ]


def _arms(people: pd.DataFrame) -> dict[str, int]:
    contact = int(people["contacted_arm"].sum())
    return {"contact": contact, "control": len(people) - contact}


def _next(people: pd.DataFrame, terms: Sequence[Terms]) -> str | None:
    """The day on which the next of its lists matures; None where all have."""
    waiting = set(people.loc[~people["matured"], "as_of"])
    days = [one.matures_on for one in terms if one.published.as_of in waiting and one.matures_on]
    return min(days, default=None)
