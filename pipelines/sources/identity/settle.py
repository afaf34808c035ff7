"""Whom a row is about, between reading and cutting: identities, then those who are forgotten, then pseudonyms."""

# Queries are put together from our own column names; whatever comes from outside is quoted by stream.text.
# ruff: noqa: S608

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from pipelines.runtime.sql import text
from pipelines.settings.privacy import Identities, Privacy
from pipelines.settings.reading import Resolution
from pipelines.settings.sources import Ledger
from pipelines.sources.identity.resolve import (
    OWN,
    faults_of_identities,
    identity_versions,
    lead,
    load,
    must_be_led,
    no_leads,
    written_alike,
)
from pipelines.sources.identity.translate import Leads, Names, meet, translated
from pipelines.sources.identity.unmatched import tell_of_nobody
from pipelines.sources.landing.store import Part
from pipelines.sources.privacy import vault
from pipelines.sources.privacy.erased import FILE, tombstones
from pipelines.sources.privacy.pseudonyms import install, keyed, required_key


def faults_of_privacy(resolution: Resolution) -> list[str]:
    """What is wrong with `identities:` and `privacy:`, the key and the list of the forgotten."""
    faults = faults_of_identities(resolution)
    try:
        if resolution.privacy.pseudonymise:
            required_key(resolution.privacy)
        tombstones(resolution.privacy)
    except ChurnError as problem:
        faults += problem.faults
    return faults


class Settled(NamedTuple):
    """Where settling keeps things.

    kept: translated parts; aside: the CSV of rows of nobody; keep: False for a mere look, which must not write to the
    vault.
    """

    kept: Path
    aside: Path
    keep: bool = True


def settle(
    con: Any, resolution: Resolution, parts: list[Part], moment: int, places: Settled
) -> tuple[list[Part], list[str]]:
    """Parts under customer ids only: other systems' ids resolved, pseudonyms where asked for.

    Args:
        con: the connection.
        resolution: how ids become customer ids.
        parts: what was landed. The forgotten are not in it.
        moment: microseconds UTC; rows after it are not spoken of.
        places: where things are kept.

    Returns:
        The parts, and what a person should know: rows of nobody.
    """
    places.aside.unlink(missing_ok=True)
    if resolution.identities is None and not resolution.privacy.pseudonymise:
        return parts, []
    if resolution.privacy.pseudonymise and not (vault.FOLDER / vault.FILE).is_file():  # fill it again
        shutil.rmtree(places.kept, ignore_errors=True)
    load(con, resolution.identities, hidden=resolution.privacy.pseudonymise)
    led = must_be_led(con, resolution) if resolution.identities else []
    names, leads = _names(con, resolution, places), Leads.of(places.kept, _identities_told(resolution))
    met = leads.wanting(parts, names)
    meet(con, met, places.kept, led)
    no_leads(con)
    for name in led:
        lead(con, resolution.identities, name, resolution.systems.get(name))
    leads.learn(con, met, parts)
    made, rows = translated(con, parts, names, leads)
    return made, tell_of_nobody(con, resolution, moment, rows, _aside(resolution.privacy, places))


def _identities_told(resolution: Resolution) -> str:
    """What changes when the settings or the table of identities do."""
    said = resolution.identities.model_dump(mode="json") if resolution.identities else None
    told = json.dumps([said, resolution.systems, identity_versions(resolution.identities)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def _aside(privacy: Privacy, places: Settled) -> Path:
    """With pseudonyms rows of nobody lie in the vault: they hold ids."""
    if privacy.pseudonymise and places.keep:
        hidden = vault.private_folder(vault.FOLDER) / places.aside.name
        hidden.unlink(missing_ok=True)
        return hidden
    return places.aside


def _names(con: Any, resolution: Resolution, places: Settled) -> Names:
    if not resolution.privacy.pseudonymise:
        return Names()
    key = required_key(resolution.privacy)
    install(con, key, "keyed")
    hidden = frozenset(name for name, one in resolution.sources.items() if not isinstance(one, Ledger))
    return Names(keyed(key, "fingerprint"), hidden, vault.remember if places.keep else lambda _: None)


def hide_found(con: Any, privacy: Privacy) -> None:
    """With pseudonyms the quarantine does not repeat what stood in a bad row: nobody knows what it was."""
    if privacy.pseudonymise:
        con.execute("update rejected set found = null")


def watch_for_the_forgotten(con: Any, resolution: Resolution) -> None:
    """Make the SQL macro `is_forgotten(source, id)`: whether a row, as a source has it, must not be kept anywhere.

    True where the id of the source's system was forgotten, or the customer that it leads to by table or rule.

    Raises:
        ChurnError: somebody was forgotten and the key is missing; the identities are faulty.
    """
    stones = tombstones(resolution.privacy)
    if not stones.hashed:
        con.execute("create or replace temp macro is_forgotten(source, one) as false")
        return
    install(con, stones.key, "buried")
    load(con, resolution.identities, hidden=resolution.privacy.pseudonymise)
    con.execute("create or replace temp table forgotten as select unnest($1) as hashed", [sorted(stones.hashed)])
    con.execute(
        "create or replace temp table forgotten_id as select system, id from identity "
        f"where buried('{OWN} ' || customer_id) in (from forgotten)"
    )
    identities = resolution.identities
    cases = [
        f"when {text(name)} then {_leads_to_the_forgotten(identities, system)}"
        for name, system in resolution.systems.items()
    ]
    own = _leads_to_the_forgotten(identities, OWN)
    found = f"case source {' '.join(cases)} else {own} end" if cases else own
    con.execute(f"create or replace temp macro is_forgotten(source, one) as coalesce({found}, false)")


def _leads_to_the_forgotten(identities: Identities | None, system: str) -> str:
    """SQL: whether the id `one` of a system does. A system's 7 is the customer 7 only where a rule alone says so."""
    alike = written_alike(identities, system, "one")
    own = f"buried('{OWN} ' || {alike}) in (from forgotten) and {text(system)} not in (select system from identity)"
    return (
        f"(buried({text(system + ' ')} || {alike}) in (from forgotten) or ({own}) "
        f"or {alike} in (select id from forgotten_id where system = {text(system)}))"
    )


def settle_customers(table: pa.Table, privacy: Privacy) -> pa.Table:
    """The customers table without the forgotten, under pseudonyms where asked for, sorted as before."""
    stones = tombstones(privacy)
    place = table.schema.get_field_index("customer_id")
    if stones.hashed:
        keep = [not stones.has(OWN, one) for one in table["customer_id"].to_pylist()]
        table = table.filter(pa.array(keep, pa.bool_()))
    if privacy.pseudonymise:
        key = required_key(privacy)
        hashed = pa.array([keyed(key, one) for one in table["customer_id"].to_pylist()], pa.string())
        table = table.set_column(place, table.schema.field(place), hashed)
        table = table.sort_by([(name, "ascending") for name in table.column_names])
    return table


def fingerprint_of_privacy(identities: Identities | None, privacy: Privacy) -> dict[str, Any]:
    """What besides the sources decides whom the stream is about: identities, the forgotten, the key (as a hash)."""
    key = keyed(required_key(privacy), "fingerprint") if privacy.pseudonymise else None
    return {
        "identities": identity_versions(identities),
        "forgotten": digest_of(FILE) if FILE.is_file() else None,
        "key": key,
    }
