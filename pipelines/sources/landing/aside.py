"""Bad rows of a piece, put aside in `aside.parquet`: the first of them one by one, the others counted by their reason.

Columns: `line` (of a database or a Parquet file the row, from 1; null where rows are only counted), `open` (of a
database: will be read again), `fault`, `field`, `found`, and `rows`, how many they are. Texts are cut to 200 letters.
"""

# Queries are put together from our own names; values are bound as parameters.
# ruff: noqa: S608

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.runtime.sql import text
from pipelines.sources.access.scan import Bad
from pipelines.sources.relations import REJECTED

FILE = "aside.parquet"
MOST_LISTED = 10_000
"""Bad rows of a file or of a step of a database that are listed one by one."""
SCHEMA = pa.schema(
    [
        ("line", pa.int64()),
        ("open", pa.bool_()),
        ("fault", pa.string()),
        ("field", pa.string()),
        ("found", pa.string()),
        ("rows", pa.int64()),
    ]
)
_LONGEST = 200


@dataclass(frozen=True)
class Aside:
    """`listed`: rows in SCHEMA. `bad`: how many rows are, settled and open; `broken`: of them, those that are none."""

    listed: pa.Table
    bad: tuple[int, int] = (0, 0)
    broken: int = 0

    def write(self, folder: Path) -> None:
        """Into a piece's folder, where something is bad."""
        if len(self.listed):
            pq.write_table(self.listed, folder / FILE, compression="zstd")


def put_aside(con: Any, bad: pa.Table) -> Aside:
    """Cut and count bad rows: `record`, `open`, `fault`, `field`, `found`; several may speak of one record."""
    if not len(bad):
        return Aside(SCHEMA.empty_table())
    con.register("bad_rows", bad)
    con.execute(
        f"create or replace temp table put_aside as select distinct record, open, fault, field, "
        f"left(found, {_LONGEST}) as found from bad_rows"
    )
    con.unregister("bad_rows")
    first = "(select distinct record from put_aside where open = {} order by record limit {})"
    cuts = [f"(select max(record) from {first.format(one, MOST_LISTED)})" for one in (False, True)]
    counted = con.execute(
        "select count(distinct record) filter (not open), count(distinct record) filter (open), "
        f"coalesce({cuts[0]}, 0), coalesce({cuts[1]}, 0) from put_aside"
    ).fetchall()[0]
    kept = f"record <= if(open, {counted[3]}, {counted[2]})"
    listed = con.sql(
        f"select record as line, open, fault, field, found, 1 as rows from put_aside where {kept} union all "
        f"select null, open, fault, field, min(found), count(*) from put_aside where not ({kept}) "
        "group by open, fault, field order by all"
    ).to_arrow_table()
    con.execute("drop table put_aside")
    return Aside(listed.cast(SCHEMA), (counted[0], counted[1]))


def with_broken(aside: Aside, lines: dict[int, int], broken: list[Bad]) -> Aside:
    """Records under their lines, and the rows that could not be parsed.

    Args:
        aside: what was read and is bad, by record.
        lines: record -> the line that it begins on.
        broken: every row that is none.
    """
    records = aside.listed["line"].to_pylist()
    at = pa.array([lines.get(one) if one is not None else None for one in records], pa.int64())
    listed = aside.listed.set_column(0, SCHEMA.field("line"), at)
    rows = [[line, False, fault, field, found, 1] for line, fault, field, found in broken[:MOST_LISTED]]
    further: dict[tuple[str, str], int] = {}
    for _, fault, field, _ in broken[MOST_LISTED:]:
        further[fault, field] = further.get((fault, field), 0) + 1
    rows += [[None, False, fault, field, None, count] for (fault, field), count in further.items()]
    added = pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], SCHEMA)
    settled, still_open = aside.bad
    return Aside(pa.concat_tables([listed, added]), (settled + len(broken), still_open), len(broken))


def report(con: Any, folder: Path, content: dict[str, Any], names: tuple[str, str], *, open_too: bool) -> int:
    """Insert the bad rows of a piece into REJECTED, under the names of its source and file.

    Returns:
        How many rows are bad.
    """
    if "bad" in content:  # of version 0.1, a file
        _insert(con, [[*names, *one, 1] for one in content["bad"]])
        return len({line for line, *_ in content["bad"]})
    path, settled = folder / FILE, "" if open_too else " and not open"
    if path.is_file():
        former = "bad_rows" not in content  # of version 0.1, a database
        columns = "record, fault, field, found, 1" if former else "line, fault, field, found, rows"
        rows = f"from read_parquet({text(path)}) where fault <> 'excluded'{settled}"
        con.execute(f"insert into {REJECTED} select ?, ?, {columns} {rows}", list(names))
        if former:
            return int(con.execute(f"select count(distinct record) {rows}").fetchall()[0][0])
    bad = content.get("bad_rows", [0, 0])
    return int(sum(bad) if open_too else bad[0])


def _insert(con: Any, rows: list[list[Any]]) -> None:
    if rows:
        columns = ("source", "file", "line", "fault", "field", "found", "rows")
        con.register("former_bad", pa.table({name: [row[i] for row in rows] for i, name in enumerate(columns)}))
        con.execute(f"insert into {REJECTED} select * from former_bad")
        con.unregister("former_bad")
