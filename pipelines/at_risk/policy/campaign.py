"""The campaign that a week's list belongs to: earlier assignments, and the effect that it will be able to prove."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.decision import power
from models.decision.control_group import CONTACT, CONTROL, GROUPS, assign
from models.decision.power import Plan
from pipelines.ledger.assignment import Draw
from pipelines.ledger.read import FILE, opened
from pipelines.rendering.language.language import Language
from pipelines.rendering.points import points
from pipelines.settings.campaign.contacts import Campaign
from pipelines.settings.model import Success

if TYPE_CHECKING:
    import pandas as pd

NEW_SHARE = 0.25  # of a later list, before any was published: about what weekly lists of a grocer have
_FIRST_COME = """
select customer_id, "group", as_of from publication join entry on entry.publication = publication.number
where campaign = :campaign and as_of <= :day order by as_of, number
"""


@dataclass(frozen=True)
class Assignments:
    """Groups (`contact` or `control`) by customer_id of those assigned in the campaign; the first assignment counts.

    Attributes:
        before: on lists published for earlier days, revised or not.
        same_day: for the first time on a list that was published for this very day.
        draws: where places are drawn by lot, the newest draw of each, on lists for this day or before.
    """

    before: pd.Series[str] = field(default_factory=lambda: series({}))
    same_day: pd.Series[str] = field(default_factory=lambda: series({}))
    draws: Mapping[str, Draw] = field(default_factory=dict)


def earlier_assignments(campaign: str, day: str, path: Path = FILE) -> Assignments:
    """Who was assigned in the campaign of this name on lists published for the day of the list or before."""
    with opened(path) as con:
        rows = con.execute(_FIRST_COME, {"campaign": campaign, "day": day}).fetchall() if con else []
    groups: dict[bool, dict[str, str]] = {True: {}, False: {}}
    for customer, group, when in rows:
        if customer not in groups[True]:
            groups[when < day].setdefault(customer, group)
    return Assignments(series(groups[True]), series(groups[False]))


def series(groups: dict[str, str]) -> pd.Series[str]:
    """Groups by customer_id, in order of the ids."""
    import pandas as pd

    return pd.Series(groups, dtype="str", name="group").sort_index().rename_axis("customer_id")


def groups(candidates: pd.DataFrame, known: Assignments, campaign: Campaign) -> pd.Series[str]:
    """The group of every candidate: see models/decision/control_group.py.

    Whoever was assigned on a list published for the same day keeps that group when the list is made again. The others
    are assigned as if it had not been published, so equal inputs give an equal list.

    Args:
        candidates: customer_id, risk_tier, segment, in the order of the ranking.
        known: see earlier_assignments.
        campaign: the section.
    """
    assigned = assign(candidates, known.before, key=campaign.key, campaign=campaign.name, share=campaign.share)
    published = known.same_day[known.same_day.index.isin(assigned.index)]
    assigned[published.index] = published
    return assigned


def new_share_of(entries: pd.DataFrame, campaign: Campaign) -> float:
    """Of customers on a later week's list of this campaign, those who were on none before (0..1).

    `entries`: of the ledger, see LedgerHistory. `campaign.new_share` comes first; NEW_SHARE where nothing is known.
    """
    if campaign.new_share != "auto":
        return campaign.new_share
    own = entries[entries["campaign"] == campaign.name]
    first = own.groupby("customer_id")["as_of"].transform("min")
    later = own["as_of"] > own["as_of"].min()
    return float((own["as_of"] == first)[later].mean()) if later.any() else NEW_SHARE


def plan_of(weekly: int, base_rate: float, pool: int, entries: pd.DataFrame, campaign: Campaign) -> Plan:
    """The campaign as planned, with what is known of its lists so far.

    Args:
        weekly: customers that a week's list has for contact, at least 1.
        base_rate: of those on the list, held out or not, the share expected to leave (0..1).
        pool: customers who can come on a list at all.
        entries: of the ledger, see LedgerHistory.
        campaign: the section.
    """
    new_share = new_share_of(entries, campaign)
    return Plan(weekly, campaign.weeks, campaign.share, base_rate, new_share=new_share, pool=pool)


def forecast(
    plan: Plan, entries: pd.DataFrame, campaign: Campaign, success: Success, language: Language
) -> dict[str, Any]:
    """What the campaign will be able to prove, for the manifest and the page.

    Args:
        plan: see plan_of.
        entries: of the ledger, see LedgerHistory: what has happened so far.
        campaign: the section.
        success: share of contacted leavers who stay.
        language: of `said`.

    Returns:
        `name`, `design`, `share`, `weeks`; `so_far` (lists, contacted and held out before this list, customers once);
        `by_the_end` (contacted, held out); `assumed` (base_rate, new_share, expected_effect); `smallest_effect` that
        is proven at the 5% level in 80% of such campaigns (null: none); `share_that_would_do` and `weeks_that_would_do`
        for the expected effect (null: none would); `price`: customers who leave because they are held out; `said`:
        sentences. Effects and rates are shares, six digits.
    """
    effect = expected_effect(plan.base_rate, campaign, success)
    own = entries[entries["campaign"] == campaign.name]
    end = _End.of(plan, own)
    return {
        "name": campaign.name,
        "design": campaign.design,
        "share": campaign.share,
        "weeks": campaign.weeks,
        "so_far": so_far(own),
        "by_the_end": {CONTACT: end.contacted, CONTROL: end.held_out},
        "assumed": {
            "base_rate": round(plan.base_rate, 6),
            "new_share": round(plan.new_share, 6),
            "expected_effect": round(effect, 6),
        },
        "smallest_effect": None if end.least is None else round(end.least, 6),
        "share_that_would_do": power.share_for(effect, plan),
        "weeks_that_would_do": power.weeks_for(effect, plan),
        "price": power.holdout_cost(effect, end.held_out, plan.base_rate),
        "said": [
            *_provable(plan, end, language),
            *_sufficient(plan, end, effect, language),
            *_assumed(plan, end, effect, language),
        ],
    }


def expected_effect(base_rate: float, campaign: Campaign, success: Success) -> float:
    """The effect that contacting is expected to have on the share of leavers: by how much it falls (0..1)."""
    expected = campaign.expected_effect
    return (
        base_rate * success.alpha / (success.alpha + success.beta) if expected == "auto" else min(expected, base_rate)
    )


def so_far(own: pd.DataFrame) -> dict[str, int]:
    """Lists, and customers contacted and held out, of entries of a campaign, each customer once."""
    groups = own.drop_duplicates("customer_id")["group"].value_counts()
    return {"lists": int(own["as_of"].nunique()), **{group: int(groups.get(group, 0)) for group in GROUPS}}


@dataclass(frozen=True)
class _End:
    """The campaign at its end: `contacted` and `held_out` customers, and what they can prove.

    `compared`: the contacted who can be compared with the held out: everybody, or, where nobody is held out any more,
    those who came when somebody was. `least`: the smallest effect that is proven (None: none).
    """

    contacted: int
    held_out: int
    compared: int
    least: float | None

    @classmethod
    def of(cls, plan: Plan, own: pd.DataFrame) -> _End:
        """`own`: entries of this campaign's lists so far. Without a share, who was held out on them stays so."""
        contacted, held_out = plan.groups
        compared = contacted
        if plan.share == 0 and (own["group"] == CONTROL).any():
            first = own.drop_duplicates("customer_id")
            control = first["group"] == CONTROL
            concurrent = first["as_of"].isin(first.loc[control, "as_of"])
            held_out, compared = int(control.sum()), int((concurrent & ~control).sum())
            free = contacted if plan.pool is None else min(contacted, plan.pool - held_out)
            contacted = max(free, int((~control).sum()))
        return cls(contacted, held_out, compared, power.smallest_effect_between(compared, held_out, plan.base_rate))


def _provable(plan: Plan, end: _End, language: Language) -> list[str]:
    """`With 300 a week, 10% held out and 8 weeks, an effect below 9 points will not be provable.`"""
    least = end.least
    if plan.share == 0:
        return _provable_without_share(end, language)
    facts = {
        "weekly": language.number(plan.weekly),
        "share": language.percent(plan.share),
        "weeks": language.count(plan.weeks, "week", "weeks"),
    }
    if least is None:
        sentence = "With {weekly} a week, {share} held out and {weeks}, no effect at all will be provable."
        return [language.say(sentence, **facts)]
    sentence = "With {weekly} a week, {share} held out and {weeks}, an effect below {points} will not be provable."
    return [language.say(sentence, **facts, points=points(least, language, up=True))]


def _provable_without_share(end: _End, language: Language) -> list[str]:
    """Nobody is held out any more: is somebody still, from earlier lists, and what can that prove?"""
    if not end.held_out:
        return [language.say("Nobody is held out, so nobody will be able to say whether contacting helped.")]
    facts = {"held": language.number(end.held_out), "beside": language.number(end.compared)}
    if end.least is None:
        return [
            language.say(
                "Nobody new is held out; the {held} held out on earlier lists of this campaign still are. Beside the "
                "{beside} contacted on those lists they will prove no effect at all.",
                **facts,
            )
        ]
    return [
        language.say(
            "Nobody new is held out; the {held} held out on earlier lists of this campaign still are. Beside the "
            "{beside} contacted on those lists, an effect below {points} will not be provable.",
            **facts,
            points=points(end.least, language, up=True),
        )
    ]


def _sufficient(plan: Plan, end: _End, effect: float, language: Language) -> list[str]:
    """Whether what is hoped for can be proven, and what share or how many weeks it takes."""
    if effect == 0:
        return []
    share, weeks = power.share_for(effect, plan), power.weeks_for(effect, plan)
    hoped = points(effect, language)
    if plan.share == 0 and end.least is not None and end.least <= effect:
        return [language.say("That is enough for the {points} that are hoped for.", points=hoped)]
    if power.is_powered(effect, plan):
        assert share is not None
        sentence = "That is enough for the {points} that are hoped for; {share} held out would do."
        return [language.say(sentence, points=hoped, share=language.percent(share))]
    lines = []
    if share is not None:
        sentence = "To prove the {points} that are hoped for, {share} held out would do."
        lines.append(language.say(sentence, points=hoped, share=language.percent(share)))
    else:
        sentence = "No share held out would prove the {points} that are hoped for in that time."
        lines.append(language.say(sentence, points=hoped))
    if weeks is not None:
        later = language.count(weeks, "week", "weeks")
        lines.append(language.say("Or keep the share and go on for {weeks} in all.", weeks=later))
    return lines


def _assumed(plan: Plan, end: _End, effect: float, language: Language) -> list[str]:
    lines = [
        language.say(
            "Assumed: {rate} of those on the list leave if nobody contacts them, and {new} of a later list are on it "
            "for the first time. That makes {contacted} contacted and {held_out} held out by the end.",
            rate=language.percent(plan.base_rate),
            new=language.percent(plan.new_share),
            contacted=language.number(end.contacted),
            held_out=language.number(end.held_out),
        )
    ]
    if plan.pool is not None and plan.is_exhausted:
        most = language.count(plan.pool, "customer", "customers")
        lines.append(language.say("More than {most} cannot come on it, as things stand today.", most=most))
    if price := power.holdout_cost(effect, end.held_out, plan.base_rate):
        lost = language.count(price, "customer", "customers")
        lines.append(
            language.say("The price of knowing: about {lost} will leave whom a contact would have kept.", lost=lost)
        )
    return lines
