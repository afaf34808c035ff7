"""The list as the page's script reads it: one JSON, whose rows hold everything about one customer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.rendering import columns, wording
from pipelines.rendering.context import Week
from pipelines.rendering.files import first_line
from pipelines.rendering.language.language import Language
from pipelines.rendering.page.words import words
from pipelines.runtime.spreadsheet_text import RUN_AS_FORMULA
from pipelines.settings.params import Settings

if TYPE_CHECKING:
    import pandas as pd

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_OWN = ("customer_id", "reason_1", "reason_2", "reason_3", "change", *columns.CONTACT)
"""Texts that are a customer's own: never shared between rows, so that a forgotten customer's row is all of them."""


def page_data(
    table: pd.DataFrame, figures: Mapping[str, Any], settings: Settings, week: Week, language: Language
) -> dict[str, Any]:
    """Everything that the script needs. Rows are lists of cells in the order of `fields`.

    Text that many rows share stands in `lists` once, and rows hold its place there. `timeline`: weekly counts, oldest
    week first, one digit each (0 to 9, then a to z; z is 35 and more).
    """
    names = [str(name) for name in table.columns]
    lists = {name: sorted({columns.text(one) for one in _texts(table, name)}) for name in names if _shared(name)}
    cells = {name: _cells(table, name, lists.get(name)) for name in names}
    if week.timelines:
        cells["timeline"] = [digits(week.timelines.get(str(one), ())) for one in table["customer_id"]]
    return {
        "as_of": settings.observations.score.as_of,
        "language": language.code,
        "currency": settings.currency,
        "money": figures["value_at_risk"] is not None,
        "horizon": language.count(settings.churn[settings.at_risk.definition].horizon_days, "day", "days"),
        "base_rate": figures["base_rate"],
        "others": [name.removeprefix("churn_probability_") for name in names if name.startswith("churn_probability_")],
        "labels": {one: language.say(one) for name in wording.SHOWN for one in lists.get(name, ()) if one},
        "meanings": {one: wording.segment_words(one, language) for one in lists.get("segment", ())},
        "words": words(language, week.doing),
        "kinds": {name: columns.kind(name) for name in names},
        "first_line": first_line(table, language),
        "formulas": list(RUN_AS_FORMULA),
        "lists": lists,
        "fields": list(cells),
        "rows": [list(row) for row in zip(*cells.values(), strict=True)],
    }


def digits(counts: Sequence[int]) -> str:
    """Weekly counts as one digit each."""
    return "".join(_DIGITS[min(int(count), len(_DIGITS) - 1)] for count in counts)


def embedded(content: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _shared(name: str) -> bool:
    return columns.kind(name) in ("text", "day") and name not in _OWN


def _texts(table: pd.DataFrame, name: str) -> list[str]:
    plain = columns.kind(name) == "text"
    return [columns.text(value) if plain else columns.written(name, value) for value in table[name]]


def _cells(table: pd.DataFrame, name: str, listed: Sequence[str] | None) -> list[Any]:
    if columns.kind(name) in ("text", "day"):
        if listed is None:
            return _texts(table, name)
        place = {one: at for at, one in enumerate(listed)}
        return [place[one] for one in _texts(table, name)]
    found = [columns.written(name, value) for value in table[name]]
    return [None if not one else float(one) if "." in one else int(one) for one in found]
