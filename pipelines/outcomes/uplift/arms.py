"""Two arms and an outcome out of the columns of a table: which words mean what, and whose rows are taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipelines.runtime.errors import ChurnError, did_you_mean
from pipelines.runtime.text.yes_no import NO, YES

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Holds = npt.NDArray[np.bool_]

GOOD, BAD = "good", "bad"
KNOWN_OUTCOMES = {
    **dict.fromkeys(("left", "churn", "churned", "cancelled", "canceled", "lapsed", "unsubscribed"), BAD),
    **dict.fromkeys(("visit", "visited", "conversion", "converted", "bought", "purchased", "ordered"), GOOD),
    **dict.fromkeys(("stayed", "retained", "kept", "renewed", "returned", "active"), GOOD),
}
TREATED_WORDS = (*YES, "treated", "treatment", "contact", "contacted", "test")
CONTROL_WORDS = (*NO, "control", "untreated", "holdout", "none")
UNKNOWN = ("", "na", "nan", "null", "none", "<na>")
MOST_SHOWN = 8


@dataclass(frozen=True)
class Arms:
    """Who is treated, and which rows belong to either arm.

    Attributes:
        treated: per row; means nothing where `taken` is false.
        taken: per row.
        treated_values, control_values: of the column, as they are written.
    """

    treated: Holds
    taken: Holds
    treated_values: tuple[str, ...]
    control_values: tuple[str, ...]


def words(column: pd.Series[Any]) -> pd.Series[str]:
    """A column's values as text: whole numbers without a point, unknown as ""."""
    import pandas as pd

    if pd.api.types.is_bool_dtype(column):
        return column.map({True: "true", False: "false"}).fillna("").astype("str")
    if pd.api.types.is_numeric_dtype(column):
        return column.map(lambda value: "" if pd.isna(value) else f"{value:.15g}").astype("str")
    return column.astype("object").where(column.notna(), "").astype("str").str.strip()


def arms(column: pd.Series[Any], treated: Sequence[str], control: Sequence[str]) -> Arms:
    """The arms of a treatment column.

    Args:
        column: of the table.
        treated, control: values that were asked for; where one is empty, the others; where both are, yes and no.

    Raises:
        ChurnError: a value is not there, or it cannot be told which is which.
    """
    said, name = words(column), str(column.name)
    counts = Counter(value for value in said if value)
    faults = [
        f"--treatment {name}: {value!r} is not among its values.{did_you_mean(value, counts)}"
        for value in (*treated, *control)
        if value not in counts
    ]
    both = sorted(set(treated) & set(control))
    faults += [f"--treated and --control: {value!r} stands in both. One value is one arm." for value in both]
    if faults:
        raise ChurnError(*faults)
    one, other = _values(name, counts, tuple(treated), tuple(control))
    return Arms(said.isin(one).to_numpy(dtype=bool), said.isin([*one, *other]).to_numpy(dtype=bool), one, other)


def _values(
    name: str, counts: Counter[str], treated: tuple[str, ...], control: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if not treated and not control:
        treated = tuple(value for value in counts if value.casefold() in TREATED_WORDS)
        control = tuple(value for value in counts if value.casefold() in CONTROL_WORDS)
        if len(treated) == len(control) == 1 and len(counts) == 2:
            return treated, control
        raise ChurnError(
            f"--treatment {name}: cannot be read as yes and no; its values are {_listed(counts)}. Say which they are, "
            "as in --treated 'A' --control 'B'; either may be given several times, and without --treated all others "
            "are treated."
        )
    rest = tuple(value for value in sorted(counts) if value not in (*treated, *control))
    if not treated:
        treated = rest
    elif not control:
        control = rest
        if len(rest) > 1:
            raise ChurnError(
                f"--treatment {name}: beside --treated there are {len(rest)} values: {_listed(Counter(rest))}. Say who "
                "was not treated, as in --control 'B'."
            )
    if not treated or not control:
        raise ChurnError(f"--treatment {name}: all rows are of one arm ({_listed(counts)}). Two are needed.")
    return treated, control


def _listed(counts: Counter[str]) -> str:
    shown = ", ".join(repr(value) for value, _ in counts.most_common(MOST_SHOWN))
    return shown + (f" and {len(counts) - MOST_SHOWN:,} more" if len(counts) > MOST_SHOWN else "")


def outcome(column: pd.Series[Any]) -> Floats:
    """1.0 for yes, 0.0 for no, NaN for unknown.

    Raises:
        ChurnError: it is no yes or no.
    """
    said = words(column).str.casefold()
    found = said.map({**dict.fromkeys(YES, 1.0), **dict.fromkeys(NO, 0.0)})
    odd = Counter(words(column)[found.isna() & ~said.isin(UNKNOWN)])
    if odd:
        raise ChurnError(
            f"--outcome {column.name}: must be yes or no (1, 0, true, false), and has {_listed(odd)}. Of money or "
            "counts make a column that says whether, as in `spend > 0`."
        )
    return np.asarray(found, dtype=np.float64)


def meaning(name: str, said: str | None) -> str:
    """Whether yes is `good` or `bad`: as it is said, else by the column's name.

    Raises:
        ChurnError: neither says.
    """
    found = said or KNOWN_OUTCOMES.get(name.strip().casefold())
    if found is None:
        raise ChurnError(
            f"--outcome {name}: is a yes good (stayed, visited) or bad (left)? Say --outcome-is good, or --outcome-is "
            f"bad. By their names alone are known: {', '.join(sorted(KNOWN_OUTCOMES))}."
        )
    return found
