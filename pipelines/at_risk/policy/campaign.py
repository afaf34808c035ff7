"""The campaign that a week's list belongs to: who was assigned before, and what it will be able to prove."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.decision import power
from models.decision.control_group import CONTACT, CONTROL, assign
from models.decision.power import Plan
from pipelines.ledger.read import FILE, opened
from pipelines.rendering.language.language import Language
from pipelines.settings.params import Settings

if TYPE_CHECKING:
    import pandas as pd

NEW_SHARE = 0.25  # of a later list, before any was published: about what weekly lists of a grocer have
_FIRST_COME = """
select customer_id, "group", as_of from publication join entry on entry.publication = publication.number
where campaign = :campaign and as_of <= :day order by as_of, number
"""


@dataclass(frozen=True)
class Assigned:
    """Groups (`contact` or `control`) by customer_id of whoever was assigned in the campaign: the first one counts.

    Attributes:
        before: on lists published for earlier days, revised or not.
        same_day: for the first time on a list that was published for this very day.
    """

    before: pd.Series[str] = field(default_factory=lambda: _series({}))
    same_day: pd.Series[str] = field(default_factory=lambda: _series({}))


def assigned(settings: Settings, path: Path = FILE) -> Assigned:
    """Who was assigned in this campaign on lists published for the day of the list or before."""
    day = settings.observations.score.as_of
    with opened(path) as con:
        rows = con.execute(_FIRST_COME, {"campaign": settings.campaign.name, "day": day}).fetchall() if con else []
    groups: dict[bool, dict[str, str]] = {True: {}, False: {}}
    for customer, group, when in rows:
        if customer not in groups[True]:
            groups[when < day].setdefault(customer, group)
    return Assigned(_series(groups[True]), _series(groups[False]))


def _series(groups: dict[str, str]) -> pd.Series[str]:
    import pandas as pd

    return pd.Series(groups, dtype="str", name="group").sort_index().rename_axis("customer_id")


def groups(candidates: pd.DataFrame, known: Assigned, settings: Settings) -> pd.Series[str]:
    """The group of every candidate: see models/decision/control_group.py.

    Whoever was told to be contacted, or was held out, on a list published for the same day stays that when the list is
    made again. The others are assigned as if it had not been published, so the same inputs make the same list.

    Args:
        candidates: customer_id, risk_tier, segment, in the order of the ranking.
        known: see assigned.
        settings: `campaign`.
    """
    campaign = settings.campaign
    found = assign(candidates, known.before, key=campaign.key, campaign=campaign.name, share=campaign.share)
    told = known.same_day[known.same_day.index.isin(found.index)]
    found[told.index] = told
    return found


def new_share_of(entries: pd.DataFrame, settings: Settings) -> float:
    """Of customers on a later week's list of this campaign, those who were on none before (0..1).

    `entries`: of the ledger, see Known. What `campaign.new_share` says goes first; a quarter where nothing is known.
    """
    campaign = settings.campaign
    if campaign.new_share != "auto":
        return campaign.new_share
    own = entries[entries["campaign"] == campaign.name]
    first = own.groupby("customer_id")["as_of"].transform("min")
    later = own["as_of"] > own["as_of"].min()
    return float((own["as_of"] == first)[later].mean()) if later.any() else NEW_SHARE


def plan_of(weekly: int, base_rate: float, pool: int, entries: pd.DataFrame, settings: Settings) -> Plan:
    """The campaign as far as it can be seen.

    Args:
        weekly: customers that a week's list has for contact, at least 1.
        base_rate: of those on the list, held out or not, the share expected to leave (0..1).
        pool: customers who can come on a list at all.
        entries: of the ledger, see Known.
        settings: `campaign`.
    """
    campaign = settings.campaign
    new_share = new_share_of(entries, settings)
    return Plan(weekly, campaign.weeks, campaign.share, base_rate, new_share=new_share, pool=pool)


def told(plan: Plan, entries: pd.DataFrame, settings: Settings, language: Language) -> dict[str, Any]:
    """What is said of the campaign beforehand, for the manifest and the page.

    Args:
        plan: see plan_of.
        entries: of the ledger, see Known: what has happened so far.
        settings: `campaign` and `value.success`.
        language: says `said`.

    Returns:
        `name`, `share`, `weeks`; `so_far` (lists, contacted and held out before this list, each customer once);
        `by_the_end` (contacted, held out); `assumed` (base_rate, new_share, expected_effect); `smallest_effect` that
        is proven at the 5% level in 80% of such campaigns (null: none); `share_that_would_do` and `weeks_that_would_do`
        for the expected effect (null: none would); `price`: customers who leave because they are held out; `said`:
        sentences. Effects and rates are shares, six digits.
    """
    campaign, effect = settings.campaign, expected_effect(plan.base_rate, settings)
    own = entries[entries["campaign"] == campaign.name]
    end = _End.of(plan, own)
    return {
        "name": campaign.name,
        "share": campaign.share,
        "weeks": campaign.weeks,
        "so_far": _so_far(own),
        "by_the_end": {CONTACT: end.contacted, CONTROL: end.held_out},
        "assumed": {
            "base_rate": round(plan.base_rate, 6),
            "new_share": round(plan.new_share, 6),
            "expected_effect": round(effect, 6),
        },
        "smallest_effect": None if end.least is None else round(end.least, 6),
        "share_that_would_do": power.share_for(effect, plan),
        "weeks_that_would_do": power.weeks_for(effect, plan),
        "price": power.price(effect, end.held_out, plan.base_rate),
        "said": [
            *_provable(plan, end, language),
            *_would_do(plan, end, effect, language),
            *_assumed(plan, end, effect, language),
        ],
    }


def expected_effect(base_rate: float, settings: Settings) -> float:
    """By how much contacting is hoped to lower the share that leave, in shares."""
    hoped, success = settings.campaign.expected_effect, settings.value.success
    return base_rate * success.alpha / (success.alpha + success.beta) if hoped == "auto" else min(hoped, base_rate)


def _so_far(own: pd.DataFrame) -> dict[str, int]:
    groups = own.drop_duplicates("customer_id")["group"].value_counts()
    return {"lists": int(own["as_of"].nunique()), **{one: int(groups.get(one, 0)) for one in (CONTACT, CONTROL)}}


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
            held = first["group"] == CONTROL
            beside = first["as_of"].isin(first.loc[held, "as_of"])
            held_out, compared = int(held.sum()), int((beside & ~held).sum())
            free = contacted if plan.pool is None else min(contacted, plan.pool - held_out)
            contacted = max(free, int((~held).sum()))
        return cls(contacted, held_out, compared, power.smallest_of(compared, held_out, plan.base_rate))


def _provable(plan: Plan, end: _End, language: Language) -> list[str]:
    """`With 300 a week, 10% held out and 8 weeks, an effect below 9 points will not be provable.`"""
    least = end.least
    if plan.share == 0:
        return _without_a_share(end, language)
    facts = {
        "weekly": language.number(plan.weekly),
        "share": language.percent(plan.share),
        "weeks": language.count(plan.weeks, "week", "weeks"),
    }
    if least is None:
        sentence = "With {weekly} a week, {share} held out and {weeks}, no effect at all will be provable."
        return [language.say(sentence, **facts)]
    sentence = "With {weekly} a week, {share} held out and {weeks}, an effect below {points} will not be provable."
    return [language.say(sentence, **facts, points=_points(least, language, up=True))]


def _without_a_share(end: _End, language: Language) -> list[str]:
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
            points=_points(end.least, language, up=True),
        )
    ]


def _would_do(plan: Plan, end: _End, effect: float, language: Language) -> list[str]:
    """Whether what is hoped for can be proven, and what share or how many weeks it takes."""
    if effect == 0:
        return []
    share, weeks = power.share_for(effect, plan), power.weeks_for(effect, plan)
    points = _points(effect, language)
    if plan.share == 0 and end.least is not None and end.least <= effect:
        return [language.say("That is enough for the {points} that are hoped for.", points=points)]
    if power.proves(effect, plan):
        assert share is not None
        sentence = "That is enough for the {points} that are hoped for; {share} held out would do."
        return [language.say(sentence, points=points, share=language.percent(share))]
    said = []
    if share is not None:
        sentence = "To prove the {points} that are hoped for, {share} held out would do."
        said.append(language.say(sentence, points=points, share=language.percent(share)))
    else:
        sentence = "No share held out would prove the {points} that are hoped for in that time."
        said.append(language.say(sentence, points=points))
    if weeks is not None:
        later = language.count(weeks, "week", "weeks")
        said.append(language.say("Or keep the share and go on for {weeks} in all.", weeks=later))
    return said


def _assumed(plan: Plan, end: _End, effect: float, language: Language) -> list[str]:
    said = [
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
        said.append(language.say("More than {most} cannot come on it, as things stand today.", most=most))
    if price := power.price(effect, end.held_out, plan.base_rate):
        lost = language.count(price, "customer", "customers")
        said.append(
            language.say("The price of knowing: about {lost} will leave whom a contact would have kept.", lost=lost)
        )
    return said


def _points(effect: float, language: Language, *, up: bool = False) -> str:
    """An effect in percentage points, with at most one digit; `up`: never less than it is."""
    tenths = ceil(effect * 1000 - 1e-9) if up else round(effect * 1000)
    number = language.figure(tenths / 10, ".0f" if tenths % 10 == 0 else ".1f")
    return language.say("1 point") if number == "1" else language.say("{number} points", number=number)
