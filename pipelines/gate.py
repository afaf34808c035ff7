"""May a candidate become the champion? One pure function over two metrics.json.

1. The candidate must order customers better than the best naive rule: the whole interval of the paired difference in
   ROC AUC, pooled over its held-out moments (customers drawn with all their rows), lies above zero.
2. Where there is a champion, the candidate's lead over its naive rule may fall behind the champion's lead over the
   champion's own by no more than the noise of both. Leads are compared, not figures: moments differ in how hard they
   are, and what the naive rule scores says how hard. It is no head-to-head comparison and cannot see small differences.

A rule is naive if a team could apply it in a spreadsheet; the logistic regressions are models, and no measure here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

NAIVE = ("days_since_last", "rfm_score")


@dataclass(frozen=True)
class Verdict:
    """`reason` is one sentence in either case."""

    passed: bool
    reason: str


@dataclass(frozen=True)
class Lead:
    """How much ROC AUC a model has before the best naive rule of its moment."""

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
        rule, held_out = (
            self.rule.replace("_", " "),
            f"{self.moments} held-out moment{'s' * (self.moments != 1)} up to {self.as_of}",
        )
        return f"{self.difference:+.3f} ROC AUC ({self.low:+.3f} to {self.high:+.3f}) against {rule} at {held_out}"


def gate(candidate: dict[str, Any], champion: dict[str, Any] | None) -> Verdict:
    """Whether the candidate may become the champion, and why.

    Args:
        candidate: its metrics.json.
        champion: the metrics.json that the champion was promoted with; None where there is none.
    """
    lead = lead_of(candidate)
    if lead.low <= 0:
        return Verdict(False, f"It is not clearly better than the best naive rule: {lead}.")
    if champion is None:
        return Verdict(True, f"The first champion: {lead}.")
    before = lead_of(champion)
    noise = math.hypot(lead.noise, before.noise)
    if lead.difference < before.difference - noise:
        return Verdict(
            False,
            f"Its lead is smaller than the champion's by more than noise ({noise:.3f}): {lead}; champion {before}.",
        )
    return Verdict(True, f"{lead}; the champion had {before}.")


def lead_of(metrics: dict[str, Any]) -> Lead:
    """The lead over the naive rule that comes nearest to the model (over any baseline where none is naive)."""
    paired = metrics["paired"]
    rules = [name for name in NAIVE if name in paired] or sorted(paired)
    best = min(rules, key=lambda name: paired[name]["roc_auc"]["difference"])
    found = paired[best]["roc_auc"]
    moments = len(found.get("moments", {})) or 1
    return Lead(best, moments, metrics["test"]["as_of"], found["difference"], found["low"], found["high"])
