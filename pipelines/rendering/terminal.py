"""The first rows of the list, and whether it may be trusted, readable in a terminal."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping
from typing import Any

import pandas as pd

from models.decision.ranking import REASONS
from pipelines.rendering.files import notices
from pipelines.rendering.language.language import ENGLISH, Language
from pipelines.rendering.trust import GOOD, MIND, OPEN

WIDE, WIDER = 110, 150  # characters
MARKS = {GOOD: "+", MIND: "!", OPEN: "?"}


def list_preview(
    frame: pd.DataFrame, rows: int = 10, *, language: Language = ENGLISH, width: int = 118, colour: bool = False
) -> str:
    """The first `rows` customers as a table `width` characters wide, how many more there are, and the list's notices.

    `frame`: the list as at_risk.parquet has it. `colour`: with the colours of a terminal; plain text otherwise. What to
    do is shown from WIDE characters on, what is different since the last list from WIDER.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    shown = frame.head(rows)
    has_money = bool(shown["value_at_risk"].notna().any())
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, width=width, header_style="bold")
    say = language.say
    table.add_column("", justify="right", no_wrap=True)
    table.add_column(say("Customer"), no_wrap=True)
    table.add_column(say("Risk"), justify="right", no_wrap=True)
    table.add_column(say("Tier"), no_wrap=True)
    if has_money:
        table.add_column(say("At risk"), justify="right", no_wrap=True)
        table.add_column(say("Net value"), justify="right", no_wrap=True)
    table.add_column(say("Segment"), no_wrap=True)
    has_actions = width >= WIDE and bool(shown["action"].astype(bool).any())
    if has_actions:
        table.add_column(say("Action"), no_wrap=True)
    table.add_column(say("What stands out"), ratio=3)
    if width >= WIDER:
        table.add_column(say("Change"), ratio=2)
    for row in shown.to_dict("records"):
        risk, tier = language.percent(row["churn_probability"]), say(row["risk_tier"])
        cells = [str(row["rank"]), row["customer_id"], risk, tier]
        if has_money:
            cells += [language.money(row["value_at_risk"]), language.money(row["expected_net_value"])]
        cells += [say(row["segment"]), *([say(row["action"])] if has_actions else [])]
        reasons = say(". ").join(row[name] for name in REASONS[:2] if row[name])
        cells += [reasons, *([row["change"]] if width >= WIDER else [])]
        table.add_row(*(_plain(str(cell)) for cell in cells))
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=colour, no_color=not colour, highlight=False)
    console.print(table)
    more = len(frame) - len(shown)
    lines = [line.rstrip() for line in out.getvalue().strip("\n").splitlines()]
    rest = [say("... and {more} more", more=language.number(more))] if more > 0 else []
    said = [line for notice in notices(frame, language) for line in textwrap.wrap(notice, width)]
    return "\n".join([*lines, *rest, *said])


def _plain(text: str) -> str:
    """Square brackets are no markup here, and control characters do nothing."""
    from rich.markup import escape

    return escape("".join(letter if letter.isprintable() else " " for letter in text))


def trust_lines(trust: Mapping[str, Any], language: Language = ENGLISH, width: int = 118) -> list[str]:
    """May I trust this list: `trust` of the manifest, its verdict and an answer below the other.

    `+` is good, `!` something to mind, `?` not known yet.
    """
    lines = [f"{language.say('May I trust this list?')} {trust['verdict']}"]
    for one in trust["answers"]:
        text = f"{one['title']}: {one['said']}"
        lines += textwrap.wrap(text, width, initial_indent=f"  {MARKS[one['state']]} ", subsequent_indent="    ")
    return lines
