"""Temporal splits with purging: the moments that train, tune, calibrate and test.

Nothing is ever judged by a model that saw any day of its window.

A moment is known at a later one when its whole window lies before it: `moment + gap + horizon <= later`. The plan is a
walk through *origins*, the newest of them the test moment: a window apart where the history is long enough, closer
where it is not. At each origin a model is trained on the moments known there; what the recipe leaves open is settled on
origins that are known there too, so the test moment serves no choice. The newest of those fit and judge calibrations
and settle nothing else: early stopping never meets their rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

from models.errors import ModelError

ENOUGH = 4  # moments: with so many a window apart, none need to be closer
LEAST_TUNING = 2  # moments: what helps at one only may be that moment's season
PAIRS = 2
CLOSER = (1, 2, 4, 8, 16)  # parts of a window that origins may lie apart, the first that gives enough of them


@dataclass(frozen=True)
class PastSplit:
    """How the past of an origin is shared out, oldest first.

    Attributes:
        tuning: origins that settle the recipe.
        pairs: for calibrations, an origin that fits and a later one that judges; empty where the past is too short.
    """

    tuning: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...] = ()


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
        return known_moments(self.moments, origin, self.span_days)

    def past(self, origin: str, walk: Sequence[str] | None = None) -> tuple[str, ...]:
        """Origins of the walk whose outcomes are known at `origin`, oldest first."""
        return known_moments(self.origins if walk is None else walk, origin, self.span_days)

    def shared(self, origin: str, walk: Sequence[str] | None = None) -> PastSplit:
        """Who may choose what for `origin`. Every level purges.

        What tunes is known where a calibration is first fitted, that where it is judged, and that at `origin`.

        A calibration has to last over PAIRS pairs of moments (measured on a seasonal stream: one that helped once did
        harm in the next season). Where the past is too short for them and for two moments that tune, nothing is
        calibrated and the whole past tunes.
        """
        past = self.past(origin, walk)
        chain: list[str] = []  # back from the newest, each known at the next
        while len(chain) <= PAIRS and (before := known_moments(past, chain[0], self.span_days) if chain else past):
            chain.insert(0, before[-1])
        tunes = known_moments(past, chain[0], self.span_days) if len(chain) > PAIRS else ()
        if len(tunes) < LEAST_TUNING:
            return PastSplit(past)
        return PastSplit(tunes, tuple(pairwise(chain)))


def known_moments(moments: Iterable[str], at: str, span_days: int) -> tuple[str, ...]:
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
        ModelError: there is no labelled moment at all.
    """
    ordered = tuple(sorted({str(moment) for moment in moments}))
    if not ordered:
        raise ModelError(
            "no moment has a complete window: the history is shorter than active_within_days + gap_days + "
            "horizon_days. "
            "Choose a shorter horizon or bring more history."
        )
    walks = [_walk(ordered, span_days, max(1, span_days // part), origins) for part in CLOSER]
    longest = max(len(walk) for walk in walks)
    trained = next(walk for walk in walks if len(walk) >= min(longest, ENOUGH))
    if not trained:
        note = f"no moment is known at {ordered[-1]}: a third of the customers is held out there, not a later moment."
        return Plan(ordered, ordered[-1:], span_days, by_customers=True, notes=(note,))
    built = Plan(ordered, trained, span_days, by_customers=False, notes=())
    return replace(built, notes=_notes(built, origins))


def _walk(ordered: Sequence[str], span_days: int, apart_days: int, origins: int) -> tuple[str, ...]:
    """At most `origins` moments that something is known at, at least `apart_days` apart, oldest first."""
    walk = [ordered[-1]]
    while len(walk) < origins and (before := known_moments(ordered, walk[0], apart_days)):
        walk.insert(0, before[-1])
    return tuple(origin for origin in walk if known_moments(ordered, origin, span_days))


def _notes(built: Plan, wanted: int) -> tuple[str, ...]:
    notes, found = [], len(built.origins)
    if found < wanted:
        notes.append(
            f"the history gives {found} of {wanted} moments that can be predicted from what was known there; "
            "more of it, or a shorter horizon_days, gives more."
        )
    if len(known_moments(built.origins, built.test, built.span_days)) < len(built.origins) - 1 and found > 1:
        notes.append("the moments lie closer than a window: what they are judged by overlaps.")
    shared = built.shared(built.test)
    if len(shared.tuning) < LEAST_TUNING:
        notes.append("fewer than two earlier moments: rounds and blend keep their defaults.")
    return tuple(notes)
