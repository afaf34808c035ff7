"""The promotion gate: whether a candidate may become the champion. Pure functions over figures.

A candidate is whoever scores in it, the model or a rule (models/training/contest.py). Every figure is that of held-out
moments before the test moment, which only reports; where the history has none, of the test moment.

1. The first candidate becomes the champion: there is always a list, by the model or by a rule that does as well. Where
   the champion orders customers better than the best naive rule (the whole interval of the paired difference in ROC
   AUC, customers drawn with all their rows, lies above zero), its successor must do so, too.
2. Where the champion was clearly better than the best baseline of any kind (grade A or B), a candidate that is not
   (grade C) does not take its place.
3. The same recipe again (equal settings and columns, newer data) is a tie by construction: it takes the champion's
   place, unless its lead over its naive rule fell behind the champion's lead by more than the noise of both, as broken
   training data would make it.
4. Another recipe is compared with the champion's (see `contest`): both trained and judged on the candidate's moments.
   It has to lower the log loss by at least `margin`, with a whole interval below zero, and order customers no worse
   than by chance. So a recipe that is tested again every week is not promoted by luck.

5. Where an activity that the champion learned from is no longer there, the champion cannot score. Its recipe is trained
   again without it; the candidate takes its place, and the reason says whether it is worse than that.

A rule is naive if a team could apply it in a spreadsheet; the logistic regressions are models, and no measure for 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.learners.rule_names import NAIVE


@dataclass(frozen=True)
class PromotionDecision:
    """Whether a candidate passed, and why: `reason` holds one or two sentences in either case."""

    passed: bool
    reason: str


@dataclass(frozen=True)
class Contest:
    """Candidate's and champion's recipe, both judged on the candidate's moments.

    Attributes:
        differing: what the recipes differ in, in words; empty where they are one recipe.
        paired: candidate minus champion's recipe, as `bootstrap.paired` has it; None where they are one recipe, or the
            champion's cannot be trained again (`differing` says why).
    """

    differing: tuple[str, ...] = ()
    paired: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        if self.paired is None:
            return "; ".join(self.differing)
        loss, auc = self.paired["log_loss"], self.paired["roc_auc"]
        moments = sorted(loss["moments"])
        return (
            f"against the champion's recipe ({'; '.join(self.differing)}), both trained and judged on the same "
            f"{_moments(len(moments))} up to {moments[-1]}: log loss {_signed(loss, 4)}, lower is better, ROC AUC "
            f"{_signed(auc, 3)}"
        )


@dataclass(frozen=True)
class Lead:
    """The ROC AUC of a model minus that of the best naive rule at the same moments, with its interval."""

    rule: str
    moments: int
    as_of: str
    difference: float
    low: float
    high: float

    @property
    def noise(self) -> float:
        """Half the interval."""
        return (self.high - self.low) / 2

    def __str__(self) -> str:
        rule, held_out = self.rule.replace("_", " "), f"{_moments(self.moments)} up to {self.as_of}"
        return f"{self.difference:+.3f} ROC AUC ({self.low:+.3f} to {self.high:+.3f}) against {rule} at {held_out}"


def decide_promotion(
    candidate: Mapping[str, Any],
    champion: Mapping[str, Any] | None,
    contest: Contest | None = None,
    *,
    margin: float = 0.0,
    vanished: Sequence[str] = (),
) -> PromotionDecision:
    """Whether the candidate may become the champion, and why.

    Args:
        candidate: its metrics.json.
        champion: the metrics.json that the champion was promoted with; None where there is none.
        contest: the two recipes side by side; None stands for one recipe.
        margin: log loss (nats) that another recipe has to gain, at least 0.
        vanished: activities that the champion needs and that are no longer there: it cannot score.
    """
    lead = lead_of(candidate)
    if champion is None:
        return PromotionDecision(True, f"The first champion: {lead}.")
    if vanished:
        return _in_its_place(vanished, contest)
    refused = refused_at_once(candidate, champion)
    if refused is not None:
        return refused
    if contest and contest.differing:
        return _decide_by_contest(contest, margin)
    return _decide_by_lead(lead, lead_of(champion))


def refused_at_once(candidate: Mapping[str, Any], champion: Mapping[str, Any]) -> PromotionDecision | None:
    """The refusal of a candidate that is no better than rules where the champion was; None where that decides nothing.

    Args:
        candidate: its metrics.json.
        champion: that of the champion.
    """
    lead = lead_of(candidate)
    if lead.low <= 0 < lead_of(champion).low:
        return PromotionDecision(
            False, f"It is not clearly better than the best naive rule, and the champion is: {lead}."
        )
    if _grade(candidate) == "C" and _grade(champion) != "C":
        return PromotionDecision(
            False, f"It is not better than the best baseline, and the champion was. {_grade_text(candidate)}"
        )
    return None


def _in_its_place(vanished: Sequence[str], contest: Contest | None) -> PromotionDecision:
    """The champion cannot score without what it learned from: its recipe, trained again without it, is the measure."""
    reason = f"The champion cannot score without {' and '.join(vanished)}: the candidate takes its place."
    if contest is None or contest.paired is None:
        return PromotionDecision(True, reason)
    if _is_worse(contest.paired):
        return PromotionDecision(True, f"{reason} It is worse {contest}. The champion's settings would do better.")
    return PromotionDecision(True, f"{reason} It is not worse {contest}.")


def _is_worse(paired: Mapping[str, Any]) -> bool:
    return bool(paired["log_loss"]["low"] > 0 or paired["roc_auc"]["high"] < 0)


def _decide_by_lead(lead: Lead, champion: Lead) -> PromotionDecision:
    noise = math.hypot(lead.noise, champion.noise)
    if lead.difference < champion.difference - noise:
        return PromotionDecision(
            False,
            f"Its lead is smaller than the champion's by more than noise ({noise:.3f}): {lead}; champion {champion}.",
        )
    return PromotionDecision(True, f"The champion's recipe again: {lead}; the champion had {champion}.")


def _decide_by_contest(contest: Contest, margin: float) -> PromotionDecision:
    if contest.paired is None:
        return PromotionDecision(False, f"It cannot be compared with the champion's recipe: {contest}.")
    if _is_worse(contest.paired):
        return PromotionDecision(False, f"It is worse {contest}.")
    loss = contest.paired["log_loss"]
    if loss["high"] >= 0 or loss["difference"] > -margin:
        advice = "With the champion's settings in params.yaml its recipe is refreshed instead."
        return PromotionDecision(
            False, f"It is not better by more than chance and the margin of {margin:g} {contest}. {advice}"
        )
    return PromotionDecision(True, f"It is better {contest}.")


def lead_of(metrics: Mapping[str, Any]) -> Lead:
    """The lead over the naive rule that comes nearest to the model (over any baseline where none is naive)."""
    paired = _judged(metrics)["paired"]
    rules = [name for name in NAIVE if name in paired] or sorted(paired)
    best = min(rules, key=lambda name: paired[name]["roc_auc"]["difference"])
    auc = paired[best]["roc_auc"]
    moments = len(auc.get("moments", {})) or 1
    newest = max(auc.get("moments", {}), default=metrics["test"]["as_of"])
    return Lead(best, moments, newest, auc["difference"], auc["low"], auc["high"])


def _judged(metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    """The figures that decide: those without the test moment, where there are any."""
    return metrics.get("before_test") or metrics


def _grade(metrics: Mapping[str, Any]) -> str | None:
    grade = _judged(metrics).get("grade") or {}
    return str(grade["grade"]) if grade else None


def _grade_text(metrics: Mapping[str, Any]) -> str:
    return str(_judged(metrics)["grade"].get("text", "Grade C."))


def _moments(count: int) -> str:
    return f"{count} held-out moment{'s' * (count != 1)}"


def _signed(interval: Mapping[str, float], digits: int) -> str:
    difference, low, high = (f"{interval[key]:+.{digits}f}" for key in ("difference", "low", "high"))
    return f"{difference} ({low} to {high})"
