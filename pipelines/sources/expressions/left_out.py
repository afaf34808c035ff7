"""Rows of a table that a mapping leaves out: by which of its conditions, and how many.

First things first: each condition of `exclude` in its order, then `where`, then a row that names no customer, where
those are skipped, then an answer that is none. A row of which a condition cannot tell, because it cannot read a cell,
is not left out: it is bad.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted or was parsed.
# ruff: noqa: S608

from __future__ import annotations

from pipelines.runtime.sql import text
from pipelines.settings.sources import Mapped, Mapping
from pipelines.sources.expressions.cell import Cell
from pipelines.sources.stream import COLUMNS

LEFT_OUT = "left out"
"""The fault of a line of the query that stands for rows left out: `field` says why, `found` how many they are."""
WHERE, NO_CUSTOMER, NO_ANSWER = "where", "no customer", "not answered"
NOTHING = "null::varchar"


def excluded(name: str) -> str:
    """The reason of rows that a condition of `exclude` leaves out."""
    return f"exclude: {name}" if name else "exclude"


def conditions_of(setting: Mapped, mapping: Mapping) -> list[str]:
    """Everything that decides which rows are left out, as it stands in params.yaml."""
    return [one for one in (mapping.where, *setting.exclusions().values()) if one]


def reason_of(setting: Mapped, mapping: Mapping, told: dict[str, Cell], customer: str, value: str) -> str | None:
    """SQL of why a row is left out, null where it is not; None where no row can be.

    Args:
        setting: the source's section.
        mapping: what its rows mean.
        told: by condition as it stands in params.yaml, its cell.
        customer: SQL of the customer's id.
        value: SQL of the value's text.
    """
    cases = [(f"coalesce({told[one].sql}, false)", excluded(name)) for name, one in setting.exclusions().items()]
    if mapping.where:
        cases.append((f"not {_kept(told[mapping.where])}", WHERE))
    unread = unread_text(told)
    readable = "" if unread == NOTHING else f"{unread} is null and "
    if setting.without_customer == "skipped":
        cases.append((f"({readable}{customer} is null)", NO_CUSTOMER))
    if mapping.scale:
        cases.append((f"({readable}{value} is null)", NO_ANSWER))
    if not cases:
        return None
    return f"(case {' '.join(f'when {when} then {text(reason)}' for when, reason in cases)} end)"


def counted(reason: str, scan: str, entry: int, carried: str) -> str:
    """SQL of one line for each reason, in the columns of the activities' query. `scan`: of the table's rows."""
    nothing = ", ".join(f"null as {name}" for name in COLUMNS)
    return f"""
        select null::bigint as record{carried}, {nothing}, {text(LEFT_OUT)} as fault, reason as field,
            count(*)::varchar as found, false as doubtful, {entry} as entry, null as currency
        from (select {reason} as reason{carried} from {scan}) where reason is not null group by all
    """


def _kept(condition: Cell) -> str:
    """SQL: a row that the condition keeps, or of which it cannot tell because it cannot read a cell."""
    told = f"coalesce({condition.sql}, false)"
    if not condition.unreadable:
        return told
    return f"({told} or ({condition.sql} is null and {condition.unreadable} is not null))"


def unread_text(told: dict[str, Cell]) -> str:
    """SQL of the text that keeps a condition from telling; null where all tell."""
    parts = [f"case when {one.sql} is null then {one.unreadable} end" for one in told.values() if one.unreadable]
    return f"coalesce({', '.join(parts)})" if parts else NOTHING
