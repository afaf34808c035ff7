"""The language a list is written in. Every sentence stands in the code in plain English and is said through `say`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from pipelines.sinks import wording


@dataclass(frozen=True)
class Language:
    """Says sentences, numbers, days and money in one language. `currency`: three letters, see params.yaml."""

    code: str = "en"
    currency: str = "USD"

    def say(self, text: str, **values: Any) -> str:
        """The English `text` in this language, with `{name}` filled in from `values`. The values are said already."""
        return text.format(**values) if values else text

    def money(self, value: float) -> str:
        """An amount in the currency; "" where there is none."""
        return wording.money(value, self.currency)

    def percent(self, share: float) -> str:
        """A share (0..1) in percent."""
        return wording.percent(share)

    def day(self, iso: str | date) -> str:
        """A day, written out."""
        return wording.day(iso)

    def number(self, value: float) -> str:
        """A whole number with separators."""
        return f"{value:,.0f}"

    def count(self, number: int, one: str, many: str) -> str:
        """`1 customer`, `2,469 customers`: both forms are given in English."""
        return f"{self.number(number)} {self.say(one if number == 1 else many)}"
