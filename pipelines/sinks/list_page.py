"""The list as one page: works offline, asks nobody for anything, readable by someone who never heard of a probability.

Markup, style and script stand beside this file and are put into one; script and style are allowed by their digests and
nothing else is (see `policy`). Customers come in as data, never as markup. Same list in, same bytes out.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.params import Settings
from pipelines.sinks.wording import count, day, leaving, money, percent

HERE = Path(__file__).parent


def write_page(
    table: pd.DataFrame, figures: Mapping[str, Any], trust: Mapping[str, Any], settings: Settings, path: Path
) -> None:
    """Write the page. `figures` and `trust`: see `sinks/glance.py`."""
    path.write_text(page(table, figures, trust, settings), encoding="utf-8", newline="\n")


def page(table: pd.DataFrame, figures: Mapping[str, Any], trust: Mapping[str, Any], settings: Settings) -> str:
    """The page as HTML."""
    import jinja2

    style, script = _asset("list_page.css"), _asset("list_page.js")
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        _asset("list_page.html.jinja")
    )
    definition = settings.churn[settings.at_risk.definition]
    return template.render(
        policy=policy(style, script),
        style=style,
        script=script,
        data=embedded(_data(table, figures, settings)),
        day=day(settings.observations.score.as_of),
        lead=_lead(figures, leaving(definition)),
        leaving=f"Leaving means: {leaving(definition)}.",
        tiles=_tiles(figures, settings),
        trust=trust,
        bar=_bar(figures["tiers"]),
        list_id=table["list_id"].iloc[0],
        model_version=str(table["model_version"].iloc[0])[:12],
    )


def policy(style: str, script: str) -> str:
    """The content policy: this style, this script, and no request to anywhere."""

    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; script-src {digest(script)}; style-src {digest(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def embedded(content: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _asset(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _data(table: pd.DataFrame, figures: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    others = [name for name in table.columns if name.startswith("churn_probability_")]
    columns = {
        "rank": [int(rank) for rank in table["rank"]],
        "id": [str(one) for one in table["customer_id"]],
        "risk": _rounded(table["churn_probability"], 4),
        "tier": list(table["risk_tier"]),
        "expected": _rounded(table["expected_value"], 2),
        "value": _rounded(table["value_at_risk"], 2),
        **{name: list(table[name]) for name in ("segment", "reason_1", "reason_2", "reason_3")},
        **{name.removeprefix("churn_probability_"): _rounded(table[name], 4) for name in others},
    }
    return {
        "currency": settings.currency,
        "money": figures["value_at_risk"] is not None,
        "horizon": count(settings.churn[settings.at_risk.definition].horizon_days, "day"),
        "base_rate": figures["base_rate"],
        "others": [name.removeprefix("churn_probability_") for name in others],
        "fields": list(columns),
        "rows": [list(row) for row in zip(*columns.values(), strict=True)],
    }


def _rounded(values: pd.Series[float], digits: int) -> list[float | None]:
    return [None if pd.isna(value) else round(float(value), digits) for value in values]


def _lead(figures: Mapping[str, Any], nothing: str) -> str:
    first = "most money at risk first" if figures["value_at_risk"] is not None else "highest risk first"
    return f"The customers most worth a word this week, {first}. Leaving means: {nothing}."


def _tiles(figures: Mapping[str, Any], settings: Settings) -> list[dict[str, str]]:
    leave, all_leave = round(figures["expected_leavers_listed"]), round(figures["expected_leavers"])
    tiles = [
        {
            "label": "On the list",
            "figure": count(figures["listed"], "customer"),
            "note": f"of {figures['eligible']:,} active. About {leave:,} of them leave if nothing changes.",
        },
        {
            "label": "Average risk",
            "figure": percent(figures["base_rate"]),
            "note": f"About {all_leave:,} of all {figures['eligible']:,} active customers leave if nothing changes.",
        },
    ]
    if figures["value_at_risk"] is not None:
        whole = money(figures["value_at_risk"], settings.currency)
        tile = {
            "label": "Money at risk",
            "figure": money(figures["value_at_risk_listed"], settings.currency),
            "note": f"on this list, of {whole} among all active customers.",
        }
        tiles.insert(1, tile)
    return tiles


def _bar(tiers: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The tiers as parts of a bar 1,000 wide, with their ranges in words."""
    total = sum(tier["listed"] for tier in tiers.values())
    parts: list[dict[str, Any]] = []
    x, above = 0.0, ""
    for name, tier in tiers.items():
        width = round(1000 * tier["listed"] / total, 2)
        low = percent(tier["from"])
        span = f"{low} and more" if not above else f"{low} to {above}" if tier["from"] else f"below {above}"
        parts.append(
            {"name": name, "title": name.capitalize(), "css": name.replace(" ", "-"), "x": round(x, 2), "width": width}
            | {"range": span, "count": f"{tier['listed']:,}"}
        )
        x, above = x + width, low
    return parts
