"""Cohorts by the month of the first order: who ordered again, how often, for how much, month after month.

Only months that are over count; a cohort of fewer than 10 customers is left out. Whoever had ordered before the data
begin belongs to the month of their first order in the data.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from models.kpi.declarations import MONEY
from models.kpi.small_groups import FEWEST
from pipelines.outcomes.kpi.counts import Ground
from pipelines.outcomes.kpi.monthly import UNITS

COLUMNS = ("definition", "first_month", "month", "months_later", "size", "customers", "orders", "money", "share")


def cohort_rows(ground: Ground, name: str) -> Iterator[dict[str, Any]]:
    """Rows in the order of COLUMNS: `size` customers came first in `first_month`; of them so many ordered in `month`.

    Args:
        ground: see counts.Ground.
        name: of the definition.
    """
    months = ground.stands.known - 1
    sizes = np.bincount(ground.first_months, minlength=months + 1)[:months]
    for month in range(months):
        orders = ground.found.summed("number", ground.definition.paying, month, month + 1)
        money = ground.found.summed("units", ground.definition.paying, month, month + 1)
        by = [
            np.bincount(ground.first_months, weights, minlength=months + 1)
            for weights in ((orders > 0).astype(np.float64), orders, money)
        ]
        for cohort in range(month + 1):
            if sizes[cohort] >= FEWEST:
                customers, number, units = (int(column[cohort]) for column in by)
                yield {
                    "definition": name,
                    "first_month": ground.found.starts[cohort][:7],
                    "month": ground.found.starts[month][:7],
                    "months_later": month - cohort,
                    "size": int(sizes[cohort]),
                    "customers": customers,
                    "orders": number,
                    "money": units / UNITS if MONEY in ground.has else None,
                    "share": round(customers / int(sizes[cohort]), 6),
                }
