"""The level of a moment: how many leave on average, found for the moment that is scored, without its outcome.

A model that learned from few moments carries their season along, and its columns grow with the history (tenure, orders
in a year), so that its ranking holds where its average does not. BG/NBD knows less about a customer and more about
time: how silence goes on follows from rates and ages. So the average of the model is moved to that of BG/NBD among
everybody eligible at the moment, shifted by what BG/NBD itself is expected to be off by: the effects of the moments
that are known (`moment_effects.py`). How far to follow it is confirmed by earlier moments: what it would have
moved there, against what the outcome then asked for. One number for all customers of a moment: their order stays.

The idea to correct for a new base rate by the unlabelled population is that of Saerens, Latinne and Decaestecker (2002,
"Adjusting the outputs of a classifier to new a priori probabilities", Neural Computation 14); their estimate of the
base rate trusts the ranking model's own probabilities, this one a law of buying.

Where leaving is not silence, or no law is known, the shift is what the model's own moments let one expect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from models.learners import calibration, moment_effects
from models.learners.bgnbd_score import BgNbdScore
from models.learners.calibration import Calibration
from models.learners.moment_effects import Effects

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.floating[Any]]

ENOUGH_ROWS = 20_000  # customers that tell a level to within a thousandth
BEFOREHAND = 0.05  # squared log-odds of moves that count as confirmed before any was seen
MOMENTS_BEFOREHAND = 3.0  # that the expected spread counts for, beside how wrong earlier moments were


@dataclass(frozen=True)
class Move:
    """An earlier moment, after the fact, log-odds: what following the law would have moved the model by, what the
    outcome asked for, and the variance of that by the number of customers alone.
    """

    followed: float
    needed: float
    variance: float


@dataclass(frozen=True)
class Level:
    """What is known of levels at training.

    Attributes:
        habit: the law that gives a moment's level; None: the shift is the model's own.
        shift: log-odds by which the level is expected to be off at the moment to come.
        spread: standard deviation of that, log-odds: how wrong a level can be.
        moments: how many known moments told it.
        trust: how far the model follows the law, 0 to 1.
    """

    habit: BgNbdScore | None
    shift: float
    spread: float
    moments: int
    trust: float = 1.0

    @classmethod
    def expected(cls, habit: BgNbdScore | None, effects: Effects | None, day: str, window_days: int) -> Level:
        """The level expected at a moment.

        Args:
            habit: see the class.
            effects: of the known moments, on the log-odds of `habit` (without it: on the model's own); None: no moment
                is known.
            day: ISO date of the moment to come.
            window_days: gap + horizon.
        """
        found = moment_effects.expected(effects, day_number(day), window_days)
        return cls(habit, found.shift, found.spread, 0 if effects is None else len(effects.days))

    def at(self, log_odds: Floats, features: pd.DataFrame) -> Calibration:
        """The calibration of a moment: log-odds plus one number, see `shift_at`."""
        return shifted(self.shift_at(log_odds, features))

    def shift_at(self, log_odds: Floats, features: pd.DataFrame) -> float:
        """What a moment adds to log-odds.

        Args:
            log_odds: of everybody eligible at the moment (or of a sample of them), before calibration.
            features: of the same customers in the same order.
        """
        if self.habit is None:
            return self.shift
        return round(self.trust * self.followed(log_odds, features), moment_effects.DIGITS)

    def followed(self, log_odds: Floats, features: pd.DataFrame) -> float:
        """The shift by which the average becomes that of the law; see `shift_at`."""
        if self.habit is None or not len(log_odds):
            return self.shift
        level = np.sort(expit(self.habit.log_odds(features) + self.shift))
        return moment_effects.shift_to(log_odds, float(level.mean()))

    def confirmed(self, moves: Sequence[Move]) -> Level:
        """The level with the trust and the spread that earlier moments give it.

        Trust is the slope of what was needed on what would have been moved, through nothing, held to 1 by BEFOREHAND.
        The spread grows where earlier moments were further off than it allows, and never shrinks.

        Args:
            moves: of moments whose outcome was known, their windows apart.
        """
        if self.habit is None or not moves:
            return self
        followed, needed, variance = np.array([[one.followed, one.needed, one.variance] for one in moves]).T
        trust = float((followed @ needed + BEFOREHAND) / (followed @ followed + BEFOREHAND))
        trust = round(min(max(trust, 0.0), 1.0), moment_effects.DIGITS)
        off = np.maximum((needed - trust * followed) ** 2 - variance, 0.0)
        seen = (MOMENTS_BEFOREHAND * self.spread**2 + float(off.sum())) / (MOMENTS_BEFOREHAND + len(moves))
        return replace(self, trust=trust, spread=round(max(self.spread, seen**0.5), moment_effects.DIGITS))

    def in_words(self) -> str:
        """In words, for the notes of a training."""
        of = "what the model's own moments show" if self.habit is None else "the BG/NBD model of everybody eligible"
        return (
            f"level calibration: the average follows {of}, moved by {self.shift:+.3f} log-odds (give or take "
            f"{self.spread:.3f}) as {self.moments} known moments tell"
            + ("." if self.trust == 1 else f"; followed by {self.trust:.0%}, as earlier moments confirm.")
        )

    def to_json(self) -> dict[str, Any]:
        """The numbers, exactly."""
        habit = self.habit.to_json() if self.habit else None
        return {
            "habit": habit,
            "shift": self.shift,
            "spread": self.spread,
            "moments": self.moments,
            "trust": self.trust,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Level:
        """The inverse of `to_json`."""
        habit = BgNbdScore.from_json(content["habit"]) if content["habit"] else None
        return cls(
            habit, float(content["shift"]), float(content["spread"]), int(content["moments"]), float(content["trust"])
        )


UNKNOWN = Level(None, 0.0, 0.0, 0)
"""Before any moment was looked at."""


def shifted(by: float) -> Calibration:
    """Log-odds plus a number, as a calibration."""
    return Calibration("platt", {"intercept": [by], "slope": [1.0]})


def day_number(day: str) -> int:
    """Days since 0001-01-01."""
    return date.fromisoformat(day).toordinal()


def sample(customers: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which of these tell the level: all of them, or by a hash of their ids between half of ENOUGH_ROWS and all of it.

    Powers of two, so that a sample of the sample is the sample itself.
    """
    every = 1 << (max(0, -(-len(customers) // ENOUGH_ROWS) - 1)).bit_length()
    return calibration.folds(customers, every) == 0 if every > 1 else np.ones(len(customers), dtype=bool)
