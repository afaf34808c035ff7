"""The list as one self-contained HTML page: it works offline, makes no requests, and supposes no statistics.

Markup, style and script beside this module become one file; its content security policy (see `content_policy`) allows
script and style by their digests and nothing else. Customers come in as data (see `page_data`), never as markup. Equal
lists give equal bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.rendering import highlights, wording
from pipelines.rendering.context import Week
from pipelines.rendering.files import notices
from pipelines.rendering.language.language import Language
from pipelines.rendering.page import charts
from pipelines.rendering.page.data import embedded, page_data
from pipelines.rendering.scorer import QUICK
from pipelines.settings.churn import Churn
from pipelines.settings.decision import ListMoment

if TYPE_CHECKING:
    import pandas as pd

HERE = Path(__file__).parent
SCRIPTS = ("list_pictures.js", "list_download.js", "list_page.js")
STALE_DAYS = 3
"""Whole days at the end of which the data knows nothing, above which the page says so first."""


def write_page(
    table: pd.DataFrame,
    figures: Mapping[str, Any],
    trust: Mapping[str, Any],
    path: Path,
    *,
    moment: ListMoment,
    language: Language,
    week: Week | None = None,
) -> None:
    """Write the page; arguments as of `page`."""
    path.write_text(
        page(table, figures, trust, moment=moment, language=language, week=week), encoding="utf-8", newline="\n"
    )


def page(
    table: pd.DataFrame,
    figures: Mapping[str, Any],
    trust: Mapping[str, Any],
    *,
    moment: ListMoment,
    language: Language,
    week: Week | None = None,
) -> str:
    """The page as HTML.

    Args:
        table: the list.
        figures: see `highlights.figures`.
        trust: see `highlights.trust`.
        moment: that of the list.
        language: of the page, and the currency of its amounts.
        week: what else is known of the week.
    """
    import jinja2

    context = week or Week()
    style, script = _asset("list_page.css"), _script()
    loader = jinja2.FileSystemLoader(HERE)
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, loader=loader).get_template(
        "list_page.html.jinja"
    )
    return template.render(
        policy=content_policy(style, script),
        style=style,
        script=script,
        data=embedded(page_data(table, figures, moment, context, language)),
        code=language.code,
        say=language.say,
        day=language.day(moment.as_of),
        lead=_lead(table, figures, language),
        leaving=_leaving(moment.churn, language),
        warnings=_warnings(table, moment.as_of, context, language),
        tiles=_tiles(table, figures, context, language),
        trust=trust,
        beside=highlights.context_lines(context, language),
        bar=_bar(figures["tiers"], language),
        kinds=_segments(table, language),
        since=context.last is not None,
        money=figures["value_at_risk"] is not None,
        pictures=_charts(table, context, language),
        plot=charts.PLOT,
        cell=charts.CELL,
        list_id=table["list_id"].iloc[0],
        model_version=str(table["model_version"].iloc[0])[:12],
    )


def _leaving(definition: Churn, language: Language) -> str:
    return language.say("Leaving means: {leaving}.", leaving=wording.leaving(definition, language))


def content_policy(style: str, script: str | None = None) -> str:
    """The content security policy (W3C CSP 3): this style, this script or none, and no request to anywhere."""

    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    scripts = f"script-src {digest(script)}; " if script is not None else ""
    return f"default-src 'none'; {scripts}style-src {digest(style)}; img-src data:; base-uri 'none'; form-action 'none'"


def _asset(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _script() -> str:
    return '"use strict";\n(() => {\n' + "".join(_asset(name) for name in SCRIPTS) + "})();\n"


def _lead(table: pd.DataFrame, figures: Mapping[str, Any], language: Language) -> str:
    if highlights.net_value(table) is not None:
        return language.say("The customers most worth a word this week. First those for whom acting is worth most.")
    if figures["value_at_risk"] is not None:
        return language.say("The customers most worth a word this week, most money at risk first.")
    return language.say("The customers most worth a word this week, highest risk first.")


def _warnings(table: pd.DataFrame, as_of: str, week: Week, language: Language) -> list[str]:
    lines = [*([language.say(QUICK)] if week.quick else []), *notices(table, language)]
    if week.data_end:
        missing = (date.fromisoformat(as_of) - date.fromisoformat(week.data_end)).days - 1
        if missing > STALE_DAYS:
            text = "The data ends on {end}. What customers did in the {days} days before this list's day is not known."
            lines.append(language.say(text, end=language.day(week.data_end), days=language.number(missing)))
    if week.drift:
        checks = language.count(week.drift, "check", "checks")
        text = (
            "The data is not as it was when the model learned, or hardly plausible: {checks} warn of it, see the page "
            "of data checks."
        )
        lines.append(language.say(text, checks=checks))
    return lines


def _tiles(table: pd.DataFrame, figures: Mapping[str, Any], week: Week, language: Language) -> list[dict[str, str]]:
    say, number = language.say, language.number
    everyone = number(figures["eligible"])
    tiles = [
        {
            "label": say("On the list"),
            "figure": language.count(figures["listed"], "customer", "customers"),
            "note": say(
                "of {everyone} active. About {leave} of them leave if nothing changes.",
                everyone=everyone,
                leave=number(round(figures["expected_leavers_listed"])),
            )
            + _spaced(highlights.between(figures["leavers_interval_listed"], language)),
        }
    ]
    if figures["value_at_risk"] is not None:
        whole = language.money(figures["value_at_risk"])
        note = say("on this list, of {whole} among all active customers.", whole=whole)
        worth = highlights.net_value(table)
        if worth is not None:
            note += " " + say("Acting is expected to bring {worth}.", worth=language.money(worth))
        figure = language.money(figures["value_at_risk_listed"])
        tiles.append({"label": say("Money at risk"), "figure": figure, "note": note})
    if week.last:
        tiles.append(_change(highlights.changes_since(table, week.last), language))
    average = {
        "label": say("Average risk"),
        "figure": language.percent(figures["base_rate"]),
        "note": say(
            "About {leave} of all {everyone} active customers leave if nothing changes.",
            leave=number(round(figures["expected_leavers"])),
            everyone=everyone,
        )
        + _spaced(highlights.between(figures["leavers_interval"], language)),
    }
    return [*tiles, average]


def _spaced(sentence: str) -> str:
    return f" {sentence}" if sentence else ""


def _change(change: Mapping[str, Any], language: Language) -> dict[str, str]:
    """What is different from the last published list."""
    say = language.say
    note = say(
        "on the list since {day}; {gone} are no longer on it, {stayed} still are.",
        day=language.day(change["as_of"]),
        gone=language.number(change["gone"]),
        stayed=language.number(change["stayed"]),
    )
    if change["value_more"] is not None:
        text = "Money at risk: {money} more." if change["value_more"] >= 0 else "Money at risk: {money} less."
        note += " " + say(text, money=language.money(abs(change["value_more"])))
    figure = say("{n} new", n=language.number(change["new"]))
    return {"label": say("Since the last list"), "figure": figure, "note": note}


def _bar(tiers: Mapping[str, Mapping[str, Any]], language: Language) -> list[dict[str, str]]:
    """The tiers as parts of a bar 1,000 wide, with their ranges in words."""
    total = sum(tier["listed"] for tier in tiers.values())
    parts: list[dict[str, str]] = []
    x, above = 0.0, ""
    for name, tier in tiers.items():
        width = 1000 * tier["listed"] / total
        low, label = language.percent(tier["from"]), language.say(name)
        text = "{low} and more" if not above else "{low} to {above}" if tier["from"] else "below {above}"
        words = {key: word for key, word in {"low": low, "above": above}.items() if f"{{{key}}}" in text}
        part = {"name": name, "title": wording.capitalised(label), "css": name.replace(" ", "-")}
        part |= {"x": f"{x:.1f}", "width": f"{width:.1f}", "range": language.say(text, **words)}
        parts.append(part | {"count": language.number(tier["listed"])})
        x, above = x + width, low
    return parts


def _segments(table: pd.DataFrame, language: Language) -> list[dict[str, str]]:
    """The segments on this list, each with its description."""
    present = set(table["segment"].astype(str))
    described = ((name, wording.segment_description(name, language)) for name in wording.SEGMENTS if name in present)
    return [{"name": language.say(name), "means": means} for name, means in described]


def _charts(table: pd.DataFrame, week: Week, language: Language) -> dict[str, Any]:
    return {
        "segments": charts.segment_bars(table, language),
        "topics": charts.topic_bars(week.topics, language) if week.topics else [],
        "promised": charts.calibration_bars(week.calibration, language),
        "cohorts": charts.cohort_triangle(week.cohorts, week.first_month, language),
    }
