"""Landed parts -> the same parts about customers: ids resolved, pseudonyms in their place where they are asked for.

    data/landing/.about/{branch}/{key}/2024-05.parquet     a part's rows as they go into the stream
                                      /2024-05.hashes      see sight.py
                                      /nobody.parquet      rows whose id is no customer's, as the source has them
                                      /part.json           how many rows it had; digest and sight of its file
    data/landing/.about/{branch}/ids/{digest}.parquet      the ids that a part speaks of
    data/landing/.about/{branch}/leads.json                where they lead, as a digest for each part

Each part is done by itself, and again only when its rows are others, the key is another or one of its own ids leads
elsewhere: a new line in the table of identities costs the parts that speak of it. A part in which nothing changes stays
the one that was landed.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by stream.text.
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

from features.activity import ACTIVITY_SCHEMA
from pipelines.runtime.files import digest_of, read_json, whole_folder, write_json, write_parquet
from pipelines.runtime.sql import text
from pipelines.sources.landing.file_summary import Sight, look
from pipelines.sources.landing.month_writer import in_order, write_month
from pipelines.sources.landing.store import FORM, Part
from pipelines.sources.stream import COLUMNS

_FORM = (2, *FORM)
_LEADS_FILE = "leads.json"
_LEADS = """
select part, count(*), bit_xor(hash(theirs, leads.customer_id)), sum(hash(leads.customer_id, theirs))
from people as spoken join who as leads on spoken.source = leads.source and spoken.customer_id = leads.theirs
group by part
"""
_ROWS = """
select {names}, landed.* replace ({customer} as customer_id, {activity} as activity_id),
    leads.theirs is not null and leads.customer_id is null as nobodys
from (select {columns} from read_parquet({path}) where {kept}) as landed
left join (select theirs, customer_id from who where source = {source}) as leads on leads.theirs = landed.customer_id
"""
_NAMES = """
select customer_id, keyed(customer_id) from (
    select distinct coalesce(leads.customer_id, spoken.customer_id) as customer_id
    from ({spoken}) as spoken left join who as leads
        on spoken.source = leads.source and spoken.customer_id = leads.theirs
    where leads.theirs is null or leads.customer_id is not null
)
"""
_NAMED = "left join named on named.customer_id = coalesce(leads.customer_id, landed.customer_id)"


@dataclass(frozen=True)
class Names:
    """How ids become names: of `hidden` sources keyed hashes take their place, of all their rows' ids do.

    `key`: tells one key of pseudonyms from another without telling it; None where there are none, and then the macro
    `keyed` need not be there. `remember`: called with keyed hash -> id before a row under a new pseudonym is written.
    """

    key: str | None = None
    hidden: frozenset[str] = frozenset()
    remember: Callable[[Mapping[str, str]], None] = lambda _: None


@dataclass
class Leads:
    """Where the ids of parts lead under one table of identities: a digest for each part, None where nowhere else."""

    kept: Path
    table: str
    known: dict[str, list[str] | None]

    @classmethod
    def of(cls, kept: Path, table: str) -> Leads:
        """What an earlier pull found. `table`: what changes when the identities do; then nothing is known."""
        path = kept / _LEADS_FILE
        try:
            told = read_json(path) if path.is_file() else {}
        except json.JSONDecodeError:
            told = {}
        return cls(kept, table, told["leads"] if told.get("table") == table else {})

    def key(self, part: Part, names: Names) -> str:
        """Everything that decides what becomes of a part: its rows, where its ids lead, the key of pseudonyms."""
        hidden = part.source in names.hidden
        said = [_FORM, part.source, part.digest, part.kept_by, self.known[_called(part)], names.key, hidden]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]

    def wanting(self, parts: Sequence[Part], names: Names) -> list[Part]:
        """Parts that must be met: it is not known where their ids lead, or they are not translated yet."""
        return [part for part in parts if _called(part) not in self.known or not self._done(part, names)]

    def stays(self, part: Part, names: Names) -> bool:
        """Whether a part is about customers as it is: none of its ids leads elsewhere, and nothing is hidden."""
        return names.key is None and self.known[_called(part)] is None

    def _done(self, part: Part, names: Names) -> bool:
        return self.stays(part, names) or (self.kept / self.key(part, names) / "part.json").is_file()

    def learn(self, con: Any, met: Sequence[Part], parts: Sequence[Part]) -> None:
        """Look where the ids of parts lead, by `people` and `who`, and keep it for all `parts` there are."""
        found = {place: list(map(str, told)) for place, *told in con.execute(_LEADS).fetchall()}
        self.known |= {_called(part): found.get(place) for place, part in enumerate(met)}
        self.known = {name: self.known[name] for name in sorted(map(_called, parts))}
        write_json(self.kept / _LEADS_FILE, {"table": self.table, "leads": self.known})


def _called(part: Part) -> str:
    return f"{part.source} {part.digest}"


def meet(con: Any, parts: Sequence[Part], kept: Path, sources: Sequence[str]) -> None:
    """Make the temp view `people` (part, source, customer_id): the ids that parts of `sources` speak of, each once.

    `part` is the place among `parts`. They are looked up once for each part and kept.
    """
    spoken = []
    for place, part in enumerate(parts):
        if part.source not in sources:
            continue
        file = kept / "ids" / f"{part.digest}.parquet"
        if not file.is_file():
            ids = con.sql(f"select distinct customer_id from read_parquet({text(part.path)}) order by customer_id")
            write_parquet(file, ids.to_arrow_table(), repeated=[])
        named = f"{place} as part, {text(part.source)} as source"
        spoken.append(f"select {named}, customer_id from read_parquet({text(file)})")
    nobody = "select 0 as part, '' as source, '' as customer_id where false"
    con.execute(f"create or replace temp view people as {' union all '.join(spoken) or nobody}")


def translated(con: Any, parts: Sequence[Part], names: Names, leads: Leads) -> tuple[list[Part], Counter[str]]:
    """Parts without rows of nobody, under customers' ids or their pseudonyms; those without a row left are left out.

    Needs the temp table `who` (source, theirs, customer_id; null: nobody) with the ids of parts that are not done yet.
    Fills the temp table `nobodys` with rows of nobody, as `stream` has them.

    Returns:
        The parts, and how many rows each source had.
    """
    kept, keys = leads.kept, ["" if leads.stays(part, names) else leads.key(part, names) for part in parts]
    todo = {
        key: part for key, part in zip(keys, parts, strict=True) if key and not (kept / key / "part.json").is_file()
    }
    _name(con, list(todo.values()), names)
    for key, part in todo.items():
        _translate(con, part, kept / key, names)
    con.execute("create or replace temp table nobodys as select * from stream where false")
    rows, made = Counter[str](), list[Part]()
    for key, part in zip(keys, parts, strict=True):
        of_part, good = _made(con, part, kept / key) if key else (part.sight.rows, [part])
        rows[part.source] += of_part
        made += good
    _keep_only(kept, {*keys, "ids", _LEADS_FILE}, {f"{part.digest}.parquet" for part in parts})
    return made, rows


def _made(con: Any, part: Part, folder: Path) -> tuple[int, list[Part]]:
    """How many rows a part had, and what became of it; its rows of nobody to `nobodys`."""
    told = read_json(folder / "part.json")
    if (nobody := folder / "nobody.parquet").is_file():
        con.execute(f"insert into nobodys select {text(part.source)}, * from read_parquet({text(nobody)})")
    if not told["digest"]:
        return told["rows"], []
    path = folder / f"{part.month}.parquet"
    sight = Sight.of(told["sight"], path.with_suffix(".hashes"))
    return told["rows"], [Part(part.source, part.month, path, told["digest"], sight)]


def _keep_only(kept: Path, names: set[str], ids: set[str]) -> None:
    for path in kept.iterdir() if kept.is_dir() else ():
        if path.name not in names:
            shutil.rmtree(path, ignore_errors=True)
    for file in (kept / "ids").glob("*.parquet"):
        if file.name not in ids:
            file.unlink(missing_ok=True)


def _name(con: Any, parts: Sequence[Part], names: Names) -> None:
    """Make the temp table `named` (customer_id, hashed) of the customers that parts speak of, and remember them."""
    con.execute("create or replace temp table named (customer_id varchar, hashed varchar)")
    hidden = [part for part in parts if part.source in names.hidden]
    if not hidden:
        return
    spoken = " union all ".join(
        f"select distinct {text(part.source)} as source, customer_id from read_parquet({text(part.path)})"
        for part in hidden
    )
    con.execute(f"insert into named {_NAMES.format(spoken=spoken)}")
    names.remember(dict(con.execute("select hashed, customer_id from named").fetchall()))


def _translate(con: Any, part: Part, folder: Path, names: Names) -> None:
    """Write what becomes of a part to a folder."""
    rows = con.sql(_query(part, names)).to_arrow_table()
    nobodys = rows["nobodys"]
    good = rows.filter(pc.invert(nobodys)).select(COLUMNS).cast(ACTIVITY_SCHEMA)
    with whole_folder(folder) as partial:
        told: dict[str, Any] = {"rows": len(rows), "digest": None}
        if len(good) < len(rows):
            left = [f"their_{name}" if name in _IDS else name for name in COLUMNS]
            pq.write_table(rows.filter(nobodys).select(left).rename_columns(COLUMNS), partial / "nobody.parquet")
        if len(good):
            path, ordered = partial / f"{part.month}.parquet", in_order(good)
            write_month(path, ordered)
            sight = look(con.cursor(), path, part.month, ordered).told()
            told |= {"digest": digest_of(path), "sight": sight}
        write_json(partial / "part.json", told)


_IDS = ("activity_id", "customer_id")


def _query(part: Part, names: Names) -> str:
    hidden = part.source in names.hidden
    query = _ROWS.format(
        names=", ".join(f"landed.{name} as their_{name}" for name in _IDS),
        customer="named.hashed" if hidden else "coalesce(leads.customer_id, landed.customer_id)",
        activity="keyed('activity ' || landed.activity_id)" if names.key else "landed.activity_id",
        columns=", ".join(COLUMNS),
        path=text(part.path),
        kept=part.kept or "true",
        source=text(part.source),
    )
    return f"{query} {_NAMED}" if hidden else query
