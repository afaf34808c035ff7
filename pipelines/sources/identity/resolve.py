"""One customer, many ids: the ids of each source's system become customer ids, by a table, by a rule, or by both.

Nothing is merged by accident: an id that leads to two customers, or round in a circle, is an error. A row whose id
leads to nobody is counted, named and kept aside, never dropped in silence.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by stream.text.
# ruff: noqa: S608

from __future__ import annotations

from typing import Any

from pipelines.runtime.errors import ChurnError, did_you_mean
from pipelines.runtime.sql import text
from pipelines.settings.privacy import Identities, IdentityTable
from pipelines.settings.reading import Resolution
from pipelines.sources.access.headers import Located, at_hand, digest_at, files_of, locate
from pipelines.sources.access.scan import broken_rows, lines_of, scan
from pipelines.sources.expressions.convert import as_written
from pipelines.sources.privacy import vault
from pipelines.sources.quarantine import Reason

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
    located: list[Located] = []
    if setting.table:
        located, faults = locate(setting.table, "identities.table")
        for file in located:
            faults += _header_faults(setting.table, file)
    if not setting.table:
        for name, system in resolution.systems.items():
            if system not in setting.rules:
                told = did_you_mean(system, setting.rules) or " Add identities.table or identities.rules."
                faults.append(f"params.yaml: sources.{name}.identity: identities has no rule for {system}.{told}")
    return faults


def _header_faults(table: IdentityTable, file: Located) -> list[str]:
    return [
        f"params.yaml: identities.table.columns.{ours}: {file.name} has no column {theirs!r}."
        + did_you_mean(theirs, file.columns)
        for ours, theirs in _columns(table).items()
        if theirs not in file.columns
    ]


def _columns(table: IdentityTable) -> dict[str, str]:
    return {str(ours): theirs for ours, theirs in table.columns.items()} or {name: name for name in _FIELDS}


def identity_versions(identities: Identities | None) -> list[str]:
    """What changes when the content of `identities.table` does, sorted."""
    table = identities.table if identities else None
    return sorted(map(digest_at, files_of(table))) if table else []


def load(con: Any, identities: Identities | None, *, hidden: bool) -> None:
    """Make the table `identity` (system, id, customer_id): ids written alike, merged accounts followed to their end.

    `hidden`: whether messages may not show ids.

    Raises:
        ChurnError: rows without an id, an id with two customers, accounts that were merged in a circle.
    """
    con.execute("create or replace temp table identity (system varchar, id varchar, customer_id varchar)")
    if identities is None or identities.table is None:
        return
    located, _ = locate(identities.table, "identities.table")
    faults: list[str] = []
    for one in located:
        with at_hand(one) as (file, _):
            faults += _load_file(con, identities, identities.table, file)
    if faults:
        raise ChurnError(*faults)
    con.execute("create or replace temp table identity as select distinct * from identity")
    faults = _follow(con, hidden=hidden)
    if faults:
        raise ChurnError(*faults)


def _load_file(con: Any, setting: Identities, table: IdentityTable, file: Located) -> list[str]:
    places = {ours: file.columns.index(theirs) for ours, theirs in _columns(table).items()}
    said = ", ".join(f"{as_written(f'c{i}', file.types[i])} as {ours}" for ours, i in places.items())
    con.execute(f"create or replace temp table told as select record, {said} from ({scan(file)})")
    broken = broken_rows(con, file)
    rows = con.execute("select count(*) from told").fetchall()[0][0]
    con.execute(f"insert into identity select distinct system, {written_alike(setting)}, customer_id from told")
    faults = [
        Reason(file.name, rows + len(broken), fault, field, 1, [line], None).sentence("identities.table")
        for line, fault, field, _ in broken
    ]
    for field in _FIELDS:
        bad = con.execute(f"select record from told where {field} is null order by record").fetchall()
        lines = lines_of(file, [record for (record,) in bad], rows, broken)
        if bad:
            first = [lines[record] for (record,) in bad[:3]]
            faults.append(Reason(file.name, rows, "missing", field, len(bad), first, None).sentence("identities.table"))
    con.execute("drop table told; delete from identity where id is null or system is null or customer_id is null")
    return faults


def rows_of(con: Any, customer: str) -> list[tuple[str, str]]:
    """System and id of all rows of `identity` that lead to a customer."""
    found = con.execute("select system, id from identity where customer_id = $1 order by all", [customer])
    return [(str(system), str(one)) for system, one in found.fetchall()]


def end_of(con: Any, customer: str) -> str:
    """The customer that an account became by `identity`; itself where it was not merged."""
    found = con.execute("select customer_id from identity where system = $1 and id = $2", [OWN, customer]).fetchall()
    return str(found[0][0]) if found else customer


def others_called(con: Any, one: str) -> list[tuple[str, str]]:
    """System and customer of every row of `identity` in which another customer is called `one`."""
    found = con.execute(
        "select system, customer_id from identity where id = $1 and customer_id <> $1 and system <> $2 order by all",
        [one, OWN],
    )
    return [(str(system), str(customer)) for system, customer in found.fetchall()]


def written_alike(setting: Identities | None, system: str | None = None, column: str = "id") -> str:
    """SQL of an id as its system's rule writes it: of one system, or of the column `system` where none is given."""
    rules = setting.rules if setting else {}
    plain = _RULES["trim"].format(column)
    if system is not None:
        return _RULES[rules[system]].format(column) if system in rules else plain
    cases = " ".join(f"when {text(one)} then {_RULES[rule].format(column)}" for one, rule in sorted(rules.items()))
    return f"case system {cases} else {plain} end" if cases else plain


def _follow(con: Any, *, hidden: bool) -> list[str]:
    """Follow merged accounts to their end; name circles and ids with two customers. `hidden`: in the vault alone."""
    pairs = con.execute("select id, customer_id from identity where system = $1 and id <> customer_id", [OWN])
    into: dict[str, set[str]] = {}
    for old, new in pairs.fetchall():
        into.setdefault(old, set()).add(new)
    ends, circles = {}, set[tuple[str, ...]]()
    for old, news in into.items():
        way, now = [old], sorted(news)
        while now and now[0] not in way:
            way.append(now[0])
            now = sorted(into.get(now[0], ()))
        if now:
            circle = way[way.index(now[0]) :]
            first = circle.index(min(circle))
            circles.add((*circle[first:], *circle[: first + 1]))
        ends[old] = way[-1]
    if circles:
        told = vault.shown([" -> ".join(one) for one in sorted(circles)], hidden=hidden)
        return [f"identities.table: {len(circles):,} circles of customer ids: {told}. Say which id each ends in."]
    faults = _two_customers(con, hidden=hidden)
    con.execute("create or replace temp table ends (old varchar, new varchar)")
    con.execute("insert into ends select unnest($1::varchar[]), unnest($2::varchar[])", [[*ends], [*ends.values()]])
    con.execute("update identity set customer_id = new from ends where identity.customer_id = old")
    return faults or _two_customers(con, hidden=hidden)


def _two_customers(con: Any, *, hidden: bool) -> list[str]:
    found = con.execute(
        "select system, id, list_sort(list(distinct customer_id)) as customers from identity group by all "
        "having count(distinct customer_id) > 1 order by all"
    ).fetchall()
    if not found:
        return []
    told = vault.shown([f"{system} {one}: {' and '.join(who[:3])}" for system, one, who in found], hidden=hidden)
    return [
        (
            f"identities.table: {len(found):,} ids stand for two customers ({told}). Keep one row for each id; where "
            "two customers are one person now, add a row: system customer_id, id the old one, customer_id the new one."
        )
    ]


def must_be_led(con: Any, resolution: Resolution) -> list[str]:
    """Sources whose ids may lead elsewhere: those of other systems, and all where accounts were merged."""
    merged = con.execute("select count(*) from identity where system = $1", [OWN]).fetchall()[0][0]
    return [name for name in resolution.sources if merged or name in resolution.systems]


def no_leads(con: Any) -> None:
    """Make the empty temp table `who` (source, theirs, customer_id)."""
    con.execute("create or replace temp table who (source varchar, theirs varchar, customer_id varchar)")


def lead(con: Any, identities: Identities | None, name: str, system: str | None) -> None:
    """Rows of `who` for one source of `people` (source, customer_id): where its ids lead; null is nowhere.

    The customers' own ids need none unless accounts were merged.
    """
    alike = written_alike(identities, system, "people.customer_id")
    if system is None:
        con.execute(
            f"insert into who select distinct {text(name)}, people.customer_id, identity.customer_id from people "
            f"join identity on identity.system = {text(OWN)} and identity.id = {alike} where source = {text(name)}"
        )
        return
    rules = identities.rules if identities else {}
    listed = con.execute("select count(*) from identity where system = $1", [system]).fetchall()[0][0]
    alone = alike if system in rules and not listed else "null"
    con.execute(
        f"insert into who select distinct {text(name)}, people.customer_id, "
        f"coalesce(merged.customer_id, identity.customer_id, {alone}) from people "
        f"left join identity on identity.system = {text(system)} and identity.id = {alike} "
        f"left join identity as merged on merged.system = {text(OWN)} "
        f"and merged.id = coalesce(identity.customer_id, {alone}) where source = {text(name)}"
    )
