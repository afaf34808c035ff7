"""Whom a row is about, between reading and cutting: identities, then those who are forgotten, then pseudonyms."""

# Queries are put together from our own column names; whatever comes from outside is quoted by stream.text.
# ruff: noqa: S608

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.params import Settings
from pipelines.problems import Problem
from pipelines.source_settings import Ledger
from pipelines.sources import vault
from pipelines.sources.identities import (
    OWN,
    faults_of_identities,
    identity_versions,
    load,
    resolve,
    systems,
    written_alike,
)
from pipelines.sources.pseudonyms import install, keyed, pseudonymise, required_key
from pipelines.sources.stream import text
from pipelines.sources.tombstones import FILE, tombstones
from pipelines.tables import digest_of


def faults_of_privacy(settings: Settings) -> list[str]:
    """What is wrong with `identities:` and `privacy:`, the key and the list of the forgotten."""
    faults = faults_of_identities(settings)
    try:
        if settings.privacy.pseudonymise:
            required_key(settings)
        tombstones(settings)
    except Problem as problem:
        faults += problem.faults
    return faults


def settle(con: Any, settings: Settings, moment: int, aside: Path, *, keep: bool = True) -> list[str]:
    """Leave only customer ids in `stream`: other systems' ids resolved, the forgotten gone, pseudonyms where asked for.

    Args:
        con: the connection with `stream` and `rejected`.
        settings: of params.yaml.
        moment: microseconds UTC; rows after it are not spoken of.
        aside: the CSV for rows of nobody. With pseudonyms it lies in the vault instead: it holds ids.
        keep: False for a mere look, which must not write to the vault.

    Returns:
        What a person should know: rows of nobody.
    """
    if settings.privacy.pseudonymise and keep:
        aside.unlink(missing_ok=True)
        aside = vault.private_folder(vault.FOLDER) / aside.name
    load(con, settings)
    con.execute("delete from stream where is_forgotten(source, customer_id)")
    notes = resolve(con, settings, moment, aside)
    if settings.privacy.pseudonymise:
        install(con, required_key(settings), "keyed")
        found = pseudonymise(con, ours=[name for name, one in settings.sources.items() if isinstance(one, Ledger)])
        if keep:
            vault.remember(found)
    return notes


def hide_found(con: Any, settings: Settings) -> None:
    """With pseudonyms the quarantine does not repeat what stood in a bad row: nobody knows what it was."""
    if settings.privacy.pseudonymise:
        con.execute("update rejected set found = null")


def watch_for_the_forgotten(con: Any, settings: Settings) -> None:
    """Make the SQL macro `is_forgotten(source, id)`: whether a row, as a source has it, must not be kept anywhere.

    True where the id of the source's system was forgotten, or the customer that it leads to by table or rule.

    Raises:
        Problem: somebody was forgotten and the key is missing; the identities are faulty.
    """
    stones = tombstones(settings)
    if not stones.hashed:
        con.execute("create or replace temp macro is_forgotten(source, one) as false")
        return
    install(con, stones.key, "buried")
    load(con, settings)
    con.execute("create or replace temp table forgotten as select unnest($1) as hashed", [sorted(stones.hashed)])
    con.execute(
        "create or replace temp table forgotten_id as select system, id from identity "
        f"where buried('{OWN} ' || customer_id) in (from forgotten)"
    )
    named = systems(settings)
    cases = [f"when {text(name)} then {_leads_to_the_forgotten(settings, system)}" for name, system in named.items()]
    own = _leads_to_the_forgotten(settings, OWN)
    found = f"case source {' '.join(cases)} else {own} end" if cases else own
    con.execute(f"create or replace temp macro is_forgotten(source, one) as coalesce({found}, false)")


def _leads_to_the_forgotten(settings: Settings, system: str) -> str:
    """SQL: whether the id `one` of a system does. A system's 7 is the customer 7 only where a rule alone says so."""
    alike = written_alike(settings.identities, system, "one")
    own = f"buried('{OWN} ' || {alike}) in (from forgotten) and {text(system)} not in (select system from identity)"
    return (
        f"(buried({text(system + ' ')} || {alike}) in (from forgotten) or ({own}) "
        f"or {alike} in (select id from forgotten_id where system = {text(system)}))"
    )


def settle_customers(table: pa.Table, settings: Settings) -> pa.Table:
    """The customers table without the forgotten, under pseudonyms where asked for, sorted as before."""
    stones = tombstones(settings)
    place = table.schema.get_field_index("customer_id")
    if stones.hashed:
        keep = [not stones.has(OWN, one) for one in table["customer_id"].to_pylist()]
        table = table.filter(pa.array(keep, pa.bool_()))
    if settings.privacy.pseudonymise:
        key = required_key(settings)
        hashed = pa.array([keyed(key, one) for one in table["customer_id"].to_pylist()], pa.string())
        table = table.set_column(place, table.schema.field(place), hashed)
        table = table.sort_by([(name, "ascending") for name in table.column_names])
    return table


def fingerprint_of_privacy(settings: Settings) -> dict[str, Any]:
    """What besides the sources decides whom the stream is about: identities, the forgotten, the key (as a hash)."""
    key = keyed(required_key(settings), "fingerprint") if settings.privacy.pseudonymise else None
    return {
        "identities": identity_versions(settings),
        "forgotten": digest_of(FILE) if FILE.is_file() else None,
        "key": key,
    }
