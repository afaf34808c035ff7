"""What outcomes of earlier lists taught about the playbook's actions: stated, seen, and believed now.

Evidence is what `churn outcomes` knew before the list's day (at_risk/achieved.py), campaigns together; those of which
nothing is claimed give none. Beliefs are those of params.yaml with some harm allowed for, so that without any outcome
the list is the one that the playbook states. Where a lottery measures nothing of its first ranks, nothing learnt is
applied: who is first would change with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.decision.lottery import LOTTERY
from pipelines.rendering.language.language import Language
from pipelines.settings.campaign.contacts import Campaign
from pipelines.settings.campaign.playbook import PlaybookRule
from pipelines.settings.model import Value

if TYPE_CHECKING:
    from models.effect.success import Evidence

ARM_COUNTS = ("contacted", "contacted_left", "control", "control_left")
PROVEN_HARM = 0.975
_DIGITS = 6
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Taught:
    """What is believed of an action as its customers were, all kinds together.

    Attributes:
        action: its name; "" is a contact by no rule.
        stated: the success that the playbook states, a share of leavers.
        counts: ARM_COUNTS, of customers of equal weight.
        mean, low, high: what is believed now, -1..1, with its 95% interval; below 0: it makes customers leave.
        harm: probability that it does.
    """

    action: str
    stated: float
    counts: tuple[float, ...]
    mean: float
    low: float
    high: float
    harm: float

    @property
    def harms(self) -> bool:
        """Whether it provably makes customers leave."""
        return self.harm >= PROVEN_HARM


@dataclass(frozen=True)
class Learnt:
    """What is believed of every action of a playbook.

    Attributes:
        actions: of the rules, in their order, and last "": a contact by no rule.
        means: success by action and segment; segment "": where that kind of customer taught nothing.
        taught: actions with outcomes of their own.
    """

    actions: tuple[str, ...]
    means: Mapping[tuple[str, str], float]
    taught: tuple[Taught, ...]

    def success(self, chosen: npt.NDArray[np.int64], segments: Sequence[str]) -> Floats:
        """Of each customer the believed success of the rule that takes them (-1: none)."""
        pairs = [(self.actions[rule], segment) for rule, segment in zip(chosen, segments, strict=True)]
        return np.array([self.means.get(pair, self.means[pair[0], ""]) for pair in pairs], dtype=np.float64)


def evidence_in(known: Mapping[str, Any] | None) -> dict[tuple[str, str], tuple[float, ...]]:
    """ARM_COUNTS by action and segment, of all campaigns of a summary of `churn outcomes` together."""
    found: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0] * len(ARM_COUNTS))
    for campaign in (known or {}).get("campaigns", []):
        for row in campaign.get("evidence", []):
            cell = found[row["action"], row["segment"]]
            cell[:] = [before + float(row[name]) for before, name in zip(cell, ARM_COUNTS, strict=True)]
    return {pair: tuple(cell) for pair, cell in sorted(found.items()) if cell[0] + cell[2] > 0}


def is_applied(value: Value, campaign: Campaign) -> bool:
    """Whether a list may go by what was learnt."""
    return value.learn and not (campaign.design == LOTTERY and campaign.sure_holdout == 0)


def learnt(known: Mapping[str, Any] | None, rules: Sequence[PlaybookRule], value: Value) -> Learnt | None:
    """What is believed after the outcomes of a summary; None where there are none, or nothing is to be learnt.

    Rules of one action share a belief: what the first of them states.
    """
    cells = evidence_in(known)
    if not (cells and value.learn):
        return None
    from models.effect.success import posterior

    actions = (*(rule.action for rule in rules), "")
    stated = _stated(rules, value)
    everything = [_evidence(action, segment, counts, stated, value) for (action, segment), counts in cells.items()]
    idle = sorted(set(actions) - {action for action, _ in cells})
    everything += [_evidence(action, "", (0.0,) * len(ARM_COUNTS), stated, value) for action in idle]
    believed = posterior(everything)
    means = {(one.action, one.segment): round(one.mean, _DIGITS) for one in believed}
    return Learnt(actions, means, _taught(cells, stated, value))


def _stated(rules: Sequence[PlaybookRule], value: Value) -> dict[str, float]:
    usual = value.success.alpha / (value.success.alpha + value.success.beta)
    found: dict[str, float] = {"": usual}
    for rule in rules:
        found.setdefault(rule.action, usual if rule.success is None else rule.success)
    return found


def _taught(
    cells: Mapping[tuple[str, str], tuple[float, ...]], stated: Mapping[str, float], value: Value
) -> tuple[Taught, ...]:
    from models.effect.success import posterior

    usual = stated[""]
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(ARM_COUNTS))
    for (action, _), counts in cells.items():
        sums[action] = [before + own for before, own in zip(sums[action], counts, strict=True)]
    own = [_evidence(action, "", tuple(counts), stated, value) for action, counts in sums.items()]
    return tuple(
        Taught(
            one.action,
            stated.get(one.action, usual),
            tuple(round(number, 1) for number in sums[one.action]),
            *(round(number, _DIGITS) for number in (one.mean, one.low, one.high, one.harm)),
        )
        for one in posterior(own)
    )


def _evidence(
    action: str, segment: str, counts: Sequence[float], stated: Mapping[str, float], value: Value
) -> Evidence:
    from models.effect.success import Belief, Evidence

    success = stated.get(action, stated[""])
    belief = Belief.stated(success, value.success.alpha + value.success.beta, value.harm)
    contacted, contacted_left, control, control_left = counts
    return Evidence(action, segment, contacted, contacted_left, control, control_left, belief)


def figures(one: Taught) -> dict[str, Any]:
    """As JSON has them: `stated`, `believed` with `low` and `high`, `harm`, and ARM_COUNTS."""
    counts = dict(zip(ARM_COUNTS, one.counts, strict=True))
    return {"stated": one.stated, "believed": one.mean, "low": one.low, "high": one.high, "harm": one.harm, **counts}


def taught_lines(taught: Sequence[Taught], language: Language, *, applied: bool) -> list[str]:
    """What was stated of each action, what was seen, and what is believed now; first whether the list goes by it."""
    if not taught:
        return []
    text = (
        "The list goes by what outcomes of earlier lists taught: of those who would leave, the share whom an action "
        "keeps."
        if applied
        else "What outcomes of earlier lists taught is not applied to this list, only said: of those who would leave, "
        "the share whom an action keeps."
    )
    harmful = [one for one in taught if one.harms]
    return [language.say(text), *(_told(one, language) for one in taught), *(_harm(one, language) for one in harmful)]


def _told(one: Taught, language: Language) -> str:
    text = (
        "{action}: {stated} stated; of {contacted} to be contacted {gone} left, of {control} in the control group "
        "{left}; now {believed} (between {low} and {high})."
    )
    names = ("contacted", "gone", "control", "left")
    counts = {name: language.number(round(number)) for name, number in zip(names, one.counts, strict=True)}
    shares = {"stated": one.stated, "believed": one.mean, "low": one.low, "high": one.high}
    told = {name: language.percent(share) for name, share in shares.items()}
    return language.say(text, action=_name(one, language), **counts, **told)


def _harm(one: Taught, language: Language) -> str:
    text = "{action} provably makes customers leave. Proposed: leave its customers alone, by the playbook."
    return language.say(text, action=_name(one, language))


def _name(one: Taught, language: Language) -> str:
    return language.say(one.action) if one.action else language.say("A contact by no rule")
