"""Identity resolution: the ids of each source's system become customer ids, by a table, by a rule, or by both.

Nothing is merged by accident: an id that resolves to two customers, or merges in a circle, is an error. A row whose id
resolves to no customer is counted, named and kept in a CSV, never dropped silently.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

from typing import Any

from pipelines.runtime.errors import ChurnError, did_you_mean
from pipelines.runtime.sql import text
from pipelines.runtime.text.column_names import nearest_column
from pipelines.settings.privacy import Identities, IdentityTable
from pipelines.settings.reading import Resolution
from pipelines.sources.access.headers import LocatedFile, digest_at, files_of, local_copy, locate
from pipelines.sources.access.scan import broken_rows, lines_of, scan
from pipelines.sources.expressions.convert import as_text
from pipelines.sources.privacy import vault
from pipelines.sources.quarantine import Reason
from pipelines.sources.relations import IDENTITY, MENTIONED, RESOLVED

OWN = "customer_id"  # the system of the customers' own ids
_FIELDS = ("system", "id", OWN)
_RULES = {
    "email": "case when regexp_full_match(lower(trim({0})), '[^@\\s]+@[^@\\s]+') then lower(trim({0})) end",
    "lower": "nullif(lower(trim({0})), '')",
    "trim": "nullif(trim({0}), '')",
    "digits": "nullif(regexp_replace({0}, '[^0-9]', '', 'g'), '')",
}


def faults_of_identities(resolution: Resolution) -> list[str]:
    """What is wrong with `identities:` and with sources that need it, found by headers alone."""
    setting, faults = resolution.identities or Identities.model_construct(), list[str]()
    located: list[LocatedFile] = []
    if setting.table:
        located, faults = locate(setting.table, "identities.table")
        for file in located:
            faults += _header_faults(setting.table, file)
    if not setting.table:
        for name, system in resolution.systems.items():
            if system not in setting.rules:
                hint = did_you_mean(system, setting.rules) or " Add identities.table or identities.rules."
                faults.append(f"params.yaml: sources.{name}.identity: identities has no rule for {system}.{hint}")
    return faults


def _header_faults(table: IdentityTable, file: LocatedFile) -> list[str]:
    return [
        f"params.yaml: identities.table.columns.{ours}: {file.name} has no column {theirs!r}."
        + nearest_column(theirs, file.columns)
        for ours, theirs in _columns(table).items()
        if theirs not in file.columns
    ]


def _columns(table: IdentityTable) -> dict[str, str]:
    told = {str(ours): theirs for ours, theirs in table.columns.items()}
    return told or {name: name for name in _FIELDS if not (name == "system" and table.system)}


def identity_versions(identities: Identities | None) -> list[str]:
    """What changes when the content of `identities.table` does, sorted."""
    table = identities.table if identities else None
    return sorted(map(digest_at, files_of(table))) if table else []


def load_identities(con: Any, identities: Identities | None, *, hidden: bool) -> None:
    """Create IDENTITY (system, id, customer_id) with normalised ids; merged accounts lead to the surviving one.

    `hidden`: whether messages may not show ids.

    Raises:
        ChurnError: rows without an id, an id with two customers, accounts that were merged in a circle.
    """
    con.execute(f"create or replace temp table {IDENTITY} (system varchar, id varchar, customer_id varchar)")
    if identities is None or identities.table is None:
        return
    located, _ = locate(identities.table, "identities.table")
    faults: list[str] = []
    for remote in located:
        with local_copy(remote) as (file, _):
            faults += _load_file(con, identities, identities.table, file)
    if faults:
        raise ChurnError(*faults)
    con.execute(f"create or replace temp table {IDENTITY} as select distinct * from {IDENTITY}")
    faults = _follow_merges(con, hidden=hidden)
    if faults:
        raise ChurnError(*faults)


def _load_file(con: Any, setting: Identities, table: IdentityTable, file: LocatedFile) -> list[str]:
    places = {ours: file.columns.index(theirs) for ours, theirs in _columns(table).items()}
    taken = {"system": text(table.system or "")}
    taken |= {ours: as_text(f"c{i}", file.types[i]) for ours, i in places.items()}
    columns = ", ".join(f"{sql} as {ours}" for ours, sql in taken.items())
    con.execute(f"create or replace temp table identity_rows as select record, {columns} from ({scan(file)})")
    broken = broken_rows(con, file)
    rows = con.execute("select count(*) from identity_rows").fetchall()[0][0]
    con.execute(f"insert into {IDENTITY} select distinct system, {normalised(setting)}, customer_id from identity_rows")
    faults = [
        Reason(file.name, rows + len(broken), fault, field, 1, [line], None).sentence("identities.table")
        for line, fault, field, _ in broken
    ]
    for field in _FIELDS:
        bad = con.execute(f"select record from identity_rows where {field} is null order by record").fetchall()
        lines = lines_of(file, [record for (record,) in bad], rows, broken)
        if bad:
            first = [lines[record] for (record,) in bad[:3]]
            faults.append(Reason(file.name, rows, "missing", field, len(bad), first, None).sentence("identities.table"))
    con.execute(
        f"drop table identity_rows; delete from {IDENTITY} where id is null or system is null or customer_id is null"
    )
    return faults


def ids_of(con: Any, customer: str) -> list[tuple[str, str]]:
    """System and id of all rows of IDENTITY that resolve to a customer."""
    rows = con.execute(f"select system, id from {IDENTITY} where customer_id = $1 order by all", [customer])
    return [(str(system), str(identifier)) for system, identifier in rows.fetchall()]


def surviving_customer(con: Any, customer: str) -> str:
    """The customer that an account was merged into by IDENTITY; itself where it was not merged."""
    query = f"select customer_id from {IDENTITY} where system = $1 and id = $2"
    rows = con.execute(query, [OWN, customer]).fetchall()
    return str(rows[0][0]) if rows else customer


def customers_with_id(con: Any, identifier: str) -> list[tuple[str, str]]:
    """System and customer of every row of IDENTITY in which another customer has this id in some other system."""
    rows = con.execute(
        f"select system, customer_id from {IDENTITY} where id = $1 and customer_id <> $1 and system <> $2 order by all",
        [identifier, OWN],
    )
    return [(str(system), str(customer)) for system, customer in rows.fetchall()]


def normalised(setting: Identities | None, system: str | None = None, column: str = "id") -> str:
    """SQL of an id normalised by its system's rule: of one system, or of the column `system` where none is given."""
    rules = setting.rules if setting else {}
    plain = _RULES["trim"].format(column)
    if system is not None:
        return _RULES[rules[system]].format(column) if system in rules else plain
    cases = " ".join(f"when {text(name)} then {_RULES[rule].format(column)}" for name, rule in sorted(rules.items()))
    return f"case system {cases} else {plain} end" if cases else plain


def _follow_merges(con: Any, *, hidden: bool) -> list[str]:
    """Follow merged accounts to the surviving one; faults are circles and ids with two customers.

    `hidden`: faults show no ids; the vault lists them.
    """
    pairs = con.execute(f"select id, customer_id from {IDENTITY} where system = $1 and id <> customer_id", [OWN])
    merged_into: dict[str, set[str]] = {}
    for old, new in pairs.fetchall():
        merged_into.setdefault(old, set()).add(new)
    survivors, circles = {}, set[tuple[str, ...]]()
    for old, news in merged_into.items():
        path, following = [old], sorted(news)
        while following and following[0] not in path:
            path.append(following[0])
            following = sorted(merged_into.get(following[0], ()))
        if following:
            circle = path[path.index(following[0]) :]
            first = circle.index(min(circle))
            circles.add((*circle[first:], *circle[: first + 1]))
        survivors[old] = path[-1]
    if circles:
        examples = vault.describe_examples([" -> ".join(circle) for circle in sorted(circles)], hidden=hidden)
        return [f"identities.table: {len(circles):,} circles of customer ids: {examples}. Say which id each ends in."]
    faults = _ambiguous_ids(con, hidden=hidden)
    con.execute("create or replace temp table survivor (old varchar, new varchar)")
    con.execute(
        "insert into survivor select unnest($1::varchar[]), unnest($2::varchar[])",
        [[*survivors], [*survivors.values()]],
    )
    con.execute(f"update {IDENTITY} set customer_id = new from survivor where {IDENTITY}.customer_id = old")
    return faults or _ambiguous_ids(con, hidden=hidden)


def _ambiguous_ids(con: Any, *, hidden: bool) -> list[str]:
    rows = con.execute(
        f"select system, id, list_sort(list(distinct customer_id)) as customers from {IDENTITY} group by all "
        "having count(distinct customer_id) > 1 order by all"
    ).fetchall()
    if not rows:
        return []
    named = [f"{system} {identifier}: {' and '.join(customers[:3])}" for system, identifier, customers in rows]
    examples = vault.describe_examples(named, hidden=hidden)
    return [
        (
            f"identities.table: {len(rows):,} ids stand for two customers ({examples}). Keep one row for each id; "
            "where two customers are one person now, add a row: system customer_id, id the old one, customer_id the "
            "new one."
        )
    ]


def sources_to_resolve(con: Any, resolution: Resolution) -> list[str]:
    """Sources whose ids may resolve to another id: those of other systems, and all where accounts were merged."""
    merged = con.execute(f"select count(*) from {IDENTITY} where system = $1", [OWN]).fetchall()[0][0]
    return [name for name in resolution.sources if merged or name in resolution.systems]


def create_resolved(con: Any) -> None:
    """Create RESOLVED (source, source_id, customer_id), empty."""
    con.execute(f"create or replace temp table {RESOLVED} (source varchar, source_id varchar, customer_id varchar)")


def resolve_source(con: Any, identities: Identities | None, name: str, system: str | None) -> None:
    """Add the ids of one source of MENTIONED to RESOLVED; null where an id is no customer's.

    The customers' own ids need none unless accounts were merged.
    """
    mentioned = f"{MENTIONED}.customer_id"
    alike = normalised(identities, system, mentioned)
    if system is None:
        con.execute(
            f"insert into {RESOLVED} select distinct {text(name)}, {mentioned}, listed.customer_id from {MENTIONED} "
            f"join {IDENTITY} as listed on listed.system = {text(OWN)} and listed.id = {alike} "
            f"where source = {text(name)}"
        )
        return
    rules = identities.rules if identities else {}
    listed = con.execute(f"select count(*) from {IDENTITY} where system = $1", [system]).fetchall()[0][0]
    by_rule = alike if system in rules and not listed else "null"
    con.execute(
        f"insert into {RESOLVED} select distinct {text(name)}, {mentioned}, "
        f"coalesce(merged.customer_id, listed.customer_id, {by_rule}) from {MENTIONED} "
        f"left join {IDENTITY} as listed on listed.system = {text(system)} and listed.id = {alike} "
        f"left join {IDENTITY} as merged on merged.system = {text(OWN)} "
        f"and merged.id = coalesce(listed.customer_id, {by_rule}) where source = {text(name)}"
    )
