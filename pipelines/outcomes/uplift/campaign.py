"""An experiment out of a campaign of the ledger: assigned by chance, judged by the lists that have matured.

What was known before is what the ledger keeps of each entry: churn probability, value at risk, tier, kind, action and
channel as of the list. Customers count in the arm to which they were assigned (intention to treat), once, by their
first assignment; those who were sure to be contacted tell nothing and are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from models.effect.uplift.experiment import experiment_of
from pipelines.ledger.assigned import Campaigns
from pipelines.outcomes import validity
from pipelines.outcomes.effect import comparable, stacked_counts
from pipelines.outcomes.labels import Stream, outcomes
from pipelines.outcomes.people import people_of
from pipelines.outcomes.report import Question, terms_by_day
from pipelines.outcomes.terms import Terms
from pipelines.outcomes.uplift.arms import BAD
from pipelines.outcomes.uplift.known_before import known_before
from pipelines.outcomes.uplift.table import LEDGER, Found
from pipelines.runtime.errors import ChurnError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

CAMPAIGN = "campaign"
KEPT = ("churn_probability", "value_at_risk", "risk_tier", "segment", "action", "channel")
EVENTS = "events"  # its gate asks for one effect; needed.py asks for more


def from_campaign(
    name: str | None, ledger: Campaigns, question: Question, stream: Callable[[], Stream], *, known_until: str
) -> Found:
    """The experiment that a campaign is.

    Args:
        name: of the campaign; None: the newest.
        ledger: see assigned.campaigns.
        question: see Question.
        stream: gives the activity; called only where a list has matured.
        known_until: the day at whose midnight knowledge ends.

    Raises:
        ChurnError: there is no such campaign, nothing of it has matured, or nobody can be compared.
    """
    name, terms, people = matured_people(name, ledger, question, stream, known_until=known_until)
    mature = people[people["matured"]]
    compared = comparable(people)
    arm = compared["contacted_arm"].to_numpy(dtype=bool)
    if not len(arm) or arm.all() or not arm.any():
        raise ChurnError(
            f"campaign {name}: nobody was held out of its matured lists by chance, so nobody can say whom contacting "
            "helps. Set campaign.share or campaign.design in params.yaml."
        )
    counts = stacked_counts(compared, [np.ones(len(compared), dtype=bool)])
    gates = [gate for gate in validity.gates_of(mature, counts[0]) if gate.name != EVENTS]
    left = compared["left"].to_numpy(dtype=np.float64)
    before = known_before(compared, KEPT, arm, left, named=False)
    if not before.columns:
        raise ChurnError(f"campaign {name}: the ledger knows nothing of its customers by which they differ.")
    risk, chance = (
        compared["churn_probability"].to_numpy(dtype=np.float64),
        compared["chance"].to_numpy(dtype=np.float64),
    )
    experiment = experiment_of(arm, chance, 1 - left, before.features, before.columns, risk=risk)
    return Found(experiment, gates, _source(name, people, compared, terms, known_until), before.left_out)


def matured_people(
    name: str | None, ledger: Campaigns, question: Question, stream: Callable[[], Stream], *, known_until: str
) -> tuple[str, dict[str, Terms], pd.DataFrame]:
    """The campaign of a name (None: the newest), its terms by day, and its customers; see people.people_of.

    Raises:
        ChurnError: there is no such campaign, or nothing of it has matured.
    """
    name = _named(name, ledger)
    terms = {day: one for day, one in terms_by_day(ledger, question).items() if one.published.campaign == name}
    _require_matured(name, terms, known_until)
    return name, terms, _people(name, ledger, question, terms, stream=stream(), known_until=known_until)


def _named(name: str | None, ledger: Campaigns) -> str:
    if name is None:
        return ledger.lists[-1].campaign
    names = {one.campaign for one in ledger.lists}
    if name not in names:
        raise ChurnError(f"--campaign {name}: the ledger has no such campaign.{did_you_mean(name, names)}")
    return name


def _require_matured(name: str, terms: dict[str, Terms], known_until: str) -> None:
    days = sorted(one.matures_on for one in terms.values() if one.matures_on is not None)
    if not days or days[0] > known_until:
        when = f"the first does on {days[0]}" if days else "and of none is it known when it will"
        raise ChurnError(f"campaign {name}: no list has matured by {known_until}; {when}. Ask again then.")


def _people(
    name: str, ledger: Campaigns, question: Question, terms: dict[str, Terms], *, stream: Stream, known_until: str
) -> pd.DataFrame:
    entries = ledger.entries[ledger.entries["campaign"] == name]
    reports = ledger.reports[ledger.reports["campaign"] == name]
    found = outcomes(entries, terms, stream, question.marketing, known_until=known_until)
    found = found.astype({"as_of": "str", "customer_id": "str"})
    return people_of(entries, reports, found, terms, known_until=known_until, timezone=question.timezone)


def _source(
    name: str, people: pd.DataFrame, compared: pd.DataFrame, terms: dict[str, Terms], known_until: str
) -> dict[str, Any]:
    sure = int(((people["chance"] <= 0) | (people["chance"] >= 1)).sum())
    return {
        "kind": CAMPAIGN,
        "name": name,
        "treatment": "arm",
        "treated": ["contact"],
        "control": ["control"],
        "outcome": "left",
        "outcome_is": BAD,
        "probability": LEDGER,
        "risk": "churn_probability",
        "rows": len(people),
        "other_arms": sure,
        "no_outcome": len(people) - sure - len(compared),
        "used": len(compared),
        "known_until": known_until,
        "lists": len(terms),
        "matured_lists": sum(1 for one in terms.values() if (one.matures_on or "9999") <= known_until),
    }
