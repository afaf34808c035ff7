"""Which columns of a table say what was known of a customer before, and how they become numbers.

Words become categories, the rarest levels together one. Left out, and said, are ids (a different value in every row),
columns with too many rare words, with one value, and those that know what they cannot have known: who was treated, or
what came of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.effect.uplift.experiment import Column
from pipelines.outcomes.uplift.arms import UNKNOWN, words

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Holds = npt.NDArray[np.bool_]

ONE_VALUE, IDS, WORDS, KNOWS_OUTCOME, KNOWS_ARM = "one_value", "ids", "words", "knows_outcome", "knows_arm"
MOST_LEVELS, FEW_VALUES = 30, 12
MOST_RARE = 0.5  # share of rows in levels that are joined
MISSING, OTHER = "(missing)", "(other)"
FEWEST, BY_CHANCE = 20, 1e-6


@dataclass(frozen=True)
class KnownBefore:
    """Features: rows by columns (NaN where a number is not known), what they are, and why others are none."""

    features: Floats
    columns: tuple[Column, ...]
    left_out: dict[str, str]


def known_before(table: pd.DataFrame, names: Sequence[str], arm: Holds, outcome: Floats, *, named: bool) -> KnownBefore:
    """The features of a table.

    Args:
        table: rows of both arms whose outcome is known.
        names: columns that may be features.
        arm: true where treated.
        outcome: 1.0 or 0.0.
        named: whether somebody named them: then only what cannot be used is left out.
    """
    parts, columns, left_out = [], [], {}
    for name in names:
        values, levels = _coded(table[name])
        why = _why_not(values, levels, arm, outcome, named=named)
        if why:
            left_out[name] = why
        else:
            parts.append(values)
            columns.append(Column(name, levels))
    stacked = np.column_stack(parts) if parts else np.zeros((len(table), 0))
    return KnownBefore(stacked, tuple(columns), left_out)


def _coded(column: pd.Series[Any]) -> tuple[Floats, tuple[str, ...] | None]:
    """A number per row, and the levels where it is a code."""
    import pandas as pd

    said = words(column)
    unknown = said.str.casefold().isin(UNKNOWN)
    numbers = pd.to_numeric(said.where(~unknown), errors="coerce")
    yes_no = said.str.casefold().map({"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0})
    for found in (numbers, yes_no):
        if not (found.isna() & ~unknown).any():
            values = found.to_numpy(dtype=np.float64)
            return np.where(np.isfinite(values), values, np.nan), None
    said = said.where(said != "", MISSING)
    counts = said.value_counts()
    usual = sorted(counts.index) if len(counts) <= MOST_LEVELS else [*sorted(counts.index[: MOST_LEVELS - 1]), OTHER]
    codes = {level: float(code) for code, level in enumerate(usual)}
    return said.map(codes).fillna(float(len(usual) - 1)).to_numpy(dtype=np.float64), tuple(map(str, usual))


def _why_not(values: Floats, levels: tuple[str, ...] | None, arm: Holds, outcome: Floats, *, named: bool) -> str | None:
    known = values[np.isfinite(values)]
    distinct = np.unique(known)
    if len(distinct) <= 1 and len(known) in (0, len(values)):
        return ONE_VALUE
    if named:
        return None
    if levels is not None and levels[-1] == OTHER and (values == len(levels) - 1).mean() > MOST_RARE:
        return WORDS
    if levels is None and len(values) >= 50 and len(distinct) == len(values) and (known == np.round(known)).all():
        return IDS
    if _knows(values, arm.astype(np.float64)):
        return KNOWS_ARM
    return KNOWS_OUTCOME if _knows(values, outcome) else None


def _knows(values: Floats, target: Floats) -> bool:
    """Whether some value settles the target: at least 20 rows, all alike, which chance gives once in a million."""
    share = float(target.mean())
    for group in _groups(values):
        size, ones = int(group.sum()), float(target[group].sum())
        if size >= FEWEST and ones in {0.0, float(size)}:
            chance = (share if ones else 1 - share) ** size
            if chance < BY_CHANCE:
                return True
    return False


def _groups(values: Floats) -> Iterator[Holds]:
    yield ~np.isfinite(values)
    yield values > 0
    distinct = np.unique(values[np.isfinite(values)])
    yield from (values == one for one in (distinct if len(distinct) <= FEW_VALUES else [0.0]))
