"""May I trust this list? Five answers, from what was measured: who scored, calibration, drift, effect, rows left out.

Each answer is GOOD, a thing to MIND, or OPEN where nothing was measured yet. A pure function of the champion's figures,
the checks, the stream's facts and what earlier lists achieved before this list's day.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.rendering.language.language import Language
from pipelines.rendering.scorer import is_rule, who_scored_shortly

GOOD, MIND, OPEN = "good", "mind", "open"
OFF_AT_MOST = 0.05
"""By so much (a share) percentages may be off on average before that is a thing to mind."""
SURPRISE = 1.96
"""Standard errors between predicted and observed leavers from which on chance alone is no longer the likely reason."""
FEW_ROWS = 0.001
"""A share of unusable rows that is every export's; above it the list may lack something."""


@dataclass(frozen=True)
class Evidence:
    """What is known.

    Attributes:
        metrics: of the champion's own test, see `evaluate_model`; empty where nothing was tested.
        version: a sentence on which version scored.
        drift: checks that warn of data unlike that which the model learned from.
        set_aside: source -> `rows` that were read and `bad` ones that were left out; sources without any are absent.
        achieved: see `pipelines/at_risk/achieved.py`; None where no list had matured before this list's day.
        effect: sentences on the campaign, the most important first; none where nothing is known.
        proven: whether the campaign's effect is: True (it helps), False (it does harm), None (not proven).
    """

    metrics: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""
    drift: int = 0
    set_aside: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    achieved: Mapping[str, Any] | None = None
    effect: Sequence[str] = ()
    proven: bool | None = None


def answers(evidence: Evidence, language: Language) -> list[dict[str, str]]:
    """Five answers in a fixed order, each with `about` (a word of the manifest), `state`, `title` and `said`."""
    parts = {
        "scored_by": ("Who scored", _scored_by),
        "calibration": ("Percentages", _calibration),
        "drift": ("The data", _drift),
        "effect": ("Effect of contacting", _effect),
        "rows_left_out": ("Rows left out", _rows),
    }
    found = []
    for about, (title, answer) in parts.items():
        state, said = answer(evidence, language)
        found.append({"about": about, "state": state, "title": language.say(title), "said": said})
    return found


def _scored_by(evidence: Evidence, language: Language) -> tuple[str, str]:
    scored_by = evidence.metrics.get("scored_by")
    sound = evidence.metrics.get("test") and (not scored_by or (scored_by["ranks"] and not is_rule(scored_by)))
    said = f"{evidence.version} {who_scored_shortly(scored_by, language)}".strip()
    return (GOOD if sound else MIND), said or language.say("Nobody knows who scored.")


def _calibration(evidence: Evidence, language: Language) -> tuple[str, str]:
    """The newest that was measured: on a list that matured, or the champion's own test."""
    newest = (evidence.achieved or {}).get("newest")
    if newest and newest["judged"]["customers"]:
        return _of_list(newest, language)
    test = evidence.metrics.get("test")
    if not test:
        return OPEN, language.say("Not measured yet: nothing was tested, and no list has matured.")
    text = (
        "Off by {points} points on average, for the {customers} customers of {day}, whose outcome the model had not "
        "seen. No list has matured yet."
    )
    facts = {"points": f"{test['ece'] * 100:.1f}", "customers": language.number(test["customers"])}
    said = language.say(text, **facts, day=language.day(test["as_of"]))
    return (GOOD if test["ece"] <= OFF_AT_MOST else MIND), said


def _of_list(newest: Mapping[str, Any], language: Language) -> tuple[str, str]:
    judged = newest["judged"]
    predicted, observed, customers = judged["predicted"], judged["observed"], judged["customers"]
    error = math.sqrt(max(predicted * (1 - predicted), 0.0) / customers)
    within = abs(observed - predicted) <= SURPRISE * error
    text = (
        "On the list of {day}, the newest whose outcome is known, {predicted} were expected to leave and {observed} "
        "did ({customers} in the control group)."
        if judged["by"] == "control_group"
        else "On the list of {day}, the newest whose outcome is known, {predicted} were expected to leave and "
        "{observed} did ({customers} customers, contacted by nobody)."
    )
    facts = {"predicted": language.percent(predicted), "observed": language.percent(observed)}
    said = language.say(text, **facts, customers=language.number(customers), day=language.day(newest["as_of"]))
    last = "That is within chance." if within else "That is more than chance."
    return (GOOD if within else MIND), f"{said} {language.say(last)}"


def _drift(evidence: Evidence, language: Language) -> tuple[str, str]:
    if not evidence.drift:
        return GOOD, language.say("As it was when the model learned: no check warns.")
    checks = language.count(evidence.drift, "check", "checks")
    text = "Not as it was when the model learned, or hardly plausible: {checks} warn of it."
    return MIND, language.say(text, checks=checks)


def _effect(evidence: Evidence, language: Language) -> tuple[str, str]:
    if not evidence.effect:
        return OPEN, language.say("Not known yet: no list of this campaign has matured.")
    state = {True: GOOD, False: MIND, None: OPEN}[evidence.proven]
    return state, " ".join(evidence.effect)


def _rows(evidence: Evidence, language: Language) -> tuple[str, str]:
    if not evidence.set_aside:
        return GOOD, language.say("None: every row that was read could be used.")
    bad = sum(one["bad"] for one in evidence.set_aside.values())
    rows = sum(one["rows"] for one in evidence.set_aside.values())
    sources = ", ".join(f"{name} {language.number(one['bad'])}" for name, one in evidence.set_aside.items())
    text = "{bad} of {rows} rows could not be used ({sources}); quarantine_score.csv lists them."
    said = language.say(text, bad=language.number(bad), rows=language.number(rows), sources=sources)
    return (GOOD if bad <= FEW_ROWS * rows else MIND), said
