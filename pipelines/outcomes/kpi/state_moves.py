"""What customers were at the begin of every month, and how many moved from which state to which.

At risk is whoever stood on the newest published list then (at most 31 days old), the control group included; where none
was published, whoever had not ordered in the later half of the days in which a customer may be silent. So a model of
today never rewrites the past.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from features.windows import boundary, day_number, day_text
from models.kpi.moves import NOT_YET, STATES, moved, states
from pipelines.outcomes.kpi.counts import Ground
from pipelines.outcomes.kpi.dimensions import Listed

COLUMNS = ("definition", "month", "from", "to", "customers", "at_risk_by")
BY_LIST, BY_BEHAVIOUR, UNKNOWN = "published list", "behaviour", "unknown"


def move_rows(ground: Ground, name: str, first_day: str, listed: Listed) -> Iterator[dict[str, Any]]:
    """Rows in the order of COLUMNS: so many customers moved between the begin of `month` and that of the next.

    Args:
        ground: see counts.Ground.
        name: of the definition.
        first_day: of the data: months without the definition's days behind them are left out.
        listed: published lists.
    """
    begins = day_text(day_number(first_day) + ground.definition.lead.behind_days)
    known = [month for month in range(1, ground.stands.known) if ground.found.starts[month - 1] >= begins]
    was: npt.NDArray[np.int8] | None = None
    for month in known:
        now, by = state_of(ground, month, listed)
        if was is not None:
            yield from _rows(ground, name, month, moved(was, now), by)
        was = now


def _rows(ground: Ground, name: str, month: int, counted: npt.NDArray[np.int64], by: str) -> Iterator[dict[str, Any]]:
    for before, after in zip(*np.nonzero(counted), strict=True):
        if (before, after) != (NOT_YET, NOT_YET):
            yield {
                "definition": name,
                "month": ground.found.starts[month - 1][:7],
                "from": STATES[before],
                "to": STATES[after],
                "customers": int(counted[before, after]),
                "at_risk_by": by,
            }


def state_of(ground: Ground, month: int, listed: Listed) -> tuple[npt.NDArray[np.int8], str]:
    """The state of every customer at the begin of a month, and by what they were at risk."""
    stands = ground.stands
    at_risk, by = _at_risk(ground, month, listed)
    found = states(
        stands.customer[month - 1], stands.customer[month], stands.before[month - 1], stands.before[month], at_risk
    )
    return found, by


def _at_risk(ground: Ground, month: int, listed: Listed) -> tuple[npt.NDArray[np.bool_], str]:
    day = ground.found.starts[month]
    newest = listed.newest(day)
    if newest is not None:
        at_risk = np.zeros(ground.found.customers, dtype=bool)
        at_risk[newest[0]] = True
        return at_risk, BY_LIST
    silent = ground.definition.active_within_days // 2
    if not silent:
        return np.zeros(ground.found.customers, dtype=bool), UNKNOWN
    return ground.stands.last[month] < boundary(day, silent, ground.found.timezone), BY_BEHAVIOUR
