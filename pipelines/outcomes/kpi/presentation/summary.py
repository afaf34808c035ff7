"""What `churn kpi` prints: the newest closed month in a few lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.kpi.figures import BY_NAME
from pipelines.outcomes.kpi.presentation.values import written
from pipelines.rendering.language.language import Language

SHOWN = (
    "customers_start",
    "new",
    "won_back",
    "lost",
    "customers_end",
    "retention_rate",
    "churn_rate_horizon",
    "revenue",
    "revenue_per_customer",
    "average_order_value",
)
RESTATED = "{figures} figures of closed periods were restated by late records."


def summary(content: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], language: Language) -> list[str]:
    """Lines of the newest month that is closed; one line where none is."""
    months = [period for grain, period in content["closed"] if grain == "month"]
    if not months:
        return [
            language.say("No month is closed yet: the data begin on {day}.", day=language.day(content["first_day"]))
        ]
    newest = max(months)
    own = {
        row["figure"]: row
        for row in rows
        if (row["grain"], row["period"], row["dimension"]) == ("month", newest, "all")
        and row["definition"] == content["definition"]
    }
    lines = [language.say("The newest closed month: {month}", month=language.month(f"{newest}-01"))]
    lines += [
        f"  {written(own[name], language):>22}  {language.say(BY_NAME[name].title)}"
        for name in SHOWN
        if name in own and own[name]["value"] is not None
    ]
    if content["restated"]:
        figures = language.number(content["restated"])
        lines.append(
            language.say("{figures} figures of closed periods were restated by late records.", figures=figures)
        )
    return lines
