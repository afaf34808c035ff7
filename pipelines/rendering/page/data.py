"""The page's data: one JSON document for its script, in which each row holds everything about one customer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from models.decision.ranking import REASONS
from pipelines.rendering import columns, wording
from pipelines.rendering.context import Week
from pipelines.rendering.language.language import Language
from pipelines.rendering.page.words import script_texts
from pipelines.runtime.text.spreadsheet_text import RUN_AS_FORMULA
from pipelines.settings.decision import ListMoment

if TYPE_CHECKING:
    import pandas as pd

_ISLAND = re.compile(r'(<script type="application/json" id="data">)(.*?)(</script>)', re.DOTALL)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PERSONAL = ("customer_id", *REASONS, "change", *columns.CONTACT_COLUMNS)
"""Texts that are a customer's own: never shared between rows, so that a forgotten customer's row is all of them."""


def page_data(
    table: pd.DataFrame, figures: Mapping[str, Any], moment: ListMoment, week: Week, language: Language
) -> dict[str, Any]:
    """The content of the page's JSON. Rows are lists of cells in the order of `fields`.

    Text that many rows share is in `lists` once, and rows hold its position there. `timeline`: weekly counts, oldest
    week first, one digit each (0 to 9, then a to z; z is 35 and more). Beside a last list, `is_new` says who was not on
    it, and `left` has the ids of those who were and are not any more.
    """
    names = [str(name) for name in table.columns]
    lists = {name: sorted({columns.text(text) for text in _texts(table, name)}) for name in names if _shared(name)}
    cells = {name: _cells(table, name, lists.get(name)) for name in names}
    if week.timelines:
        cells["timeline"] = [digits(week.timelines.get(str(customer), ())) for customer in table["customer_id"]]
    before = set(week.last["customers"]) if week.last else set[str]()
    now = [str(customer) for customer in table["customer_id"]]
    if week.last:
        cells["is_new"] = [int(customer not in before) for customer in now]
    return {
        "as_of": moment.as_of,
        "language": language.code,
        "currency": language.currency,
        "money": figures["value_at_risk"] is not None,
        "horizon": language.count(moment.churn.horizon_days, "day", "days"),
        "base_rate": figures["base_rate"],
        "others": [name.removeprefix("churn_probability_") for name in names if name.startswith("churn_probability_")],
        "labels": {text: language.say(text) for name in wording.TRANSLATED for text in lists.get(name, ()) if text},
        "meanings": {name: wording.segment_description(name, language) for name in lists.get("segment", ())},
        "words": script_texts(language, week.doing),
        "kinds": {name: columns.kind(name) for name in names},
        "formulas": list(RUN_AS_FORMULA),
        "lists": lists,
        "left": sorted(before - set(now)),
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


def customers_on(page: str) -> set[str]:
    """Whom a page lists, or names as no longer listed; nobody where it is no page of a list."""
    island = _ISLAND.search(page)
    if island is None:
        return set()
    content = json.loads(island[2])
    place = content["fields"].index("customer_id")
    return {str(row[place]) for row in content["rows"]} | set(content.get("left", ()))


def without_customers(page: str, gone: frozenset[str]) -> str | None:
    """The page made again without some customers' rows; what it says in figures stays, they are sums.

    Returns:
        The page; None where none of them is on it, or it is no page of a list.

    Raises:
        ValueError, KeyError: its data cannot be read.
    """
    island = _ISLAND.search(page)
    if island is None:
        return None
    content = json.loads(island[2])
    place = content["fields"].index("customer_id")
    kept = [row for row in content["rows"] if row[place] not in gone]
    left = [customer for customer in content.get("left", ()) if customer not in gone]
    if len(kept) == len(content["rows"]) and len(left) == len(content.get("left", ())):
        return None
    content |= {"rows": kept} | ({"left": left} if "left" in content else {})
    return f"{page[: island.start(2)]}{embedded(content)}{page[island.end(2) :]}"


def _shared(name: str) -> bool:
    return columns.kind(name) in ("text", "day") and name not in _PERSONAL


def _texts(table: pd.DataFrame, name: str) -> list[str]:
    plain = columns.kind(name) == "text"
    return [columns.text(value) if plain else columns.formatted(name, value) for value in table[name]]


def _cells(table: pd.DataFrame, name: str, listed: Sequence[str] | None) -> list[Any]:
    if columns.kind(name) in ("text", "day"):
        if listed is None:
            return _texts(table, name)
        position = {text: at for at, text in enumerate(listed)}
        return [position[text] for text in _texts(table, name)]
    texts = [columns.formatted(name, value) for value in table[name]]
    return [None if not text else float(text) if "." in text else int(text) for text in texts]
