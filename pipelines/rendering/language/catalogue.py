"""Catalogues of translations: one YAML file per language, and how the English template of a reason is translated.

name: ไทย                                  what the language calls itself
locale: th                                 whose rules numbers, days and money follow (CLDR)
day: d MMMM 'พ.ศ.' y                       a day, written out
years_added: 543                           to the year, for calendars that count from elsewhere
texts: {"The list": "รายชื่อ", ...}            English text -> translation, with the same {names}
reasons: {"<self:.0f> <nouns> so far": ...}    English clause of measures.py -> translation, same <names>
open: ["A text that nobody has translated yet"]   texts and clauses that stay English until somebody does
polish: [["0 ครั้ง", "..."], ...]             regular expressions applied to what was said, in order
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import yaml

from features.catalogue.wording import TOKEN
from pipelines.settings.campaign.at_risk import LANGUAGES, languages

CLAUSES = "; "
NOUNS = ("noun", "nouns", "main")


@dataclass(frozen=True)
class Catalogue:
    """One language's file; see the module's docstring."""

    name: str
    locale: str
    day: str
    month: str
    years_added: int = 0
    signs: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    polish: tuple[tuple[str, str], ...] = ()
    open: tuple[str, ...] = ()

    def polished(self, text: str) -> str:
        """The text as a person would have written it."""
        for pattern, instead in self._polish:
            text = pattern.sub(instead, text)
        return text

    def template(self, english: str) -> str | None:
        """A reason's template, over the same columns, in this language; None where a clause of it is not known."""
        clauses = [self._clause(clause) for clause in english.split(CLAUSES)]
        return None if None in clauses else self.texts.get(CLAUSES, CLAUSES).join(str(clause) for clause in clauses)

    def _clause(self, english: str) -> str | None:
        for pattern, translated in self._reasons:
            if clause := pattern.fullmatch(english):
                return TOKEN.sub(lambda token: self._word(token, clause), translated)
        return None

    def _word(self, token: re.Match[str], clause: re.Match[str]) -> str:
        """The text of the English clause for a token of the translation; a noun is translated, if it is known."""
        text = clause[token[1]]
        return self.texts.get(text, text) if token[1] in NOUNS else text

    @cached_property
    def _reasons(self) -> list[tuple[re.Pattern[str], str]]:
        """Clauses as patterns, those with the fewest tokens first: `pieces` is no noun where a clause speaks of it."""
        known = sorted(self.reasons.items(), key=lambda clause: (len(TOKEN.findall(clause[0])), clause[0]))
        return [(_as_pattern(english), translated) for english, translated in known]

    @cached_property
    def _polish(self) -> list[tuple[re.Pattern[str], str]]:
        return [(re.compile(pattern), instead) for pattern, instead in self.polish]


@cache
def catalogue(code: str) -> Catalogue:
    """The language's file, read once.

    Raises:
        ValueError: there is no such language, or its file lacks name, locale, day or month.
    """
    path = LANGUAGES / f"{code}.yaml"
    if code not in languages():
        raise ValueError(f"{code!r} is not a language. Allowed: {', '.join(languages())}")
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    missing = [key for key in ("name", "locale", "day", "month") if key not in content]
    if missing:
        raise ValueError(f"{path}: {', '.join(missing)} missing. See pipelines/rendering/language/catalogue.py.")
    polish = tuple((str(pattern), str(instead)) for pattern, instead in content.pop("polish", ()))
    waiting = tuple(str(text) for text in content.pop("open", None) or ())
    return Catalogue(**content, polish=polish, open=waiting)


def _as_pattern(english: str) -> re.Pattern[str]:
    """A clause of measures.py as a pattern over the templates that are made from it; groups: its tokens."""
    parts, end, named = [], 0, set[str]()
    for token in TOKEN.finditer(english):
        what = token[1]
        parts.append(re.escape(english[end : token.start()]))
        parts.append(f"(?P={what})" if what in named else f"(?P<{what}>{_filled(what, token[3] or '')})")
        named.add(what)
        end = token.end()
    return re.compile("".join([*parts, re.escape(english[end:])]))


def _filled(what: str, form: str) -> str:
    """The text that a template may have for a token, as a pattern."""
    if what in NOUNS:
        return r"[^{}]+"
    if not form and what != "days":
        return r"\{\w+(?::[^{}]*)?\}"  # written as the number that it is beside
    return r"\d+" if what == "days" else rf"\{{\w+{re.escape(form)}\}}"
