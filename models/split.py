"""Which moments train, choose and judge. Nothing is ever judged by a model that saw any day of its window.

A moment is known at a later one when its whole window lies before it: `moment + gap + horizon <= later`. The plan is a
walk: *origins* a whole window apart, the newest of them the test moment. At each origin a model is trained on the
moments known there; what the recipe leaves open (rounds, blend, calibration) is chosen on earlier origins only, so the
test moment serves no choice and early stopping never meets the rows that fitted or judged a calibration.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from models.problems import ModelProblem


@dataclass(frozen=True)
class Plan:
    """The walk through time.

    Attributes:
        moments: every labelled moment, oldest first; all of them train what ships.
        origins: moments that are predicted by a model of what was known there, oldest first; the last is the test
            moment.
        span_days: gap + horizon, days from a moment to the end of its window.
        by_customers: no moment is known at the newest one, so a third of the customers is held out instead.
        notes: what had to be given up, in words.
    """

    moments: tuple[str, ...]
    origins: tuple[str, ...]
    span_days: int
    by_customers: bool
    notes: tuple[str, ...]

    @property
    def test(self) -> str:
        """The moment that judges: the newest with a complete window."""
        return self.origins[-1]

    def known_at(self, origin: str) -> tuple[str, ...]:
        """Moments whose windows lie wholly before `origin`, oldest first."""
        return known(self.moments, origin, self.span_days)


def known(moments: Iterable[str], at: str, span_days: int) -> tuple[str, ...]:
    """Moments with `moment + span_days <= at`, oldest first. Days are calendar days, so ISO dates suffice."""
    latest = (date.fromisoformat(at) - timedelta(days=span_days)).isoformat()
    return tuple(sorted(moment for moment in moments if moment <= latest))


def plan(moments: Iterable[str], *, span_days: int, origins: int) -> Plan:
    """The plan of moments from the labelled ones.

    Args:
        moments: ISO dates with complete windows, in any order.
        span_days: gap + horizon of the definition, days, at least 1.
        origins: how many moments to walk through at most, the test moment included; at least 1.

    Raises:
        ModelProblem: there is no labelled moment at all.
    """
    ordered = tuple(sorted({str(moment) for moment in moments}))
    if not ordered:
        raise ModelProblem(
            "no moment has a complete window: the history is shorter than active_within_days + gap_days + "
            "horizon_days. "
            "Choose a shorter horizon or bring more history."
        )
    walk = [ordered[-1]]
    while len(walk) < origins and (before := known(ordered, walk[0], span_days)):
        walk.insert(0, before[-1])
    trained = tuple(origin for origin in walk if known(ordered, origin, span_days))
    if not trained:
        note = f"no moment is known at {ordered[-1]}: a third of the customers is held out there, not a later moment."
        return Plan(ordered, ordered[-1:], span_days, by_customers=True, notes=(note,))
    return Plan(ordered, trained, span_days, by_customers=False, notes=_notes(len(trained), origins))


def _notes(found: int, wanted: int) -> tuple[str, ...]:
    notes = []
    if found < wanted:
        notes.append(f"the history gives {found} of {wanted} moments that can be predicted from what was known there.")
    if found == 1:
        notes.append("no earlier moment can be predicted: rounds, blend and calibration keep their defaults.")
    elif found == 2:
        notes.append("one earlier moment: it chooses rounds and blend, and nothing is calibrated.")
    elif found == 3:
        notes.append(
            "two earlier moments: half of the older's customers choose rounds and blend, the others calibrate."
        )
    return tuple(notes)
