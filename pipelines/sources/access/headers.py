"""The files of a table and their headers. Reads a few bytes of each, so that it is quick enough before any work."""

from __future__ import annotations

import csv
import glob
import gzip
import io
import shutil
import tempfile
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from pipelines.runtime import scratch
from pipelines.runtime.errors import ChurnError, did_you_mean
from pipelines.runtime.files import digest_of
from pipelines.settings.sources import Table
from pipelines.sources.access.json_files import LINES, SAMPLE_BYTES, fields_of, form_of, lists_of
from pipelines.sources.access.json_rare_fields import rare_fields, wanted_fields
from pipelines.sources.access.s3 import (
    SCHEME,
    S3Object,
    downloaded,
    list_objects,
    object_version,
    open_object,
    read_head,
)
from pipelines.sources.expressions.types import kind_of, stored_types

ENDINGS = {
    "csv": (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"),
    "json": (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz"),
    "parquet": (".parquet", ".pq"),
}
FileLocation = Path | S3Object
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class LocatedFile:
    """A file as messages call it, its columns in order, and how they are written.

    `types`: the kind of each column (types.py); CSV columns are all `text`. `delimiter`: empty for Parquet. `rows`:
    False where the file holds a header and nothing else. `stored`: DuckDB's type of each column.
    `form`: how JSON is written; empty for others. `lists`: where a lone JSON object holds lists of objects.
    """

    path: FileLocation
    name: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    delimiter: str
    rows: bool
    stored: tuple[str, ...]
    form: str = ""
    lists: tuple[str, ...] = ()


def files_of(table: Table) -> list[FileLocation]:
    """The files of a table's path, sorted: itself, everything of its kind in the folder, or what the glob matches."""
    if table.path.startswith(SCHEME):
        objects = list_objects(table.path)
        single = [obj.as_posix() for obj in objects] == [table.path]
        return [obj for obj in objects if single or glob.has_magic(table.path) or _is_export(obj, table)]
    path = Path(table.path)
    if path.is_file():
        return [path]
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file() and _is_export(file, table))
    # Path.glob takes no absolute pattern.
    return sorted(file for file in map(Path, glob.glob(table.path, recursive=True)) if file.is_file())  # noqa: PTH207


def _is_export(file: FileLocation, table: Table) -> bool:
    return file.name.lower().endswith(ENDINGS[table.reader]) and not file.name.startswith((".", "_"))


@contextmanager
def local_copy(file: LocatedFile, *, normalise_ends: bool = False) -> Iterator[tuple[LocatedFile, Path]]:
    """The file with a path on this machine: its own, or that of a copy which is gone when the block ends.

    `normalise_ends`: of a CSV with mixed line ends, a copy in which all are alike; DuckDB reads no other. Where the
    file's beginning shows mixed ends, the copy is made anyway.
    """
    with nullcontext(file.path) if isinstance(file.path, Path) else downloaded(file.path) as path:
        has_mark = file.form == LINES and _has_mark(path)
        if not has_mark and not (file.delimiter and (normalise_ends or _has_mixed_ends(path))):
            yield replace(file, path=path), path
            return
        with tempfile.TemporaryDirectory(dir=scratch.folder()) as folder:
            copy = Path(folder, "lines.json" if has_mark else "lines.csv")
            with open_bytes(path) as stream, copy.open("wb") as target:
                if has_mark:  # DuckDB would take the mark for the beginning of the first object, and lose it.
                    stream.seek(len(BOM_UTF8))
                    shutil.copyfileobj(stream, target)
                else:
                    for chunk in _normalised(stream):
                        target.write(chunk)
            yield replace(file, path=copy), copy


def _has_mixed_ends(path: Path) -> bool:
    """Whether the beginning of a file holds lines that end in more than one way."""
    try:
        with open_bytes(path) as stream:
            start = stream.read(SAMPLE_BYTES)
    except (OSError, EOFError):
        return False  # reported when its rows are read
    without_crlf = start.replace(b"\r\n", b"")
    return sum((len(without_crlf) < len(start), b"\n" in without_crlf, b"\r" in without_crlf.removesuffix(b"\r"))) > 1


def _normalised(stream: IO[bytes]) -> Iterator[bytes]:
    carried = b""
    for chunk in iter(lambda: stream.read(SAMPLE_BYTES), b""):
        whole = carried + chunk
        carried = b"\r" if whole.endswith(b"\r") else b""  # its \n may be the next chunk's
        yield whole.removesuffix(carried).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    yield carried.replace(b"\r", b"\n")


def _has_mark(path: Path) -> bool:
    """Whether a file begins with a byte order mark."""
    with open_bytes(path) as stream:
        return stream.read(len(BOM_UTF8)) == BOM_UTF8


def open_bytes(path: Path) -> IO[bytes]:
    """A file, unpacked where its name ends in `.gz`."""
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def digest_at(file: FileLocation) -> str:
    """A text that is another one whenever the file's content is another one: a digest, or the store's own version."""
    return object_version(file) if isinstance(file, S3Object) else digest_of(file)


def locate(table: Table, section: str) -> tuple[list[LocatedFile], list[str]]:
    """The files of a table with their headers, and what is wrong with them as lines for people.

    Args:
        table: where the files should lie.
        section: the setting that says so, such as `sources.orders`.
    """
    try:
        paths = files_of(table)
    except ChurnError as error:
        return [], [f"params.yaml: {section}.path: {fault}" for fault in error.faults]
    if not paths:
        return [], [f"params.yaml: {section}.path: {_no_file_fault(table)}"]
    located, faults = [], []
    for path in paths:
        try:
            located.append(_locate_file(path, _shown_name(path, paths), table))
        except ChurnError as error:
            faults += [f"{fault} ({section}.path)" for fault in error.faults]
    if table.reader == "json":
        located = _with_common_columns(table, located)
    if located and not faults and not any(file.rows for file in located):
        names = located[0].name if len(located) == 1 else f"{located[0].name} and {len(located) - 1} more files"
        faults.append(f"{names}: there is a header but not one row. Export it again. ({section}.path)")
    return located, faults


def _with_common_columns(table: Table, located: list[LocatedFile]) -> list[LocatedFile]:
    """JSON leaves out what is empty: a field of one file is a column of all, wherever it first appears."""
    columns = tuple(dict.fromkeys(column for file in located for column in file.columns))
    columns += rare_fields(
        wanted_fields(table, columns), [file.path for file in located if isinstance(file.path, Path)]
    )
    texts, stored = ("text",) * len(columns), ("VARCHAR",) * len(columns)
    return [replace(file, columns=columns, types=texts, stored=stored) for file in located]


def _shown_name(path: FileLocation, paths: list[FileLocation]) -> str:
    """The file's name, or its whole path where several have that name."""
    return path.name if Counter(other.name for other in paths)[path.name] == 1 else path.as_posix()


def _no_file_fault(table: Table) -> str:
    if table.path.startswith(SCHEME):
        return f"nothing that ends in {ENDINGS[table.reader][0]} lies at {table.path}. See the bucket's listing."
    path = Path(table.path)
    endings = " or ".join(ENDINGS[table.reader][:1])
    if path.is_dir():
        return f"the folder {table.path} holds no {endings} file. Put one there or name another path."
    if glob.has_magic(table.path):
        return f"no file matches {table.path}. Paths begin at the project's folder."
    siblings = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    near = did_you_mean(path.name, siblings) if siblings else ""
    hint = near if "Did you mean" in near else " Paths begin at the project's folder."
    return f"there is no file {table.path}.{hint}"


def _locate_file(path: FileLocation, name: str, table: Table) -> LocatedFile:
    if table.reader == "csv":
        return _locate_csv(path, name, table.delimiter)
    return _locate_json(path, name) if table.reader == "json" else _locate_parquet(path, name)


def open_text(path: FileLocation) -> IO[str]:
    """A text file, unpacked where its name ends in `.gz`; line ends as they are, what is no UTF-8 as U+FFFD.

    Of an object in S3 the beginning.
    """
    raw: Any = io.BytesIO(read_head(path, SAMPLE_BYTES)) if isinstance(path, S3Object) else path
    if path.suffix == ".gz":
        return gzip.open(raw, "rt", encoding="utf-8-sig", errors="replace", newline="")
    if isinstance(path, Path):
        return path.open(encoding="utf-8-sig", errors="replace", newline="")
    return io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline="")


def _locate_json(path: FileLocation, name: str) -> LocatedFile:
    try:
        with open_text(path) as stream:
            start = stream.read(SAMPLE_BYTES)
    except (OSError, EOFError) as error:
        raise ChurnError(f"{name}: cannot be read as JSON. {error}.") from None
    columns = fields_of(start, name)
    types, stored = ("text",) * len(columns), ("VARCHAR",) * len(columns)
    return LocatedFile(path, name, columns, types, "", True, stored, form_of(start), lists_of(start))


def _locate_csv(path: FileLocation, name: str, delimiter: str | None) -> LocatedFile:
    try:
        with open_text(path) as stream:
            first_line = stream.readline()
            stream.seek(0)
            delimiter = delimiter or max(
                _DELIMITERS, key=lambda sign: len(next(csv.reader([first_line], delimiter=sign), []))
            )
            rows = csv.reader(stream, delimiter=delimiter)
            header = next(rows, [])
            has_rows = any(any(row) for row in rows)
    except (OSError, EOFError, csv.Error) as error:
        raise ChurnError(f"{name}: cannot be read as CSV. {error}.") from None
    if not any(header):
        raise ChurnError(f"{name}: is empty. The first line must name the columns.")
    if "\ufffd" in first_line:
        raise ChurnError(f"{name}: is not UTF-8 text. Save it as UTF-8.")
    columns = tuple(column.strip() for column in header)
    return LocatedFile(path, name, columns, ("text",) * len(columns), delimiter, has_rows, ("VARCHAR",) * len(columns))


def _locate_parquet(path: FileLocation, name: str) -> LocatedFile:
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    try:
        with pq.ParquetFile(open_object(path) if isinstance(path, S3Object) else path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except (ArrowException, OSError) as error:
        raise ChurnError(f"{name}: is not a Parquet file. {str(error).splitlines()[0]}") from None
    stored = stored_types(schema)
    return LocatedFile(path, name, tuple(schema.names), tuple(map(kind_of, stored)), "", rows > 0, stored)
