"""Writes a piece of the landing store as its rows arrive: good ones to their month, bad ones aside, all counted.

Rows that are gathered with others into one activity go to month files of their own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.runtime.files import digest_of
from pipelines.sources.expressions.gathering_mark import MARK
from pipelines.sources.expressions.left_out import LEFT_OUT
from pipelines.sources.landing.file_summary import summarise
from pipelines.sources.landing.month_writer import MonthWriter
from pipelines.sources.landing.tally import Tallying
from pipelines.sources.stream import COLUMNS

GATHERED = ".rows"
_FAULTY = pa.schema(
    [("record", pa.int64()), ("open", pa.bool_()), *((name, pa.string()) for name in ("fault", "field", "found"))]
)


class PieceWriter:
    """A piece while it is written."""

    def __init__(self, con: Any, folder: Path, *, several: bool) -> None:
        """`several`: whether several activities may come from one row, which counts once."""
        self._con, self._folder, self._several = con, folder, several
        self._months = MonthWriter(folder, self._written)
        self._gathered = MonthWriter(folder, self._written_to_gather, suffix=GATHERED)
        self._parts: list[dict[str, Any]] = []
        self._aside: list[pa.Table] = []
        self._rows, self._excluded = [0, 0], [0, 0]
        self._tally = Tallying()
        self._doubtful = False
        self._records: dict[int, list[Any]] = {}

    def add(self, rows: pa.Table) -> None:
        """Take rows as `_READ` gives them."""
        self._doubtful = self._doubtful or pc.any(rows["doubtful"]).as_py() is True
        is_open = pc.sum(rows["open"]).as_py() or 0 if "open" in rows.column_names else 0
        if is_open in (0, len(rows)):
            self._take(rows, int(is_open > 0))
            return
        for place in (0, 1):
            self._take(rows.filter(pc.equal(rows["open"], bool(place))), place)

    def _take(self, rows: pa.Table, place: int) -> None:
        if rows["fault"].null_count < len(rows):
            faulty = rows.filter(pc.is_valid(rows["fault"]))
            left_out = pc.equal(faulty["fault"], LEFT_OUT)
            self._excluded[place] += self._tally.add_left_out(faulty.filter(left_out), is_open=bool(place))
            faulty = faulty.filter(pc.invert(left_out))
            self._count(faulty, place)
            self._tally.add_bad(faulty, is_open=bool(place))
            self._put_aside(faulty, is_open=bool(place))
            rows = rows.filter(pc.is_null(rows["fault"]))
        self._count(rows, place)
        self._tally.add_kept(rows, is_open=bool(place))
        self._tally.add_currencies(rows, is_open=bool(place))
        self._add(rows.select(COLUMNS), is_open=bool(place))

    def _add(self, rows: pa.Table, *, is_open: bool) -> None:
        to_gather = pc.match_substring(rows["activity_id"], MARK)
        if pc.any(to_gather).as_py():
            self._gathered.add(rows.filter(to_gather), is_open=is_open)
            rows = rows.filter(pc.invert(to_gather))
        self._months.add(rows, is_open=is_open)

    def _put_aside(self, bad: pa.Table, *, is_open: bool) -> None:
        if len(bad):
            opened = pa.array(np.full(len(bad), is_open))
            columns = [opened if name == "open" else bad[name] for name in _FAULTY.names]
            self._aside.append(pa.table(columns, names=_FAULTY.names).cast(_FAULTY))

    def bad(self) -> pa.Table:
        """The bad rows."""
        return pa.concat_tables([_FAULTY.empty_table(), *self._aside])

    def _count(self, rows: pa.Table, place: int) -> None:
        """Rows of the source: where one may become several activities, its record counts once."""
        self._rows[place] += len(rows)
        if self._several:
            self._records.setdefault(place, []).append(rows["record"].to_numpy())

    def _written_to_gather(self, path: Path, month: str, is_open: bool, rows: pa.Table) -> None:
        self._written(path, month, is_open, rows)
        self._parts[-1]["gathered"] = True

    def _written(self, path: Path, month: str, is_open: bool, rows: pa.Table) -> None:
        summary = summarise(self._con, path, month, rows).as_json()
        self._parts.append(
            {"file": path.name, "month": month, "open": is_open, "digest": digest_of(path), "sight": summary}
        )

    def close(self) -> dict[str, Any]:
        """Write what is left."""
        self._months.close()
        self._gathered.close()
        for place, records in self._records.items():
            self._rows[place] = len(np.unique(np.concatenate(records)))
        return {
            "rows": [meant + excluded for meant, excluded in zip(self._rows, self._excluded, strict=True)],
            "doubtful": self._doubtful,
            "tally": self._tally.result(),
            "currencies": self._tally.currencies,
            "parts": self._parts,
        }
