"""The pages of the documentation as they are built: every mark `<!-- generated: NAME -->` is followed by its table.

The mark stands in the written page, so that a code host shows the page too, with its introduction and its links.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pipelines.commands.reference import cli, contracts, features, kpis, metrics, presets, settings

MARK = re.compile(r"<!-- generated: ([a-z-]+) -->")
TABLES: dict[str, Callable[[], str]] = {
    "settings": settings.settings,
    "commands": cli.commands,
    "make": cli.make_targets,
    "stages": cli.stages,
    "exit-codes": cli.exit_codes,
    "presets": presets.preset_table,
    "families": features.families,
    "features": features.features,
    "activity": contracts.activity,
    "customers": contracts.customers,
    "labels": contracts.labels,
    "scores": contracts.scores,
    "at-risk": contracts.at_risk,
    "held-back": contracts.held_back,
    "win-back": contracts.win_back,
    "manifest": contracts.manifest_keys,
    "metrics": metrics.metrics,
    "baselines": metrics.baselines,
    "kpi-figures": kpis.figures,
    "kpi-rows": kpis.rows,
    "kpi-cohorts": kpis.cohort_columns,
    "kpi-moves": kpis.move_columns,
}


def filled(page: str) -> str:
    """A page with the tables of today behind its marks. Must be called in the project's folder.

    Raises:
        ValueError: a mark names no table.
    """
    return MARK.sub(lambda mark: f"{mark[0]}\n\n{_table(mark[1])}\n", page)


def _table(name: str) -> str:
    if name not in TABLES:
        raise ValueError(f"<!-- generated: {name} -->: there is no such table. Allowed: {', '.join(TABLES)}")
    return TABLES[name]()
