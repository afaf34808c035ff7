"""Whether rows of a source look like lines of orders: many of one customer at one second, with money."""

# Queries are put together from our own names; values are bound as parameters.

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.runtime.sql import text
from pipelines.settings.sources import Mapped
from pipelines.sources.reader import Inspection

_ORDER = re.compile(r"(?i)(order|invoice|basket|receipt|transaction|bill|bon|ticket)(.*(id|no|nr|num|number|name))?$")
_LEAST_SHARE = 0.5

_BESIDE = """
select source, activity, sum(n)::bigint as rows, coalesce(sum(n) filter (n > 1), 0)::bigint as beside, max(n)
from (
    select source, activity, customer_id, occurred_at, count(*) as n from {rows}
    where value is not null and timezone({zone}, occurred_at)::time <> time '00:00:00' group by all
) as moment
group by source, activity order by source, activity
"""


def lines_in_words(
    con: Any, rows: str, sources: Mapping[str, Any], inspected: Mapping[str, Inspection], timezone: str
) -> list[str]:
    """A sentence for each activity whose rows look like lines, with the setting that makes orders of them.

    Args:
        con: the connection.
        rows: the relation to look at, with `source`.
        sources: `sources:` of params.yaml.
        inspected: what was found of them, by name.
        timezone: of days: rows at midnight say nothing, they may be whole days.
    """
    sentences = []
    for source, activity, count, beside, most in con.execute(_BESIDE.format(rows=rows, zone=text(timezone))).fetchall():
        setting = sources[source]
        if beside < max(2, _LEAST_SHARE * count) or not isinstance(setting, Mapped) or _is_gathered(setting):
            continue
        sentences.append(
            f"sources.{source}: {activity}: {beside:,} of {count:,} rows stand beside others of the same customer at "
            f"the same second, up to {most:,} together. If they are lines of orders, set sources.{source}.one_row_is: "
            f"line and group_by: [{_key(inspected.get(source))}]: now each counts as an order."
        )
    return sentences


def _is_gathered(setting: Mapped) -> bool:
    return any(mapping.is_gathered for mapping in setting.mappings())


def _key(inspection: Inspection | None) -> str:
    """The column that is called like an order's number; else a hint at it."""
    columns: Sequence[str] = inspection.files[0].columns if inspection and inspection.files else ()
    named = [one for one in columns if _ORDER.search(one)]
    return named[0] if named else "the column with the order's number"
