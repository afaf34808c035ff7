"""The language a list is written in: sentences, numbers, days and money. The code has plain English; `say` translates.

A language is one file in the folder `languages` (see `catalogue`), named as `language:` of params.yaml names it. Its
keys are the English texts; what it lacks stays English. Numbers, days and money follow its locale (CLDR).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from features.catalogue.activities import activity_of
from pipelines.rendering.language import english
from pipelines.rendering.language.activities import declared
from pipelines.rendering.language.catalogue import Catalogue, catalogue
from pipelines.settings.activities import ActivityWords

CENTS_BELOW = 100  # smaller amounts are written with cents


@dataclass(frozen=True)
class Language:
    """Says sentences, numbers, days and money in one language.

    `currency`: three letters, see params.yaml. `activities`: what one's own are called, see `activities:` there.
    """

    code: str = "en"
    currency: str = "USD"
    activities: Mapping[str, ActivityWords] = field(default_factory=dict)

    @cached_property
    def words(self) -> Catalogue:
        """The language's file."""
        return catalogue(self.code)

    def say(self, text: str, **values: Any) -> str:
        """The English `text` in this language, with `{name}` filled in from `values`, which are translated already."""
        translated = self.words.texts.get(text, text)
        return self.words.polished(translated.format(**values) if values else translated)

    def nouns(self, activity: str) -> tuple[str, str]:
        """For one of an activity and for several: `order`, `orders`."""
        known = activity_of(activity, declared(self.activities))
        return self.say(known.noun), self.say(known.nouns)

    def activity(self, name: str) -> str:
        """The activity itself: what was set for it (`did`), else its name in words: `placed order`."""
        own = self.activities.get(name)
        return own.did if own and own.did else self.say(name.replace("_", " "))

    def money(self, value: float) -> str:
        """An amount in the currency, below 100 with cents: `$1,234`, `$12.50`, `CHF 1,234`; "" where there is none."""
        from babel.numbers import format_decimal, get_currency_precision

        if value is None or math.isnan(value):
            return ""
        cents = get_currency_precision(self.currency)
        digits = 0 if abs(value) >= CENTS_BELOW else cents
        number = format_decimal(abs(value), format=_pattern(digits), locale=self.words.locale)
        return f"{'-' if value < 0 else ''}{self._amount(number)}"

    def _amount(self, number: str) -> str:
        """The number with the currency's sign, on the side where the locale has it. Letters keep their distance."""
        from babel import Locale
        from babel.numbers import get_currency_symbol

        locale = Locale.parse(self.words.locale)
        sign = self.words.signs.get(self.currency) or get_currency_symbol(self.currency, locale=locale)
        if str(locale.currency_formats["standard"].pattern).startswith("¤"):
            return f"{sign}{' ' if sign[-1].isalpha() else ''}{number}"
        return f"{number}\N{NO-BREAK SPACE}{sign}"

    def percent(self, share: float) -> str:
        """A share (0..1) in percent, `14%`; close to the ends one digit more: `0.4%`, `99.6%`."""
        return self.figure(share, ".1%" if 0 < share < 0.02 or 0.99 < share < 1 else ".0%")

    def figure(self, value: float, form: str) -> str:
        """A number in one of Python's formats (`.0f`, `+.1f`, `,.2f`, `.0%`), by the locale's rules and never `-0`."""
        from babel import Locale
        from babel.numbers import format_decimal, format_percent

        text = format(value, form)
        digits = _pattern(len(text.rstrip("%").partition(".")[2]))
        exact = Decimal(text.rstrip("%").replace(",", ""))
        if form.endswith("%"):
            pattern = str(Locale.parse(self.words.locale).percent_formats[None].pattern)
            return str(format_percent(exact / 100, pattern.replace("#,##0", digits), locale=self.words.locale))
        sign = "+" if "+" in form and exact >= 0 else ""
        return sign + str(format_decimal(exact or Decimal(0), format=digits, locale=self.words.locale))

    def day(self, iso: str | date) -> str:
        """A day, written out, in the calendar of the language: `4 December 2017`, `4 ธันวาคม พ.ศ. 2560`."""
        return self._date(iso, self.words.day)

    def month(self, iso: str | date) -> str:
        """The month of a day, short: `Dec 2017`, `ธ.ค. 2560`."""
        return self._date(iso, self.words.month)

    def _date(self, iso: str | date, pattern: str) -> str:
        from babel.dates import format_date

        moment = date.fromisoformat(iso) if isinstance(iso, str) else iso
        year = f"'{moment.year + self.words.years_added}'"
        return str(format_date(moment, format=re.sub(r"\by\b", year, pattern), locale=self.words.locale))

    def number(self, value: float) -> str:
        """A whole number with separators."""
        return self.figure(value, ".0f")

    def count(self, number: int, one: str, many: str) -> str:
        """`1 customer`, `2,469 customers`: both forms are given in English.

        A translation of `{number} customers`, where there is one, says where the number goes: `ลูกค้า {number} ราย`.
        """
        word, written = one if number == 1 else many, self.number(number)
        placed = self.words.texts.get(f"{{number}} {word}")
        return self.words.polished(placed.format(number=written)) if placed else f"{written} {self.say(word)}"

    def reason(
        self, template: str, values: Mapping[Any, Any], money: Mapping[str, Callable[[float], str]] | None = None
    ) -> str:
        """A reason, from its template in columns.json (English, over names of columns), with a customer's `values`.

        `money`: the columns that are amounts, and how each is written. A template that the language does not know,
        whole, is said in English.
        """
        own = self.words.template(template)
        if own is None:
            return english.sentence(template, values, money)
        return self.words.polished(english.fill(own, values, money, self.figure))


ENGLISH = Language()


def _pattern(digits: int) -> str:
    return "#,##0" + ("." + "0" * digits if digits else "")
