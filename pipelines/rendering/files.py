"""Writes the list as CSV and XLSX (see `workbook`) for people and as Parquet for programs; equal lists, equal bytes.

Cells that a spreadsheet would run as a formula are defused in every CSV (a `'` before them); the XLSX stores them as
text and the Parquet file is exact.

Programs read the CSV, so it holds the list and nothing else: notices stand in the workbook's first line, on the page,
on the terminal and in the manifest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from models.decision.ranking import SUPPRESSED_COLUMNS
from pipelines.rendering import columns
from pipelines.rendering.language.language import Language
from pipelines.rendering.workbook import write_workbook
from pipelines.runtime.files import write_parquet
from pipelines.runtime.text.spreadsheet_text import defused

if TYPE_CHECKING:
    import pandas as pd


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """UTF-8 with a byte order mark, so that Excel reads it right; probabilities to 6 digits, money to 2, dates ISO."""
    import pandas as pd

    shown = pd.DataFrame({name: _cells(table[name]) for name in table.columns}, dtype="object")
    path.write_bytes(shown.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig"))


def _cells(values: pd.Series[Any]) -> list[str]:
    name = str(values.name)
    if columns.kind(name) == "text":
        return [defused(columns.text(value)) for value in values]
    return [columns.formatted(name, value) for value in values]


def notices(table: pd.DataFrame, language: Language | None = None) -> list[str]:
    """What has to be known before the list is used: that nobody on it can be reached, where that is so."""
    return [] if columns.has_addresses(table) else [(language or Language()).say(columns.NO_CONTACT)]


def write_control(table: pd.DataFrame, path: Path) -> None:
    """The control group: the list's columns without those by which somebody could be contacted."""
    write_csv(table.drop(columns=list(columns.CONTACT_COLUMNS), errors="ignore"), path)


def write_assignment(table: pd.DataFrame, path: Path) -> None:
    """By which chance each customer came into their group, where the last places are drawn by lot."""
    write_csv(table, path)


def write_suppressed(table: pd.DataFrame, path: Path) -> None:
    """Customers whom a rule suppressed: `SUPPRESSED_COLUMNS`, those that are missing left empty."""
    write_csv(table.reindex(columns=list(SUPPRESSED_COLUMNS)), path)


def write_win_back(table: pd.DataFrame, path: Path) -> None:
    """Customers who have left already: `columns.WIN_BACK_COLUMNS`, those that are missing left empty."""
    write_csv(table.reindex(columns=list(columns.WIN_BACK_COLUMNS)), path)


def list_schema(names: Sequence[str]) -> pa.Schema:
    """The list's Parquet types: rank int32, probabilities and money double, days date32, the rest strings."""
    types = {"money": pa.float64(), "chance": pa.float64(), "day": pa.date32(), "number": pa.int32()}
    return pa.schema([(name, types.get(columns.kind(name), pa.string())) for name in names])


def write_list_parquet(table: pd.DataFrame, path: Path) -> None:
    """The exact list, in `list_schema`. Text that is not known is null."""
    schema = list_schema(list(table.columns))
    arrays = [_array(table[field.name], field.type) for field in schema]
    write_parquet(path, pa.Table.from_arrays(arrays, schema=schema))


def _array(values: pd.Series[Any], kind: pa.DataType) -> pa.Array:
    import pandas as pd

    if kind == pa.date32():
        return pa.array([columns.day(value) for value in values], kind)
    if kind == pa.string():
        return pa.array([None if pd.isna(value) else str(value) for value in values], kind)
    return pa.array(values.astype("float64") if kind == pa.float64() else values, kind, from_pandas=True)


def write_xlsx(
    table: pd.DataFrame,
    path: Path,
    facts: Mapping[str, Any],
    *,
    figures: Sequence[tuple[str, object, str]] = (),
    language: Language | None = None,
) -> None:
    """The workbook: the list, what its columns mean, and the figures of the week where they are given.

    Args:
        table: the list.
        path: where to.
        facts: see `wording.column_facts`.
        figures: label, value and kind (see `columns.kind`) of each line, see `highlights.figure_lines`.
        language: of the sentences.
    """
    language = language or Language()
    write_workbook(table, path, facts, figures=figures, language=language, notices=notices(table, language))
