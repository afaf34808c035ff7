"""What a message says about the columns of a table where one that is wanted is not among them.

A path may lead to the wrong file: a key, a list of people, a log. Its first line is repeated only where it reads like
names of columns; a lone one never is, because any line of text is one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipelines.runtime.errors import did_you_mean

MOST_SHOWN = 12
_NAME = re.compile(r"[^\W\d][^@=<>{}\"`|\\;]{0,59}")
_PERSONAL = re.compile(r"\d{5}|(\d[\s/()-]*){7}|://")
_TOKEN = re.compile(r"(?=\S*\d)(?=\S*[^\W\d_])[^\W_]{16,}")
_MOST_WORDS = 6


def columns_in_words(columns: Sequence[str]) -> str:
    """` Its columns: a, b, c.`, at most a dozen; or why they are not repeated. Headings without a name are left out."""
    names = [" ".join(one.split()) for one in columns if one.strip()]
    if len(names) < 2:
        return " It has one column, which is not repeated here."
    if not all(map(_is_name, names)):
        return f" Its {len(names)} columns are not repeated here: the first line does not read like names of columns."
    return f" Its columns: {', '.join(names[:MOST_SHOWN])}{', ...' if len(names) > MOST_SHOWN else ''}."


def nearest_column(wanted: str, columns: Sequence[str]) -> str:
    """` Did you mean x?` where a name is near, else the columns."""
    near = did_you_mean(wanted, columns)
    return near if "Did you mean" in near else columns_in_words(columns)


def _is_name(text: str) -> bool:
    """Letters first, a few words, no address, number or key."""
    few_words = len(text.split()) <= _MOST_WORDS
    return bool(_NAME.fullmatch(text)) and few_words and not _PERSONAL.search(text) and not _TOKEN.search(text)
