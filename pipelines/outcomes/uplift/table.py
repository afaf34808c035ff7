"""An experiment out of any table: CSV or Parquet, one row per customer (or per customer and treatment)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.effect.gates import Gate, attrition, balance, sample_ratio
from models.effect.uplift.experiment import Experiment, experiment_of
from pipelines.outcomes.uplift.arms import GOOD, Arms, arms, meaning, outcome, words
from pipelines.outcomes.uplift.known_before import KnownBefore, known_before
from pipelines.runtime.errors import ChurnError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Holds = npt.NDArray[np.bool_]

SHARE, COLUMN, NUMBER, LEDGER = "share", "column", "number", "ledger"
MOST_STRATA = 20


@dataclass(frozen=True)
class Asked:
    """What a table is asked.

    Attributes:
        treatment, outcome: columns.
        outcome_is: `good`, `bad`, or None: by the column's name.
        treated, control: values of the treatment column, see arms.arms.
        probability: a column, a number, or None: the share that was treated.
        features: columns; empty: all others.
        customer: the column of ids; None: each row is a customer.
        risk: a column, highest first, by which one would treat otherwise; None: what is predicted.
    """

    treatment: str
    outcome: str
    outcome_is: str | None = None
    treated: tuple[str, ...] = ()
    control: tuple[str, ...] = ()
    probability: str | None = None
    features: tuple[str, ...] = ()
    customer: str | None = None
    risk: str | None = None


@dataclass(frozen=True)
class Found:
    """An experiment, the gates, and what is to be said of where it comes from (JSON)."""

    experiment: Experiment
    gates: list[Gate]
    source: dict[str, Any]
    left_out: dict[str, str] = field(default_factory=dict)


def read_table(path: Path) -> pd.DataFrame:
    """The rows of a file; of a CSV as text, separated by `,`, `;` or a tab, whichever its first line has most of.

    Raises:
        ChurnError: there is none, it is of another kind, or it cannot be read.
    """
    import pandas as pd

    if not path.is_file():
        raise ChurnError(f"--table {path}: there is no such file. Give a CSV or Parquet file.")
    kind = path.suffix.casefold()
    if kind not in (".csv", ".tsv", ".txt", ".parquet"):
        raise ChurnError(f"--table {path}: is neither .csv (.tsv, .txt) nor .parquet. Save it as one of them.")
    try:
        if kind == ".parquet":
            return pd.read_parquet(path)
        with path.open(encoding="utf-8-sig") as file:
            first = file.readline()
        separator = max(",;\t", key=first.count)
        return pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, OSError) as error:  # pandas' and pyarrow's own are kinds of ValueError
        raise ChurnError(f"--table {path}: cannot be read: {str(error).splitlines()[0]}") from error


def from_table(path: Path, asked: Asked) -> Found:
    """The experiment of a file.

    Raises:
        ChurnError: a column is not there, cannot be read as what it is asked for, or nothing is left.
    """
    table = read_table(path)
    _require(table, asked, path)
    good_is = meaning(asked.outcome, asked.outcome_is)
    drawn, came = arms(table[asked.treatment], asked.treated, asked.control), outcome(table[asked.outcome])
    known = np.isfinite(came)
    used = drawn.taken & known
    rows, arm = table[used], drawn.treated[used]
    if arm.all() or not arm.any():
        raise ChurnError(f"--table {path}: no outcome of one of the arms is known, of {int(used.sum()):,} rows.")
    good = came[used] if good_is == GOOD else 1 - came[used]
    p, kind = _probability(rows, asked, arm)
    names = asked.features or tuple(name for name in table.columns if name not in _parts(asked))
    before = known_before(rows, names, arm, good, named=bool(asked.features))
    if not before.columns:
        raise ChurnError(f"--table {path}: no column says anything of customers before. {_reasons(before)}".rstrip())
    risk = None if asked.risk is None else _numbers(rows, asked.risk, "--risk")
    whose = None if asked.customer is None else words(rows[asked.customer]).to_numpy()
    experiment = experiment_of(arm, p, good, before.features, before.columns, risk=risk, customers=whose)
    gates = _gates(experiment, drawn, known, kind)
    return Found(experiment, gates, _source(path, asked, drawn, (kind, good_is, known, used)), before.left_out)


def _parts(asked: Asked) -> Iterator[str]:
    given = (asked.treatment, asked.outcome, asked.probability, asked.customer)
    return (name for name in given if name is not None)


def _require(table: pd.DataFrame, asked: Asked, path: Path) -> None:
    wanted = {"--treatment": asked.treatment, "--outcome": asked.outcome}
    wanted |= {"--customer": asked.customer or "", "--risk": asked.risk or ""}
    if asked.probability is not None and _number(asked.probability) is None:
        wanted["--probability"] = asked.probability
    pairs = [*wanted.items(), *(("--features", name) for name in asked.features)]
    faults = [
        f"{option} {name}: {path} has no such column.{did_you_mean(name, table.columns)}"
        for option, name in pairs
        if name and name not in table.columns
    ]
    taken = {asked.treatment, asked.outcome}
    faults += [f"--features {name}: is the treatment or the outcome." for name in asked.features if name in taken]
    if len(table) == 0:
        faults.append(f"--table {path}: has no rows.")
    if faults:
        raise ChurnError(*faults)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _numbers(rows: pd.DataFrame, name: str, option: str) -> Floats:
    import pandas as pd

    found = pd.to_numeric(words(rows[name]).replace("", None), errors="coerce").to_numpy(dtype=np.float64)
    if not np.isfinite(found).all():
        missing = int((~np.isfinite(found)).sum())
        raise ChurnError(
            f"{option} {name}: {missing:,} of {len(found):,} rows have no number there. Fill or drop them."
        )
    return found


def _probability(rows: pd.DataFrame, asked: Asked, arm: Holds) -> tuple[Floats, str]:
    """The probability of being treated, and where it comes from."""
    if asked.probability is None:
        return np.full(len(arm), arm.mean()), SHARE
    given = _number(asked.probability)
    named = asked.probability in rows.columns
    found = _numbers(rows, asked.probability, "--probability") if named else np.full(len(arm), given or 0.0)
    outside = int(((found <= 0) | (found >= 1)).sum())
    if outside:
        raise ChurnError(
            f"--probability {asked.probability}: {outside:,} of {len(found):,} rows are not between 0 and 1 (neither "
            "included). It is the chance with which each row was to be treated; who had none or was sure to be tells "
            "nothing."
        )
    return found, COLUMN if named else NUMBER


def _gates(experiment: Experiment, drawn: Arms, known: Holds, kind: str) -> list[Gate]:
    """Whether the arms can be compared: outcomes missing alike, sizes as drawn, alike before."""
    strata = np.round(experiment.probability * MOST_STRATA) if kind == COLUMN else None
    found = [
        attrition(drawn.treated[drawn.taken], known[drawn.taken]),
        balance(experiment.treated, _spread(experiment), strata),
    ]
    if kind != SHARE:
        found.insert(0, sample_ratio(experiment.treated, experiment.probability, strata))
    return sorted(found, key=lambda gate: gate.passed)


def _spread(experiment: Experiment) -> Floats:
    """Numbers as they are; of a category a column per level that at least 1% have."""
    parts = []
    for place, column in enumerate(experiment.columns):
        values = experiment.features[:, place]
        if column.levels is None:
            parts.append(values)
        else:
            levels = [(values == code).astype(np.float64) for code in range(len(column.levels) - 1)]
            parts += [one for one in levels if one.mean() >= 0.01]
    return np.column_stack(parts) if parts else np.zeros((len(experiment), 1))


def _source(path: Path, asked: Asked, drawn: Arms, rest: tuple[str, str, Holds, Holds]) -> dict[str, Any]:
    kind, good_is, known, used = rest
    return {
        "kind": "table",
        "name": path.name,
        "treatment": asked.treatment,
        "treated": list(drawn.treated_values),
        "control": list(drawn.control_values),
        "outcome": asked.outcome,
        "outcome_is": good_is,
        "probability": kind,
        "risk": asked.risk,
        "rows": len(used),
        "other_arms": int((~drawn.taken).sum()),
        "no_outcome": int((drawn.taken & ~known).sum()),
        "used": int(used.sum()),
    }


def _reasons(before: KnownBefore) -> str:
    return "; ".join(f"{name}: {why}" for name, why in before.left_out.items())
