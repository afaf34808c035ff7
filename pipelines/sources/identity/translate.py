"""Landed parts -> the same parts under customer ids, or under pseudonyms where these are on.

    data/landing/.about/{branch}/{key}/2024-05.parquet     a part's rows as they go into the stream
                                      /2024-05.hashes      see file_summary.py
                                      /nobody.parquet      rows whose id is no customer's, as the source has them
                                      /part.json           how many rows it had; digest and summary of its file
    data/landing/.about/{branch}/ids/{digest}.parquet      the ids that occur in a part
    data/landing/.about/{branch}/leads.json                what they resolve to, as a digest for each part

Each part is translated by itself, and again only when its rows or the key changed or one of its own ids resolves to
another customer: a new line in the table of identities costs only the parts that it concerns. A part in which nothing
changes stays the one that was landed.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.activity import SINCE_VERSION_2
from pipelines.runtime.files import atomic_folder, digest_of, read_json, write_json, write_parquet
from pipelines.runtime.sql import text
from pipelines.sources.landing.file_summary import MonthSummary, summarise
from pipelines.sources.landing.key import FORM
from pipelines.sources.landing.month_writer import sorted_rows, write_month
from pipelines.sources.landing.store import Part
from pipelines.sources.relations import KEYED_HASH, MENTIONED, RESOLVED, STREAM, UNMATCHED
from pipelines.sources.stream import COLUMNS, month_rows, whole

_FORM = (2, *FORM)
_RESOLUTIONS_FILE = "leads.json"
_RESOLUTIONS = f"""
select part, count(*), bit_xor(hash(source_id, resolution.customer_id)), sum(hash(resolution.customer_id, source_id))
from {MENTIONED} as mention join {RESOLVED} as resolution
    on mention.source = resolution.source and mention.customer_id = resolution.source_id
group by part
"""
_ROWS = """
select {names}, landed.* replace ({customer} as customer_id, {activity} as activity_id{further}),
    resolution.source_id is not null and resolution.customer_id is null as is_unmatched
from (select {columns} from {rows} where {kept}) as landed
left join (select source_id, customer_id from {resolved} where source = {source}) as resolution
    on resolution.source_id = landed.customer_id
"""
_HASHED = f"""
select customer_id, {KEYED_HASH}(customer_id) from (
    select distinct coalesce(resolution.customer_id, mention.customer_id) as customer_id
    from ({{mentions}}) as mention left join {RESOLVED} as resolution
        on mention.source = resolution.source and mention.customer_id = resolution.source_id
    where resolution.source_id is null or resolution.customer_id is not null
)
"""
_JOIN_PSEUDONYMS = "left join pseudonym on pseudonym.customer_id = coalesce(resolution.customer_id, landed.customer_id)"


@dataclass(frozen=True)
class Pseudonyms:
    """Which ids become pseudonyms: customer ids of `hidden` sources, activity ids of all.

    `key`: a fingerprint of the key; None where there are no pseudonyms, and then the macro KEYED_HASH need not exist.
    `remember`: called with keyed hash -> id before a row under a new pseudonym is written.
    """

    key: str | None = None
    hidden: frozenset[str] = frozenset()
    remember: Callable[[Mapping[str, str]], None] = lambda _: None


@dataclass
class Resolutions:
    """What the ids of parts resolve to under one table of identities.

    `known`: a digest for each part, None where all of its ids stay as they are. `folder`: of translated parts.
    """

    folder: Path
    table: str
    known: dict[str, list[str] | None]

    @classmethod
    def of(cls, folder: Path, table: str) -> Resolutions:
        """What an earlier pull resolved. `table`: a digest of the identities; under another one nothing is known."""
        path = folder / _RESOLUTIONS_FILE
        try:
            content = read_json(path) if path.is_file() else {}
        except json.JSONDecodeError:
            content = {}
        return cls(folder, table, content["leads"] if content.get("table") == table else {})

    def key(self, part: Part, pseudonyms: Pseudonyms) -> str:
        """The digest of everything that decides a translated part: its rows, its resolutions, the key of pseudonyms."""
        hidden = part.source in pseudonyms.hidden
        inputs = [_FORM, part.source, part.digest, part.kept_by, self.known[_part_key(part)], pseudonyms.key, hidden]
        return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:16]

    def unresolved(self, parts: Sequence[Part], pseudonyms: Pseudonyms) -> list[Part]:
        """Parts whose ids must be collected: their resolution is unknown, or they are not translated yet."""
        return [
            part for part in parts if _part_key(part) not in self.known or not self._is_translated(part, pseudonyms)
        ]

    def is_unchanged(self, part: Part, pseudonyms: Pseudonyms) -> bool:
        """Whether a part needs no translation: all of its ids stay as they are, and there are no pseudonyms."""
        return pseudonyms.key is None and self.known[_part_key(part)] is None

    def _is_translated(self, part: Part, pseudonyms: Pseudonyms) -> bool:
        return self.is_unchanged(part, pseudonyms) or (self.folder / self.key(part, pseudonyms) / "part.json").is_file()

    def record(self, con: Any, collected: Sequence[Part], parts: Sequence[Part]) -> None:
        """Digest the resolutions of `collected` parts from MENTIONED and RESOLVED, and write them for all `parts`."""
        digests = {number: list(map(str, digest)) for number, *digest in con.execute(_RESOLUTIONS).fetchall()}
        self.known |= {_part_key(part): digests.get(number) for number, part in enumerate(collected)}
        self.known = {name: self.known[name] for name in sorted(map(_part_key, parts))}
        write_json(self.folder / _RESOLUTIONS_FILE, {"table": self.table, "leads": self.known})


def _part_key(part: Part) -> str:
    return f"{part.source} {part.digest}"


def collect_ids(con: Any, parts: Sequence[Part], folder: Path, sources: Sequence[str]) -> None:
    """Create MENTIONED (part, source, customer_id): the ids that occur in parts of `sources`, each once per part.

    `part` is the index among `parts`. They are read once for each part and kept in `folder`.
    """
    mentions = []
    for number, part in enumerate(parts):
        if part.source not in sources:
            continue
        file = folder / "ids" / f"{part.digest}.parquet"
        if not file.is_file():
            ids = con.sql(f"select distinct customer_id from read_parquet({text(part.path)}) order by customer_id")
            write_parquet(file, ids.to_arrow_table(), repeated=[])
        constants = f"{number} as part, {text(part.source)} as source"
        mentions.append(f"select {constants}, customer_id from read_parquet({text(file)})")
    no_rows = "select 0 as part, '' as source, '' as customer_id where false"
    con.execute(f"create or replace temp view {MENTIONED} as {' union all '.join(mentions) or no_rows}")


def translate_parts(
    con: Any, parts: Sequence[Part], pseudonyms: Pseudonyms, resolutions: Resolutions
) -> tuple[list[Part], Counter[str]]:
    """Parts without unmatched rows, under customer ids or pseudonyms; parts without a row left are dropped.

    Needs RESOLVED with the ids of parts that are not translated yet. Fills UNMATCHED with rows that are no customer's.

    Returns:
        The parts, and how many rows each source had.
    """
    folder = resolutions.folder
    keys = ["" if resolutions.is_unchanged(part, pseudonyms) else resolutions.key(part, pseudonyms) for part in parts]
    todo = {
        key: part for key, part in zip(keys, parts, strict=True) if key and not (folder / key / "part.json").is_file()
    }
    _create_pseudonyms(con, list(todo.values()), pseudonyms)
    for key, part in todo.items():
        _translate_part(con, part, folder / key, pseudonyms)
    con.execute(f"create or replace temp table {UNMATCHED} as select * from {STREAM} where false")
    rows, translated = Counter[str](), list[Part]()
    for key, part in zip(keys, parts, strict=True):
        count, good = _read_translation(con, part, folder / key) if key else (part.summary.rows, [part])
        rows[part.source] += count
        translated += good
    _delete_others(folder, {*keys, "ids", _RESOLUTIONS_FILE}, {f"{part.digest}.parquet" for part in parts})
    return translated, rows


def _read_translation(con: Any, part: Part, folder: Path) -> tuple[int, list[Part]]:
    """How many rows a part had, and its translation; unmatched rows are added to UNMATCHED."""
    content = read_json(folder / "part.json")
    if (unmatched := folder / "nobody.parquet").is_file():
        rows = f"select {text(part.source)} as source, * from read_parquet({text(unmatched)})"
        con.execute(f"insert into {UNMATCHED} by name {rows}")
    if not content["digest"]:
        return content["rows"], []
    path = folder / f"{part.month}.parquet"
    summary = MonthSummary.from_json(content["sight"], path.with_suffix(".hashes"))
    return content["rows"], [Part(part.source, part.month, path, content["digest"], summary)]


def _delete_others(folder: Path, names: set[str], ids: set[str]) -> None:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in names:
            shutil.rmtree(path, ignore_errors=True)
    for file in (folder / "ids").glob("*.parquet"):
        if file.name not in ids:
            file.unlink(missing_ok=True)


def _create_pseudonyms(con: Any, parts: Sequence[Part], pseudonyms: Pseudonyms) -> None:
    """Create the temp table `pseudonym` (customer_id, hashed) of the customers in parts, and remember them."""
    con.execute("create or replace temp table pseudonym (customer_id varchar, hashed varchar)")
    hidden = [part for part in parts if part.source in pseudonyms.hidden]
    if not hidden:
        return
    mentions = " union all ".join(
        f"select distinct {text(part.source)} as source, customer_id from read_parquet({text(part.path)})"
        for part in hidden
    )
    con.execute(f"insert into pseudonym {_HASHED.format(mentions=mentions)}")
    pseudonyms.remember(dict(con.execute("select hashed, customer_id from pseudonym").fetchall()))


def _translate_part(con: Any, part: Part, folder: Path, pseudonyms: Pseudonyms) -> None:
    """Write the translation of a part to a folder."""
    rows = con.sql(_query(part, pseudonyms)).to_arrow_table()
    unmatched = rows["is_unmatched"]
    columns = _columns(part)
    matched = whole(rows.filter(pc.invert(unmatched)).select(columns))
    with atomic_folder(folder) as partial:
        content: dict[str, Any] = {"rows": len(rows), "digest": None}
        if len(matched) < len(rows):
            originals = [f"source_{name}" if name in _IDS else name for name in columns]
            nobodys = rows.filter(unmatched).select(originals).rename_columns(columns)
            pq.write_table(nobodys, partial / "nobody.parquet")
        if len(matched):
            path, ordered = partial / f"{part.month}.parquet", sorted_rows(matched)
            write_month(path, ordered)
            summary = summarise(con.cursor(), path, part.month, ordered).as_json()
            content |= {"digest": digest_of(path), "sight": summary}
        write_json(partial / "part.json", content)


_IDS = ("activity_id", "customer_id")


def _fills_version_2(part: Part) -> bool:
    return any(part.summary.fills(name) for name in SINCE_VERSION_2)


def _columns(part: Part) -> list[str]:
    """The columns that a part's file has."""
    return [name for name in COLUMNS if _fills_version_2(part) or name not in SINCE_VERSION_2]


def _hashed_further(part: Part) -> str:
    """SQL of the pseudonyms of subjects and users, which are ids of people too."""
    if not _fills_version_2(part):
        return ""
    return "".join(f", {KEYED_HASH}('{name} ' || landed.{name}) as {name}" for name in ("subject", "user_id"))


def _query(part: Part, pseudonyms: Pseudonyms) -> str:
    hidden = part.source in pseudonyms.hidden
    query = _ROWS.format(
        names=", ".join(f"landed.{name} as source_{name}" for name in _IDS),
        customer="pseudonym.hashed" if hidden else "coalesce(resolution.customer_id, landed.customer_id)",
        activity=f"{KEYED_HASH}('activity ' || landed.activity_id)" if pseudonyms.key else "landed.activity_id",
        columns=", ".join(_columns(part)),
        further=_hashed_further(part) if pseudonyms.key else "",
        rows=month_rows(part.path) if _fills_version_2(part) else f"read_parquet({text(part.path)})",
        kept=part.kept or "true",
        source=text(part.source),
        resolved=RESOLVED,
    )
    return f"{query} {_JOIN_PSEUDONYMS}" if hidden else query
