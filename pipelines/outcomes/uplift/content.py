"""The content of `data/outcomes/uplift.json`: what `churn uplift` found. Shares 0..1, unknown is null, no ids.

Effects are good outcomes per customer: of an outcome that is bad (left), above 0 means that fewer had it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from models.effect.uplift.experiment import Column
from models.effect.uplift.flags import Flag, Trait
from models.effect.uplift.verdict import LOWEST, TOO_FEW, Figures, Harmed, Uplift
from pipelines.outcomes.uplift.table import Found
from pipelines.outcomes.validity import gate_rows

VERSION = 1
WITHHELD = "withheld"


def content_of(found: Found, said: Uplift) -> dict[str, Any]:
    """Everything that is said, and that pages are made of.

    Args:
        found: the experiment.
        said: the verdict on it.
    """
    names, gates = found.experiment.columns, gate_rows(found.gates)
    for gate in gates:
        if gate["gate"] == "balance":
            gate["column"] = _apart(found)
    withheld = said.verdict != TOO_FEW and any(not gate["passed"] and gate["withholds"] for gate in gates)
    return {
        "version": VERSION,
        "source": found.source,
        "features": [column.name for column in names],
        "left_out": found.left_out,
        "gates": gates,
        "verdict": WITHHELD if withheld else said.verdict,
        "share": said.share,
        "compared": "at_share" if said.by_share else "over_all_shares",
        "arms": _arms(said),
        "average": _plain(asdict(said.average)),
        **({} if said.figures is None or withheld else _figures(said.figures, names)),
    }


def _arms(said: Uplift) -> dict[str, Any]:
    counts = asdict(said.enough)
    return {**counts, **{f"{arm}_share": _share(counts, arm) for arm in ("treated", "control")}}


def _share(counts: Mapping[str, Any], arm: str) -> float | None:
    return round(counts[f"{arm}_good"] / counts[arm], 6) if counts[arm] else None


def _figures(figures: Figures, names: tuple[Column, ...]) -> dict[str, Any]:
    return {
        "judged": figures.judged,
        "qini": _each(figures.qini),
        "qini_differences": _each(figures.differences),
        "policies": _each(figures.policies),
        "gains": _each(figures.gains),
        "curve": {"share": list(figures.shares), **{name: _plain(list(one)) for name, one in figures.curves.items()}},
        "flag": _flag(figures.flag, names),
        "harm": _harm(figures.harmed, names),
        "harm_sought_in": list(LOWEST),
        "provable_qini": _plain(figures.provable),
        "needed_customers": figures.needed,
    }


def _each(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(asdict(one)) for name, one in values.items()}


def _flag(flag: Flag | None, names: tuple[Column, ...]) -> dict[str, Any] | None:
    if flag is None:
        return None
    column = names[flag.column]
    value = column.levels[int(flag.at)] if column.levels is not None else flag.at
    return {"column": column.name, "asks": flag.kind, "value": value, "wanted": flag.wanted}


def _harm(harmed: Harmed | None, names: tuple[Column, ...]) -> dict[str, Any] | None:
    if harmed is None:
        return None
    return {
        "share": round(harmed.share, 6),
        "customers": harmed.found.customers,
        **_plain({name: getattr(harmed.found, name) for name in ("effect", "low", "high")}),
        "lowest": harmed.lowest,
        "flag": _flag(harmed.flag, names),
        "traits": [_trait(one, names) for one in harmed.traits],
    }


def _trait(trait: Trait, names: tuple[Column, ...]) -> dict[str, Any]:
    shares = {"inside": round(trait.inside, 6), "outside": round(trait.outside, 6)}
    return {**(_flag(trait.flag, names) or {}), **shares}


def _apart(found: Found) -> str:
    """The name of the column in which the arms differ most, in standard deviations."""
    arm, x = found.experiment.treated, found.experiment.features
    spread = x.std(axis=0)
    apart = abs(x[arm].mean(axis=0) - x[~arm].mean(axis=0)) / (spread + (spread == 0))
    return found.experiment.columns[int(apart.argmax())].name


def _plain(value: Any) -> Any:
    """Rounded to what means something; what is not known is null."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return (round(value, 8) if math.isfinite(value) else None) if isinstance(value, float) else value
