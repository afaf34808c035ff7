"""The id of a row that is gathered with others into one activity: the activity's, the rule, what tells it apart.

    shop-1001{MARK}line|{MARK}i7      order 1001's line 7, summed with its other lines
    shop-1001{MARK}first{MARK}        event 1001, of which the first counts

The rule is `first`, or of lines `line|` or `order|`, whichever the value belongs to, and after it the activity of
orders below zero, where returns are netted. Rows without an own id are told apart by their content (`h...`).
"""

from __future__ import annotations

from pipelines.runtime.sql import text
from pipelines.settings.sources import Mapping

MARK = chr(30)
FIRST = "first"


def rule_of(mapping: Mapping) -> str:
    """The rule of a mapping whose rows are gathered."""
    if not mapping.order_key:
        return FIRST
    netted = mapping.when_negative if mapping.returns == "netted" else None
    return f"{mapping.value_of or 'line'}|{netted or ''}"


def marked(mapping: Mapping, order: str, own: str, content: str) -> str:
    """SQL of the id of a row.

    Args:
        mapping: what the rows mean.
        order: SQL of the activity's id.
        own: SQL of the row's own key, null where it has none.
        content: SQL of a digest of what the row says.
    """
    line = "''" if rule_of(mapping) == FIRST else f"coalesce('i' || {own}, 'h' || {content})"
    return f"concat({order}, chr(30), {text(rule_of(mapping))}, chr(30), {line})"


def part_of(activity_id: str, number: int) -> str:
    """SQL of one of the three parts, from 1."""
    return f"split_part({activity_id}, chr(30), {number})"
