"""Fields of JSON that first appear far behind a file's beginning: looked for by name, where a mapping speaks of them.

Not in S3, where only the beginnings are looked at.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from pipelines.settings.sources import Mapped, Table
from pipelines.sources.access.json_files import SAMPLE_BYTES
from pipelines.sources.expressions.parse import parse

_LONGEST = 1 << 10  # of a field's name with its quotes and colon


def wanted_fields(table: Table, known: Iterable[str]) -> list[str]:
    """Names of columns that the mapping of `table` speaks of and that are not among the known ones."""
    if not isinstance(table, Mapped):
        return []
    expressions = [
        expression
        for mapping in table.mappings()
        for expression in (*mapping.columns.values(), mapping.where, *table.exclusions().values(), *mapping.order_key)
    ]
    names: dict[str, None] = {}
    for expression in filter(None, expressions):
        parsed = parse(expression)
        names.update(dict.fromkeys([expression] if parsed.fault else [".".join(ref.path) for ref in parsed.references]))
    known_names = {name.lower() for name in known}
    return [name for name in names if name.lower() not in known_names]


def rare_fields(names: list[str], paths: Sequence[Path]) -> tuple[str, ...]:
    """Those of the names whose last part is a field's name somewhere in files longer than what was looked at."""
    keys = {name: name.rpartition(".")[2].encode() for name in names}
    found: dict[str, None] = {}
    for path in paths if keys else ():
        if path.suffix != ".gz" and path.stat().st_size <= SAMPLE_BYTES:
            continue
        present = _keys(path, set(keys.values()))
        found.update({name: None for name, key in keys.items() if key in present})
    return tuple(found)


def _keys(path: Path, keys: set[bytes]) -> set[bytes]:
    pattern = re.compile(b'"(' + b"|".join(map(re.escape, sorted(keys))) + rb')"\s*:')
    found: set[bytes] = set()
    carried = b""
    # Broken files are reported when their rows are read.
    with suppress(OSError, EOFError), gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        for chunk in iter(lambda: stream.read(SAMPLE_BYTES), b""):
            found |= set(pattern.findall(carried + chunk))
            if found == keys:
                break
            carried = chunk[-_LONGEST:]
    return found
