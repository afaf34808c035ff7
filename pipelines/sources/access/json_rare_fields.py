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
        one for mapping in table.mappings() for one in (*mapping.columns.values(), mapping.where, table.exclude)
    ]
    names: dict[str, None] = {}
    for one in filter(None, expressions):
        parsed = parse(one)
        names.update(dict.fromkeys([one] if parsed.fault else [".".join(ref.path) for ref in parsed.references]))
    seen = {name.lower() for name in known}
    return [name for name in names if name.lower() not in seen]


def rare_fields(wanted: list[str], paths: Sequence[Path]) -> tuple[str, ...]:
    """Those of the wanted names whose last part is a field's name somewhere in files longer than what was looked at."""
    left = {name: name.rpartition(".")[2].encode() for name in wanted}
    found: dict[str, None] = {}
    for path in paths if left else ():
        if path.suffix != ".gz" and path.stat().st_size <= SAMPLE_BYTES:
            continue
        here = _keys(path, set(left.values()))
        found.update({name: None for name, key in left.items() if key in here})
    return tuple(found)


def _keys(path: Path, sought: set[bytes]) -> set[bytes]:
    pattern = re.compile(b'"(' + b"|".join(map(re.escape, sorted(sought))) + rb')"\s*:')
    found: set[bytes] = set()
    before = b""
    # Broken files are reported when their rows are read.
    with suppress(OSError, EOFError), gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        for chunk in iter(lambda: stream.read(SAMPLE_BYTES), b""):
            found |= set(pattern.findall(before + chunk))
            if found == sought:
                break
            before = chunk[-_LONGEST:]
    return found
