"""A model's feature columns: fixed at training, matched by name afterwards, whatever their order.

A missing column or a null number is an error that names it; a column the model does not know is ignored. Categories
(`customer_...` strings) keep the levels seen in training; an unknown or null category is "unknown", a level of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.errors import ModelError

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.floating[Any]]

KEYS = ("customer_id", "as_of")
BLOCK_ROWS = 1024
MOST_NAMED = 5  # columns in a message
MOST_LEVELS = 50  # rarer categories than these many become "unknown"


@dataclass(frozen=True)
class Columns:
    """Names in alphabetical order, and the levels of those that are categories."""

    names: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]

    @classmethod
    def fit(cls, features: pd.DataFrame, *, without: Iterable[str] = ()) -> Columns:
        """The columns of training features, except the keys and `without`.

        Raises:
            ModelError: nothing is left to learn from.
        """
        import pandas as pd

        left_out = {*KEYS, *without}
        names = tuple(sorted(name for name in features.columns if name not in left_out))
        if not names:
            raise ModelError("features: no column is left to learn from. Switch some of features.families on.")
        kinds = {name: pd.api.types.is_numeric_dtype(features[name]) for name in names}
        return cls(names, {name: _levels(features[name]) for name in names if not kinds[name]})

    @property
    def categories(self) -> list[int]:
        """Places of the category columns."""
        return [place for place, name in enumerate(self.names) if name in self.levels]

    def matrix(self, features: pd.DataFrame) -> npt.NDArray[np.float32]:
        """Rows by `names`, float32; categories as the place of their level, NaN where unknown.

        Raises:
            ModelError: columns are missing, or a number is null or not finite; all of them are named.
        """
        self.require(features)
        columns = [self._column(features[name], name) for name in self.names]
        matrix = np.empty((len(features), len(columns)), dtype=np.float32)
        for begin in range(0, len(features), BLOCK_ROWS):  # columns become rows within the processor's cache
            rows = slice(begin, begin + BLOCK_ROWS)
            for place, column in enumerate(columns):
                matrix[rows, place] = column[rows]
        if self.levels or not np.isfinite(matrix).all():
            self._require_finite(features, matrix)
        return matrix

    def _column(self, values: pd.Series[Any], name: str) -> npt.NDArray[np.float32]:
        if name not in self.levels:
            return values.to_numpy(dtype=np.float32, na_value=np.nan)
        place_of = {level: float(code) for code, level in enumerate(self.levels[name])}
        return np.array([place_of.get(text, np.nan) for text in _texts(values)], dtype=np.float32)

    def _require_finite(self, features: pd.DataFrame, matrix: npt.NDArray[np.float32]) -> None:
        numbers = [place for place, name in enumerate(self.names) if name not in self.levels]
        faults = ~np.isfinite(matrix[:, numbers])
        if faults.any():
            raise ModelError(*_null_faults(features, [self.names[place] for place in numbers], faults))

    def require(self, features: pd.DataFrame) -> None:
        """Every column is there, or a ModelError names each that is not and what comes near."""
        require(features, self.names)

    def wide(self, matrix: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
        """For a linear model: each category becomes one column of 0 and 1 per level.

        Returns:
            The wide rows, and for each wide column the place in `names` it came from.
        """
        if not self.levels:
            return matrix, np.arange(len(self.names), dtype=np.int64)
        parts, owners = [], []
        for place, name in enumerate(self.names):
            column = matrix[:, place]
            levels = len(self.levels.get(name, ()))
            part = column[:, None] == np.arange(levels) if name in self.levels else column[:, None]
            parts.append(part.astype(np.float32))
            owners += [place] * part.shape[1]
        return np.concatenate(parts, axis=1), np.array(owners, dtype=np.int64)

    def to_json(self) -> dict[str, Any]:
        """Names and levels."""
        return {"names": list(self.names), "levels": {name: list(levels) for name, levels in self.levels.items()}}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Columns:
        """The inverse of `to_json`."""
        return cls(tuple(content["names"]), {name: tuple(levels) for name, levels in content["levels"].items()})


def require(features: pd.DataFrame, names: Iterable[str]) -> None:
    """Every name is a column, or a ModelError says in a sentence which are not and what comes near."""
    present = [str(name) for name in features.columns]
    missing = sorted(set(names) - set(present))
    if missing:
        raise ModelError(_missing_fault(missing, present))


def _missing_fault(missing: Sequence[str], present: Sequence[str]) -> str:
    many = f"{len(missing)} columns that are" if len(missing) > 1 else "a column that is"
    near = get_close_matches(missing[0], present, n=1)
    hint = f" Near {missing[0]}: {near[0]}." if near else ""
    return (
        f"features: the model needs {many} not there: {', '.join(missing[:MOST_NAMED])}"
        f"{', ...' if len(missing) > MOST_NAMED else ''}.{hint} Build the features with the catalogue and the sources "
        "that trained the model, or train again."
    )


def numbers(features: pd.DataFrame, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """Rows by `names` as float64, all of them there."""
    require(features, names)
    return np.column_stack([features[name].to_numpy(dtype=np.float64) for name in names])


def finite_numbers(features: pd.DataFrame, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """As `numbers`, or a ModelError says which are null or not finite."""
    found = numbers(features, names)
    faults = ~np.isfinite(found)
    if faults.any():
        raise ModelError(*_null_faults(features, list(names), faults))
    return found


def _texts(column: pd.Series[Any]) -> list[str]:
    """Null becomes the empty text, which is never a level."""
    import pandas as pd

    return ["" if pd.isna(value) else str(value) for value in column]


def _levels(column: pd.Series[Any]) -> tuple[str, ...]:
    counts: dict[str, int] = {}
    for value in _texts(column):
        if value:
            counts[value] = counts.get(value, 0) + 1
    kept = sorted(counts, key=lambda level: (-counts[level], level))[:MOST_LEVELS]
    return tuple(sorted(kept))


def _null_faults(features: pd.DataFrame, names: list[str], faults: npt.NDArray[np.bool_]) -> list[str]:
    lines = []
    for place in np.flatnonzero(faults.any(axis=0))[:10]:
        rows = np.flatnonzero(faults[:, place])
        keys = features["customer_id"] if "customer_id" in features.columns else features.index.to_series()
        shown = ", ".join(str(key) for key in keys.iloc[rows[:3]])
        lines.append(
            f"features: {names[place]} is null or not finite in {len(rows)} of {len(features)} rows ({shown}). "
            "Every feature has a number for silence: build the features again."
        )
    return ["\n".join(lines)]
