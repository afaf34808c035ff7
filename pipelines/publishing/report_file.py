"""Reading a team's report: CSV or XLSX with a header, columns in any order, named as people name them.

| column | also called |
|---|---|
| `customer_id` | customer, customer id, id, client |
| `contacted`, `reached`, `kept`, `wrong` | `what` with one or more of these words instead |
| `when` | date, day, time, contacted at |
| `channel` | via |
| `note` | notes, comment, remark |
| `list_id` | list; may be left out |
| `due` | in place of `when`: the day by which it was to be done, in the list's own workbook |

Capitals, spaces, `-` and `_` do not count; `feedback.columns` of params.yaml gives other names. Other columns are not
read. A sentence may stand above the header: the list's own workbook or CSV, with columns of the team's beside, is a
report too.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pipelines.ledger.read import SAID
from pipelines.rendering.headings import HEADINGS, spellings
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.text.column_names import columns_in_words

NAMES = {
    "customer_id": ("customerid", "customer", "id", "client", "clientid"),
    **{word: (word,) for word in SAID},
    "what": ("what", "outcome", "result"),
    "when": ("when", "date", "day", "time", "contactedat", "contactedon", "occurredat"),
    "channel": ("channel", "via"),
    "note": ("note", "notes", "comment", "comments", "remark"),
    "list_id": ("listid", "list"),
    "due": ("sendby", "tobedoneby"),
}
"""Our column -> how it may be written, without capitals, spaces, `-` and `_`; besides as the workbook has it."""
_IN_WORKBOOK = {"due": "send_by"}  # our column -> the list's, where that is another
_SEARCHED = 20  # lines for the header


@dataclass(frozen=True)
class Row:
    """A row of the report: its line in the file, our columns as trimmed text."""

    line: int
    cells: dict[str, str]

    def get(self, name: str) -> str:
        """A cell; "" where there is none."""
        return self.cells.get(name, "")

    @property
    def is_due(self) -> bool:
        """Whether the report has no column for when it happened: the list's own workbook, with the day it was due."""
        return "when" not in self.cells and "due" in self.cells

    @property
    def when(self) -> str:
        """When it happened, as it is written; "" where that is not said."""
        return self.get("due" if self.is_due else "when")


def read_report(
    path: Path, headings: Mapping[str, str] = MappingProxyType({})
) -> tuple[list[Row], dict[int, list[str]]]:
    """Its rows, empty ones left out, and what is wrong with lines as such.

    `headings`: our column -> what it is called, where that is another name.

    Raises:
        ChurnError: there is no such file, it is neither CSV nor XLSX, or columns are missing or there twice.
    """
    if not path.is_file():
        raise ChurnError(f"{path}: there is no such file.")
    names = _names(headings)
    lines = _xlsx(path) if zipfile.is_zipfile(path) else _csv(path, names)
    header = _header(lines)
    if not any(header):
        raise ChurnError(f"{path.name}: is empty. A report has a line with the names of its columns, then rows.")
    positions = _column_positions(path, header, headings)
    rows, faults = list[Row](), dict[int, list[str]]()
    for line, cells in lines:
        if any(cells):
            rows.append(Row(line, {name: cells[at] if at < len(cells) else "" for name, at in positions.items()}))
            if len(cells) > len(header) and any(cells[len(header) :]):
                faults[line] = [f"has {len(cells)} cells, the header has {len(header)}. Put text with commas in quotes"]
    if not rows:
        raise ChurnError(f"{path.name}: has a header and no rows.")
    return rows, faults


def _header(lines: Iterator[tuple[int, list[str]]]) -> list[str]:
    """The first line with more than one cell filled: a sentence may stand above it, as in the list's own workbook."""
    first_filled: list[str] = []
    for _, cells in lines:
        if sum(map(bool, cells)) > 1:
            return cells
        first_filled = first_filled or cells
    return first_filled


def _names(headings: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Our column -> how it may be written. A heading that params.yaml gives to one column is no other's."""
    given = {name: (_bare(heading),) for name, heading in headings.items()}
    taken = {one for (one,) in given.values()}
    return {
        name: given.get(name) or tuple(one for one in (*usual, *_worded(name)) if one not in taken)
        for name, usual in NAMES.items()
    }


def _worded(name: str) -> list[str]:
    """The headings that the list's own workbook has for the column."""
    column = _IN_WORKBOOK.get(name, name)
    return [_bare(text) for text in spellings(column)] if column in HEADINGS and name != "channel" else []


def _bare(title: str) -> str:
    return re.sub(r"[\s_\-]", "", title.casefold())


def _called(name: str, headings: Mapping[str, str]) -> str:
    return f"{headings[name]!r} (params.yaml: feedback.columns.{name})" if name in headings else name


def _column_positions(path: Path, header: list[str], headings: Mapping[str, str]) -> dict[str, int]:
    by_name: dict[str, list[int]] = {}
    names = _names(headings)
    for position, title in enumerate(header):
        for name, written in names.items():
            if _bare(title) in written:
                by_name.setdefault(name, []).append(position)
    faults = [
        f"{path.name}: the columns {' and '.join(repr(header[i]) for i in positions)} both mean {name}. Keep one."
        for name, positions in by_name.items()
        if len(positions) > 1
    ]
    faults += [
        f"{path.name}: has no column {_called(name, headings)}.{columns_in_words(header)}"
        for name in ("customer_id", "when")
        if name not in by_name and not (name == "when" and "due" in by_name)
    ]
    if not {"what", *SAID} & set(by_name):
        faults.append(f"{path.name}: has none of the columns {', '.join(SAID)}.{columns_in_words(header)}")
    if faults:
        raise ChurnError(*faults)
    return {name: positions[0] for name, positions in by_name.items()}


def _csv(path: Path, names: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[int, list[str]]]:
    """Lines as an editor counts them, and their cells. The delimiter is the one that the header shows."""
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise ChurnError(f"{path.name}: is not UTF-8. Save it as `CSV UTF-8`, or as a workbook (.xlsx).") from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text, names))
    line = 1
    try:
        for cells in reader:
            yield line, [cell.strip() for cell in cells]
            line = reader.line_num + 1
    except csv.Error as error:
        raise ChurnError(f"{path.name}: line {line}: cannot be read ({error}).") from None


def _delimiter(text: str, names: Mapping[str, tuple[str, ...]]) -> str:
    """What divides the cells of the first line with the most headings of ours: a sentence may stand above them."""
    known = {one for spellings in names.values() for one in spellings}
    lines = text.splitlines()[:_SEARCHED]
    fits = {
        sign: max((sum(_bare(cell.strip('"')) in known for cell in line.split(sign)) for line in lines), default=0)
        for sign in ",;\t"
    }
    return max(fits, key=lambda sign: (fits[sign], lines[0].count(sign) if lines else 0))


def _xlsx(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows of the first sheet of a workbook."""
    from openpyxl import load_workbook

    with path.open("rb") as stream:
        try:
            book = load_workbook(stream, read_only=True, data_only=True)
        except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
            raise ChurnError(f"{path.name}: is no workbook (.xlsx) that can be read: {error}") from None
        for line, cells in enumerate(book.worksheets[0].iter_rows(values_only=True), start=1):
            yield line, [_text(cell) for cell in cells]


def _text(cell: Any) -> str:
    """A cell as a person would write it: whole numbers without `.0`, days without midnight."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime | date):
        return cell.isoformat(sep=" ") if isinstance(cell, datetime) else cell.isoformat()
    return str(cell).strip()
