"""The list as one page: works offline, asks nobody for anything, readable by someone who never heard of a probability.

Markup, style and script stand beside this file and are put into one; script and style are allowed by their digests and
nothing else is (see `policy`). Customers come in as data (see `page_data`), never as markup. Same list in, same bytes
out.
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
from pipelines.rendering.files import first_line
from pipelines.rendering.language.language import Language
from pipelines.rendering.page import charts
from pipelines.rendering.page.data import embedded, page_data
from pipelines.settings.params import Settings

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
    settings: Settings,
    path: Path,
    *,
    week: Week | None = None,
) -> None:
    """Write the page. `figures` and `trust`: see `glance`; `week`: what else is known, see `Week`."""
    path.write_text(page(table, figures, trust, settings, week=week), encoding="utf-8", newline="\n")


def page(
    table: pd.DataFrame,
    figures: Mapping[str, Any],
    trust: Mapping[str, Any],
    settings: Settings,
    *,
    week: Week | None = None,
) -> str:
    """The page as HTML."""
    import jinja2

    around, language = week or Week(), wording.language_of(settings)
    style, script = _asset("list_page.css"), _script()
    loader = jinja2.FileSystemLoader(HERE)
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, loader=loader).get_template(
        "list_page.html.jinja"
    )
    as_of = settings.observations.score.as_of
    return template.render(
        policy=policy(style, script),
        style=style,
        script=script,
        data=embedded(page_data(table, figures, settings, around, language)),
        code=language.code,
        say=language.say,
        day=language.day(as_of),
        lead=_lead(table, figures, language),
        leaving=_leaving(settings, language),
        warnings=_warnings(table, as_of, around, language),
        tiles=_tiles(table, figures, around, language),
        trust=trust,
        beside=highlights.beside(around, language),
        bar=_bar(figures["tiers"], language),
        kinds=_kinds(table, language),
        money=figures["value_at_risk"] is not None,
        pictures=_pictures(table, around, language),
        plot=charts.PLOT,
        cell=charts.CELL,
        list_id=table["list_id"].iloc[0],
        model_version=str(table["model_version"].iloc[0])[:12],
    )


def _leaving(settings: Settings, language: Language) -> str:
    definition = settings.churn[settings.at_risk.definition]
    return language.say("Leaving means: {leaving}.", leaving=wording.leaving(definition, language))


def policy(style: str, script: str) -> str:
    """The content policy: this style, this script, and no request to anywhere."""

    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; script-src {digest(script)}; style-src {digest(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


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
    said = [line] if (line := first_line(table, language)) else []
    if week.data_end:
        missing = (date.fromisoformat(as_of) - date.fromisoformat(week.data_end)).days - 1
        if missing > STALE_DAYS:
            text = "The data ends on {end}. What customers did in the {days} days before this list's day is not known."
            said.append(language.say(text, end=language.day(week.data_end), days=language.number(missing)))
    return said


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
            ),
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
        tiles.append(_change(highlights.compared(table, week.last), language))
    average = {
        "label": say("Average risk"),
        "figure": language.percent(figures["base_rate"]),
        "note": say(
            "About {leave} of all {everyone} active customers leave if nothing changes.",
            leave=number(round(figures["expected_leavers"])),
            everyone=everyone,
        ),
    }
    return [*tiles, average]


def _change(than: Mapping[str, Any], language: Language) -> dict[str, str]:
    """What is different from the last published list."""
    say = language.say
    note = say(
        "on the list since {day}; {gone} are no longer on it, {stayed} still are.",
        day=language.day(than["as_of"]),
        gone=language.number(than["gone"]),
        stayed=language.number(than["stayed"]),
    )
    if than["value_more"] is not None:
        text = "Money at risk: {money} more." if than["value_more"] >= 0 else "Money at risk: {money} less."
        note += " " + say(text, money=language.money(abs(than["value_more"])))
    figure = say("{n} new", n=language.number(than["new"]))
    return {"label": say("Since the last list"), "figure": figure, "note": note}


def _bar(tiers: Mapping[str, Mapping[str, Any]], language: Language) -> list[dict[str, str]]:
    """The tiers as parts of a bar 1,000 wide, with their ranges in words."""
    total = sum(tier["listed"] for tier in tiers.values())
    parts: list[dict[str, str]] = []
    x, above = 0.0, ""
    for name, tier in tiers.items():
        width = 1000 * tier["listed"] / total
        low, said = language.percent(tier["from"]), language.say(name)
        text = "{low} and more" if not above else "{low} to {above}" if tier["from"] else "below {above}"
        words = {key: word for key, word in {"low": low, "above": above}.items() if f"{{{key}}}" in text}
        part = {"name": name, "title": said[:1].upper() + said[1:], "css": name.replace(" ", "-")}
        part |= {"x": f"{x:.1f}", "width": f"{width:.1f}", "range": language.say(text, **words)}
        parts.append(part | {"count": language.number(tier["listed"])})
        x, above = x + width, low
    return parts


def _kinds(table: pd.DataFrame, language: Language) -> list[dict[str, str]]:
    """What the segments of this list mean, in plain words."""
    found = set(table["segment"].astype(str))
    every = ((name, wording.segment_words(name, language)) for name in wording.SEGMENTS if name in found)
    return [{"name": language.say(name), "means": means} for name, means in every]


def _pictures(table: pd.DataFrame, week: Week, language: Language) -> dict[str, Any]:
    return {
        "segments": charts.segment_bars(table, language),
        "topics": charts.topic_bars(week.topics, language) if week.topics else [],
        "promised": charts.promised_bars(week.calibration, language),
        "cohorts": charts.triangle(week.cohorts, week.first_month, language),
    }
