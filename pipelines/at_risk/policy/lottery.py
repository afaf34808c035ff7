"""The lottery of a campaign on a week's list: who is sure, who is drawn, and what is recorded of each.

The draw itself is models/decision/lottery.py. A list that is made again draws the same: whoever was drawn or not on a
list published for the same day counts as assigned, and everybody else is drawn as if it had not been published.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from features.windows import day_number
from models.decision.cut import Cut
from models.decision.drawn_cut import cut_by_lot
from models.decision.lottery import CARRIED, Assignment, Design, Earlier
from pipelines.at_risk.policy.campaign import Assignments, series
from pipelines.ledger.assignment import DRAW, Draw, Draws, design_in_use, newest_draws
from pipelines.ledger.read import FILE
from pipelines.runtime.errors import ChurnError
from pipelines.settings.campaign.contacts import Campaign
from pipelines.settings.churn import definition_of
from pipelines.settings.decision import ListPolicy

if TYPE_CHECKING:
    import pandas as pd

_WEEK = 7


def require_same_design(campaign: Campaign, day: str, path: Path = FILE) -> None:
    """Raise ChurnError where the campaign began with another design: it keeps its own until it ends."""
    begun = design_in_use(campaign.name, day, path)
    if begun is not None and begun != campaign.design:
        raise ChurnError(
            f"params.yaml: campaign.design is {campaign.design}, but lists of the campaign {campaign.name!r} were "
            f"published as a {begun}, and a campaign keeps its design until it ends: its customers were assigned by "
            f"other chances. Set campaign.design: {begun} again, or begin another campaign: another campaign.name."
        )


def earlier_draws(campaign: str, day: str, path: Path = FILE) -> Assignments:
    """Who was drawn or not in a lottery of this name, on lists published for the day of the list or before."""
    draws = newest_draws(campaign, day, path)
    before = {customer: one.group for customer, one in draws.items() if one.as_of < day}
    same_day = {customer: one.group for customer, one in draws.items() if one.as_of == day}
    return Assignments(series(before), series(same_day), draws)


def design_of(places: int, policy: ListPolicy) -> Design:
    """The lottery of a list with so many places."""
    campaign = policy.campaign
    return Design(
        capacity=places,
        sure=places - drawn_places(places, campaign),
        weeks=weeks_out(policy),
        key=campaign.key,
        campaign=campaign.name,
        sure_holdout=campaign.sure_holdout,
    )


def drawn_places(places: int, campaign: Campaign) -> int:
    """Of so many places those that are drawn: at least one."""
    return max(1, round(places * campaign.lottery_share))


def weeks_out(policy: ListPolicy) -> int:
    """For how many weeks an undrawn customer stays out: the horizon, where the section does not say."""
    weeks = policy.campaign.lottery_weeks
    return ceil(definition_of(policy.moment.churn).lead.ahead_days / _WEEK) if weeks == "auto" else weeks


def drawn(candidates: pd.DataFrame, known: Mapping[str, Draw], policy: ListPolicy, *, stop: bool) -> tuple[Cut, Draws]:
    """The ranking, cut, and what is to be recorded of everybody on it.

    Args:
        candidates: see drawn_cut.cut_by_lot.
        known: newest draws of the campaign, see `campaign.Assignments`.
        policy: by which the list is decided.
        stop: whether the list ends before the first contact that brings nothing.
    """
    day = day_number(policy.moment.as_of)
    earlier = {
        customer: Earlier(one.group, (day - day_number(one.as_of)) // _WEEK, one.draws)
        for customer, one in known.items()
    }
    cut, assigned = cut_by_lot(
        candidates,
        earlier,
        lambda places: design_of(places, policy),
        capacity=policy.at_risk.capacity,
        budget=policy.at_risk.budget,
        stop_when_unprofitable=stop,
    )
    return cut, [_recorded(one, known) for one in assigned]


def _recorded(one: Assignment, known: Mapping[str, Draw]) -> tuple[str, float, str, int]:
    if one.by == CARRIED or one.probability is None:
        before = known[one.customer]
        return one.customer, before.probability, before.drawn_as, before.draws
    return one.customer, one.probability, one.by, one.draws


def draws_table(draws: Draws) -> pd.DataFrame:
    """Rows of DRAW as a table for people and for the ledger; probabilities to six digits."""
    import pandas as pd

    table = pd.DataFrame(list(draws), columns=list(DRAW))
    return table.assign(contact_probability=[f"{chance:.6f}" for chance in table["contact_probability"]])
