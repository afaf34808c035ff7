"""Take a customer out of a file that cannot be rebuilt: lists, the ledger, the vault. What cannot be edited is deleted.

Rows go where a column of ids is one of the names, or any text is a name that can be nothing but an id. A page keeps its
figures: they are sums.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from pipelines.erasure.search import columns_to_search, json_texts, kind_of, mentions, tables_of
from pipelines.runtime.files import atomic_file, write_parquet
from pipelines.runtime.sql import quoted

Names = frozenset[str]
_EMBEDDED = re.compile(r'(<script type="application/json"[^>]*>)(.*?)(</script>)', re.S)


def redact(path: Path, names: Names) -> str:
    """Rewrite or delete a file that speaks of a customer; the others are not touched.

    Returns:
        What was done, for people (`rows taken out`, `deleted`); empty where nothing was.
    """
    if not mentions(path, names, loose=False):
        return ""
    kind, mode = kind_of(path), path.stat().st_mode
    edit = _EDITS.get("jsonl" if path.suffix == ".jsonl" else kind)
    if edit:
        edit(path, names)
        path.chmod(mode)
        if not mentions(path, names, loose=False):
            return "taken out"
    path.unlink()
    return "deleted"


def _is_customer(cell: object, names: Names) -> bool:
    return str(cell).removeprefix("'") in names


def _csv(path: Path, names: Names) -> None:
    raw = path.read_bytes()
    byte_order_mark, text = ("\ufeff" if raw.startswith(b"\xef\xbb\xbf") else ""), raw.decode("utf-8-sig")
    line_end = "\r\n" if "\r\n" in text else "\n"
    header, *rows = list(csv.reader(io.StringIO(text, newline="")))
    id_columns, names = columns_to_search(header, names, loose=False)
    positions = [position for position, name in enumerate(header) if name in id_columns]
    kept = [
        row
        for row in rows
        if not any(_is_customer(row[position], names) for position in positions if position < len(row))
    ]
    with atomic_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        stream.write(byte_order_mark)
        csv.writer(stream, lineterminator=line_end).writerows([header, *kept])


def _parquet(path: Path, names: Names) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.ParquetFile(path).read()
    columns, names = columns_to_search(table.column_names, names, loose=False)
    removed = pa.chunked_array([pa.array([False] * table.num_rows, pa.bool_())])
    for column in columns:
        column_type = table.schema.field(column).type
        if (
            pa.types.is_string(column_type)
            or pa.types.is_large_string(column_type)
            or pa.types.is_dictionary(column_type)
        ):
            matches = pc.is_in(table[column].cast(pa.string()), value_set=pa.array(sorted(names)))
            removed = pc.or_(removed, matches)
    write_parquet(path, table.filter(pc.invert(removed)))


def pruned(content: Any, names: Names) -> Any:
    """JSON without the entries that are about a customer: the id itself, a list or object that holds it."""
    if isinstance(content, list):
        return [pruned(one, names) for one in content if not _names_customer(one, names)]
    if isinstance(content, dict):
        return {
            key: pruned(value, names)
            for key, value in content.items()
            if key not in names and not (isinstance(value, str) and _is_customer(value, names))
        }
    return content


def _names_customer(one: Any, names: Names) -> bool:
    held = one if isinstance(one, list) else list(one.values()) if isinstance(one, dict) else [one]
    return any(isinstance(value, str) and _is_customer(value, names) for value in held)


def _json(path: Path, names: Names) -> None:
    content = pruned(json.loads(path.read_text(encoding="utf-8")), names)
    with atomic_file(path) as partial:
        text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
        partial.write_text(text + "\n", encoding="utf-8")


def _jsonl(path: Path, names: Names) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.strip() or not names & set(json_texts(json.loads(line)))]
    with atomic_file(path) as partial:
        partial.write_text("".join(kept), encoding="utf-8")


def _html(path: Path, names: Names) -> None:
    def without(found: re.Match[str]) -> str:
        text = json.dumps(pruned(json.loads(found[2]), names), ensure_ascii=False, separators=(",", ":"))
        safe = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
        return f"{found[1]}{safe}{found[3]}"

    text = _EMBEDDED.sub(without, path.read_text(encoding="utf-8"))
    with atomic_file(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def _xlsx(path: Path, names: Names) -> None:
    """Rows that hold the id, and the texts that only they used; the place of a row stays empty."""
    with zipfile.ZipFile(path) as book:
        parts = {info: book.read(info) for info in book.infolist()}
    shared = next(info for info in parts if info.filename.endswith("sharedStrings.xml"))
    texts = re.findall(r"<si>.*?</si>", parts[shared].decode(), re.S)
    own_texts = {
        i for i, text in enumerate(texts) if _is_customer("".join(re.findall(r"<t\b[^>]*>([^<]*)<", text)), names)
    }
    used: set[int] = set()
    for info in [one for one in parts if "worksheets/sheet" in one.filename]:
        kept, still_used = _without_rows(parts[info].decode(), own_texts)
        parts[info], used = kept.encode(), used | still_used
    indices = iter(range(len(texts)))
    text = re.sub(
        r"<si>.*?</si>",
        lambda found: found[0] if next(indices) in used else "<si><t></t></si>",
        parts[shared].decode(),
        flags=re.S,
    )
    parts[shared] = text.encode()
    with atomic_file(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as book:
        for info, content in parts.items():
            book.writestr(info, content)


def _without_rows(sheet: str, own_texts: set[int]) -> tuple[str, set[int]]:
    """A sheet without rows that use one of these texts, and which texts the others use."""

    def texts(row: str) -> set[int]:
        return {int(i) for i in re.findall(r't="s"[^>]*><v>(\d+)</v>', row)}

    kept = re.sub(r"<row\b.*?</row>", lambda found: "" if texts(found[0]) & own_texts else found[0], sheet, flags=re.S)
    return kept, texts(kept)


def _sqlite(path: Path, names: Names) -> None:
    with closing(sqlite3.connect(path)) as con:
        con.execute("pragma secure_delete = on")
        for table, columns in tables_of(con).items():
            chosen, sought = columns_to_search(columns, names, loose=False)
            marks = ", ".join("?" * len(sought))
            for column in chosen:
                con.execute(f"delete from {quoted(table)} where {quoted(column)} in ({marks})", sorted(sought))  # noqa: S608
        con.commit()
        con.execute("vacuum")


_EDITS: dict[str, Callable[[Path, Names], None]] = {
    "csv": _csv,
    "parquet": _parquet,
    "json": _json,
    "jsonl": _jsonl,
    "html": _html,
    "zip": _xlsx,
    "sqlite": _sqlite,
}
