"""RFM: quintiles of recency, frequency and money, and the named segments that follow from them.

Cut-points are fitted on training rows and stored with the model, so that a customer's segment never depends on who
else is looked at today; equal values get equal ranks. 5 is best: most recent, most frequent, most money.

The first rule of NAMED that holds gives the name. R, F and M are the quintile scores; the value score V is M, or F in a
stream without money; tenure is days since the first order seen. Whoever has a rhythm is called quiet only outside it:
a silence is within it that is no longer than the customer's own usual pause. Of whoever has none yet (one order), the
silence of others decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models import columns
from models.errors import ModelError

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.floating[Any]]

NEW_WITHIN_DAYS = 60

Scores = Mapping[str, npt.NDArray[Any]]
NAMED: tuple[tuple[str, str, Callable[[Scores], npt.NDArray[np.bool_]]], ...] = (
    ("new", f"first order at most {NEW_WITHIN_DAYS} days ago", lambda s: s["tenure"] <= NEW_WITHIN_DAYS),
    ("high value", "V = 5, and R at least 3 or within the rhythm", lambda s: s["present"] & (s["v"] == 5)),
    ("regular", "F at least 4, and R at least 3 or within the rhythm", lambda s: s["present"] & (s["f"] >= 4)),
    (
        "at risk",
        "R at most 2, not within the rhythm, and F or V at least 4: used to be good",
        lambda s: ~s["present"] & (np.maximum(s["f"], s["v"]) >= 4),
    ),
    (
        "hibernating",
        "R = 1, or R = 2 and F at most 2, and not within the rhythm",
        lambda s: ~s["present"] & ((s["r"] == 1) | ((s["r"] == 2) & (s["f"] <= 2))),
    ),
    (
        "needs attention",
        "R at most 3 and outside the rhythm, or R = 2 without one: middling and slowing",
        lambda s: ~s["present"] | (s["outside"] & (s["r"] <= 3)),
    ),
    ("occasional", "everyone else: seldom, and recent or within the rhythm", lambda s: s["r"] >= 1),
)
RECENT = 3
"""The score of recency from which on a customer came not long ago, whatever their rhythm."""


@dataclass(frozen=True)
class Roles:
    """Which columns hold recency, frequency, money (None without money) and tenure of the definition's activity.

    `summary`: repeat orders, days from the first to the last, age (None where they are not declared).
    """

    recency: str
    frequency: str
    money: str | None
    tenure: str
    summary: tuple[str, str, str] | None = None

    @property
    def rhythm(self) -> str | None:
        """The column of the customer's usual days between two orders; None where the name of R does not tell."""
        activity = self.recency.removesuffix(f"_{_MEASURES['recency'][0]}")
        return None if activity == self.recency else f"{activity}_{RHYTHM}"

    @property
    def names(self) -> list[str]:
        """The columns that are there, in the order R, F, M, T."""
        return [name for name in (self.recency, self.frequency, self.money, self.tenure) if name]


def roles(columns_info: Sequence[Mapping[str, Any]], activity: str) -> Roles:
    """Find R, F, M and T among the declared columns: the longest window of each measure of `activity`.

    Raises:
        ModelError: the catalogue declares no recency, frequency or tenure for the activity.
    """
    found = {role: _longest(columns_info, activity, measures) for role, measures in _MEASURES.items()}
    missing = [role for role in ("recency", "frequency", "tenure") if found[role] is None]
    if missing:
        wanted = "; ".join(f"{role}: {' or '.join(_MEASURES[role])}" for role in missing)
        raise ModelError(
            f"columns.json: nothing declares {', '.join(missing)} of {activity} ({wanted}). Build the features again."
        )
    summary = [_longest(columns_info, activity, (measure,)) for measure in _SUMMARY]
    return Roles(
        recency=str(found["recency"]),
        frequency=str(found["frequency"]),
        money=found["money"],
        tenure=str(found["tenure"]),
        summary=None if None in summary else (str(summary[0]), str(summary[1]), str(summary[2])),
    )


RHYTHM = "gap_mean"  # the measure: usual days from one order to the next
NEVER = 1000.0  # days, of it: no pause was seen
_MEASURES = {
    "recency": ("days_since_last",),
    "frequency": ("count",),
    "money": ("total_value",),
    "tenure": ("days_since_first",),
}


_SUMMARY = ("btyd_frequency", "btyd_recency", "btyd_age")


def _longest(columns_info: Sequence[Mapping[str, Any]], activity: str, measures: Sequence[str]) -> str | None:
    fitting = [info for info in columns_info if info["activity"] == activity and info["measure"] in measures]
    best = max(fitting, key=lambda info: (info["days"] or 10**6, info["name"]), default=None)
    return None if best is None else str(best["name"])


@dataclass(frozen=True)
class Quintiles:
    """Cut-points of R, F and M, fitted on training rows."""

    roles: Roles
    cuts: Mapping[str, tuple[float, ...]]

    @classmethod
    def fit(cls, features: pd.DataFrame, roles: Roles) -> Quintiles:
        """Cut-points at 20, 40, 60 and 80 percent of the rows."""
        names = [name for name in (roles.recency, roles.frequency, roles.money) if name]
        values = columns.numbers(features, names)
        quantiles = np.quantile(values, [0.2, 0.4, 0.6, 0.8], axis=0)
        return cls(roles, {name: tuple(quantiles[:, place].tolist()) for place, name in enumerate(names)})

    def scores(self, features: pd.DataFrame) -> pd.DataFrame:
        """`r_score, f_score, m_score` (1 to 5, m_score null without money), on the index of `features`."""
        import pandas as pd

        columns.require(features, self.cuts)
        recency = 6 - self._rank(features, self.roles.recency)
        frequency = self._rank(features, self.roles.frequency)
        money = pd.array([pd.NA] * len(features), dtype="Int64")
        if self.roles.money:
            money = pd.array(self._rank(features, self.roles.money), dtype="Int64")
        return pd.DataFrame(
            {
                "r_score": pd.array(recency, dtype="Int64"),
                "f_score": pd.array(frequency, dtype="Int64"),
                "m_score": money,
            },
            index=features.index,
        )

    def _rank(self, features: pd.DataFrame, name: str) -> npt.NDArray[np.int64]:
        """1 to 5: one more than the cut-points strictly below, so that equal values are equal."""
        values = features[name].to_numpy(dtype=np.float64)
        return np.asarray(1 + np.searchsorted(self.cuts[name], values, side="left"), dtype=np.int64)

    def sums(self, features: pd.DataFrame) -> Floats:
        """R + F + M (R + F without money): the RFM score that teams add up in a spreadsheet."""
        return self.scores(features).fillna(0).sum(axis=1).to_numpy(dtype=np.float64)

    def segments(self, features: pd.DataFrame) -> pd.DataFrame:
        """`scores` and the named `segment`. Without a column of the rhythm nobody is known to have one."""
        import pandas as pd

        columns.require(features, self.roles.names)
        table = self.scores(features)
        frequency = table["f_score"].to_numpy(dtype=np.int64)
        recency = table["r_score"].to_numpy(dtype=np.int64)
        within, outside = self._rhythm(features)
        scored: Scores = {
            "r": recency,
            "f": frequency,
            "v": table["m_score"].to_numpy(dtype=np.int64) if self.roles.money else frequency,
            "tenure": features[self.roles.tenure].to_numpy(dtype=np.float64),
            "present": (recency >= RECENT) | within,
            "outside": outside,
        }
        names = np.select([rule(scored) for _, _, rule in NAMED], [name for name, _, _ in NAMED], default="occasional")
        return table.assign(segment=pd.Series(names, index=table.index, dtype="str"))

    def _rhythm(self, features: pd.DataFrame) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Whose silence lies within their own rhythm, and whose outside; neither, where there is none."""
        silence = features[self.roles.recency].to_numpy(dtype=np.float64)
        if self.roles.rhythm not in features.columns:
            return np.zeros(len(silence), dtype=bool), np.zeros(len(silence), dtype=bool)
        usual = features[self.roles.rhythm].to_numpy(dtype=np.float64)
        return (usual < NEVER) & (silence <= usual), (usual < NEVER) & (silence > usual)

    def to_json(self) -> dict[str, Any]:
        """Roles and cut-points."""
        named = {role: name for role, name in vars(self.roles).items() if role != "summary"}
        return {"roles": named, "cuts": {name: list(cuts) for name, cuts in self.cuts.items()}}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Quintiles:
        """The inverse of `to_json`."""
        return cls(Roles(**content["roles"]), {name: tuple(cuts) for name, cuts in content["cuts"].items()})
