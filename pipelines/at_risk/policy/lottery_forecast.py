"""What a lottery will be able to prove, said before it begins, under the boundary by which it will be measured.

Two strata are compared: the places that are drawn, half of the candidates for which are the control group, and the sure
ones, of whom `sure_holdout` are kept out (nothing is compared there where that is 0). See models/effect/sequential.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from models.decision.control_group import CONTACT, CONTROL
from models.decision.lottery import DRAWN, SURE
from models.effect.sequential.trial import MOST_WEEKS, Trial, smallest_effect, weeks_needed
from pipelines.at_risk.policy import campaign as campaigns
from pipelines.ledger.assignment import Draws
from pipelines.rendering.campaign_sentences import measured_ranks
from pipelines.rendering.language.language import Language
from pipelines.rendering.points import points
from pipelines.settings.campaign.contacts import Campaign
from pipelines.settings.campaign.outcomes import Outcomes
from pipelines.settings.model import Success

if TYPE_CHECKING:
    import pandas as pd

_SETTLED = 1.0  # probability of whoever could not have gone the other way


@dataclass(frozen=True)
class Lottery:
    """A lottery before it begins, from its list of this week.

    Attributes:
        drawn: customers who could have gone either way at the margin, both groups.
        sure: customers at the top, those kept out included.
        base_rates: share of the drawn, and of the sure, who leave if nobody contacts them, 0..1.
        holdout: of the sure, the share that is kept out, 0..1.
        weeks: planned.
        new_share: of a later week's places, those that go to customers who were on no list before, 0..1.
        pool: customers who can come on a list at all.
        outcomes: how it will be looked at.
    """

    drawn: int
    sure: int
    base_rates: tuple[float, float]
    holdout: float
    weeks: int
    new_share: float
    pool: int
    outcomes: Outcomes

    def growth(self, weeks: int) -> Any:
        """How many times this list's customers there will be after each week, as long as there are any."""
        most = max(self.pool / max(self.drawn + self.sure, 1), 1.0)
        return np.minimum(1 + np.arange(weeks) * self.new_share, most)

    def trial(self, weeks: int) -> Trial:
        """The comparison after so many weeks; it is looked at once a week."""
        growth = self.growth(weeks)
        arms = growth[-1] * np.array([self.drawn / 2, self.sure * self.holdout])
        contacted = growth[-1] * np.array([self.drawn / 2, self.sure * (1 - self.holdout)])
        used = arms > 0
        fractions = tuple(float(one) for one in np.unique(np.round(growth / growth[-1], 12)))
        if not used.any():
            used, arms, contacted = np.array([True, False]), np.zeros(2), np.zeros(2)
        rates = np.array(self.base_rates)
        spending, level = self.outcomes.spending, self.outcomes.level
        return Trial(np.floor(contacted[used]), np.floor(arms[used]), rates[used], fractions, spending, level)

    @cached_property
    def least(self) -> float | None:
        """The smallest effect that four of five such lotteries prove, in shares; None: they prove none."""
        return smallest_effect(self.trial(self.weeks))

    @cached_property
    def by_the_end(self) -> tuple[int, int]:
        """Customers who could have gone either way, contacted and not, by the end."""
        trial = self.trial(self.weeks)
        return round(float(trial.contacted.sum())), round(float(trial.control.sum()))


def lottery_of(
    assigned: pd.DataFrame, draws: Draws, pool: int, entries: pd.DataFrame, *, campaign: Campaign, outcomes: Outcomes
) -> Lottery:
    """The lottery as planned, with what is known of it so far.

    Args:
        assigned: customer_id and churn_probability of everybody contacted or not drawn on this list.
        draws: what is recorded of them.
        pool: customers who can come on a list at all.
        entries: of the ledger, see LedgerHistory.
        campaign, outcomes: the sections.
    """
    chances = dict(zip(assigned["customer_id"].astype("str"), assigned["churn_probability"], strict=True))
    own = {
        kind: [float(chances[one]) for one, chance, drawn_as, _ in draws if drawn_as == kind and counts(kind, chance)]
        for kind in (DRAWN, SURE)
    }
    rates = tuple(float(np.mean(one)) if one else 0.0 for one in own.values())
    return Lottery(
        drawn=len(own[DRAWN]),
        sure=len(own[SURE]),
        base_rates=(rates[0], rates[1]),
        holdout=campaign.sure_holdout,
        weeks=campaign.weeks,
        new_share=campaigns.new_share_of(entries, campaign),
        pool=pool,
        outcomes=outcomes,
    )


def counts(kind: str, chance: float) -> bool:
    """Whether a customer of that kind belongs to its stratum: drawn ones only where somebody could lose."""
    return kind == SURE or chance < _SETTLED


def forecast(
    plan: Lottery, entries: pd.DataFrame, campaign: Campaign, success: Success, language: Language
) -> dict[str, Any]:
    """What the lottery will be able to prove, for the manifest and the page; keys as of `campaign.forecast`, and:

    `drawn` and `sure` (customers of this list in either part), `sure_holdout`, `weeks_out`: see the section. `share` is
    null: nobody is held out by share. Of `by_the_end` and `assumed.base_rate` only those count who could have gone
    either way.
    """
    trial, own = plan.trial(plan.weeks), entries[entries["campaign"] == campaign.name]
    rate = trial.mean_base_rate
    effect = campaigns.expected_effect(rate, campaign, success)
    contacted, control = plan.by_the_end
    growth = float(plan.growth(plan.weeks)[-1])
    price = ceil(growth * plan.sure * plan.holdout * min(effect / rate, 1.0) * plan.base_rates[1] - 1e-9) if rate else 0
    weeks = weeks_needed(effect, plan.trial) if effect else None
    return {
        "name": campaign.name,
        "design": campaign.design,
        "share": None,
        "weeks": campaign.weeks,
        "drawn": plan.drawn,
        "sure": plan.sure,
        "sure_holdout": campaign.sure_holdout,
        "so_far": campaigns.so_far(own),
        "by_the_end": {CONTACT: contacted, CONTROL: control},
        "assumed": {
            "base_rate": round(rate, 6),
            "new_share": round(plan.new_share, 6),
            "expected_effect": round(effect, 6),
        },
        "smallest_effect": None if plan.least is None else round(plan.least, 6),
        "share_that_would_do": None,
        "weeks_that_would_do": weeks,
        "price": price,
        "said": [
            _provable(plan, language),
            *_enough(plan, effect, weeks, language),
            *measured_ranks(plan.sure, plan.holdout, language),
            *_assumed(plan, rate, price, language),
        ],
    }


def _provable(plan: Lottery, language: Language) -> str:
    """`With the last places drawn among 300 customers a week and 8 weeks, an effect below 9 points will not ...`"""
    facts = {
        "candidates": language.number(plan.drawn),
        "weeks": language.count(plan.weeks, "week", "weeks"),
    }
    if plan.least is None:
        text = (
            "With the last places drawn among {candidates} customers a week and {weeks}, no effect at all will be "
            "provable."
        )
        return language.say(text, **facts)
    text = (
        "With the last places drawn among {candidates} customers a week and {weeks}, an effect below {points} will not "
        "be provable."
    )
    return language.say(text, **facts, points=points(plan.least, language, up=True))


def _enough(plan: Lottery, effect: float, weeks: int | None, language: Language) -> list[str]:
    if effect == 0:
        return []
    hoped = points(effect, language)
    if plan.least is not None and plan.least <= effect:
        return [language.say("That is enough for the {points} that are hoped for.", points=hoped)]
    if weeks is None:
        most = language.count(MOST_WEEKS, "week", "weeks")
        text = "Not even {weeks} would prove the {points} that are hoped for."
        return [language.say(text, points=hoped, weeks=most)]
    text = "To prove the {points} that are hoped for, go on for {weeks} in all."
    return [language.say(text, points=hoped, weeks=language.count(weeks, "week", "weeks"))]


def _assumed(plan: Lottery, rate: float, price: int, language: Language) -> list[str]:
    contacted, control = plan.by_the_end
    lines = [
        language.say(
            "Assumed: {rate} of those who may be drawn leave if nobody contacts them, and {new} of a later list are on "
            "it for the first time. That makes {contacted} contacted and {control} not, by lot, by the end.",
            rate=language.percent(rate),
            new=language.percent(plan.new_share),
            contacted=language.number(contacted),
            control=language.number(control),
        )
    ]
    if price:
        lost = language.count(price, "customer", "customers")
        text = "The price of knowing: about {lost} will leave whom a contact would have kept."
        lines.append(language.say(text, lost=lost))
    return lines
