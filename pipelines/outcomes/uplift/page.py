"""Whom to contact, as one self-contained HTML page: offline, without scripts and requests, in the list's language.

The manner is that of the page of outcomes. The picture is the curve of gains of each ranking beside drawing by lot; the
area between is the Qini. Equal figures give equal bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.effect.uplift import verdict as verdicts
from pipelines.outcomes.uplift.ground import figure_rows, ground_lines
from pipelines.outcomes.uplift.sentences import of_a_hundred, verdict_lines
from pipelines.rendering.language.language import Language
from pipelines.rendering.page import list_page
from pipelines.rendering.page.charts import PLOT

HERE = Path(__file__).parent
RANKINGS = (verdicts.MODEL, verdicts.FLAG, verdicts.RISK)


def page(content: Mapping[str, Any], language: Language) -> str:
    """The page of what `content.content_of` gives."""
    import jinja2

    folder = Path(list_page.__file__).parent
    sheets = (folder / "list_page.css", HERE.parent / "page.css", HERE / "page.css")
    style = "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
    loader = jinja2.FileSystemLoader(HERE)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, loader=loader)
    lines = verdict_lines(content, language)
    return environment.get_template("page.html.jinja").render(
        policy=list_page.content_policy(style),
        style=style,
        code=language.code,
        plot=PLOT,
        words=_words(content, language),
        lead=lines[0],
        further=lines[1:],
        rows=figure_rows(content, language),
        picture=_picture(content, language),
        ground=ground_lines(content, language),
    )


def _words(content: Mapping[str, Any], language: Language) -> dict[str, str]:
    say = language.say
    return {
        "title": say("Whom to contact"),
        "name": str(content["source"]["name"]),
        "curve": say("What treating the top brings"),
        "figures": say("Figures"),
        "ground": say("What this rests on"),
        "helps": say(
            "Good outcomes of a hundred customers, by how many of them are treated. The straight line is drawing by "
            "lot; the area between it and a curve is the Qini."
        ),
        "lot": say("by lot"),
    }


def _picture(content: Mapping[str, Any], language: Language) -> dict[str, Any] | None:
    """Curves as points of lines; None where there are none."""
    curve = content.get("curve")
    if curve is None:
        return None
    gains = [gain for name in RANKINGS for gain in curve[name]]
    low, high = min(0.0, *gains), max(0.0, *gains)
    spread = (high - low) or 1.0

    def at(share: float, gain: float) -> tuple[float, float]:
        inside = PLOT["width"] - 20.0
        return PLOT["left"] + 20.0 + inside * share, PLOT["top"] + PLOT["height"] * (high - gain) / spread

    def line(gained: Sequence[float]) -> str:
        points = (at(share, gain) for share, gain in zip(curve["share"], gained, strict=True))
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)

    end = curve[verdicts.MODEL][-1]
    names = dict(zip(RANKINGS, (row[0] for row in figure_rows(content, language)[1:]), strict=False))
    return {
        "lines": [{"css": name, "name": names[name], "points": line(curve[name])} for name in RANKINGS],
        "lot": line([end * share for share in curve["share"]]),
        "zero": f"{at(0, 0.0)[1]:.1f}",
        "ticks": [
            {"y": f"{at(0, gain)[1]:.1f}", "label": of_a_hundred(gain, language)} for gain in sorted({low, 0.0, high})
        ],
        "shares": [
            {"x": f"{at(share, 0)[0]:.1f}", "label": language.percent(share)} for share in (0.0, 0.25, 0.5, 0.75, 1.0)
        ],
    }
