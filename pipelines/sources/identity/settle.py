"""Rows under customer ids: identities are resolved, erased customers left out, pseudonyms applied where they are on.

It happens between reading and the cut as of a moment.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
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
    create_resolved,
    faults_of_identities,
    identity_versions,
    load_identities,
    normalised,
    resolve_source,
    sources_to_resolve,
)
from pipelines.sources.identity.translate import Pseudonyms, Resolutions, collect_ids, translate_parts
from pipelines.sources.identity.unmatched import report_unmatched
from pipelines.sources.landing.store import Part
from pipelines.sources.privacy import vault
from pipelines.sources.privacy.erased import FILE, read_tombstones
from pipelines.sources.privacy.pseudonyms import install_macro, keyed, required_key
from pipelines.sources.relations import IDENTITY, IS_ERASED, KEYED_HASH, REJECTED


def faults_of_privacy(resolution: Resolution) -> list[str]:
    """What is wrong with `identities:` and `privacy:`, the key and the tombstones."""
    faults = faults_of_identities(resolution)
    try:
        if resolution.privacy.pseudonymise:
            required_key(resolution.privacy)
        read_tombstones(resolution.privacy)
    except ChurnError as problem:
        faults += problem.faults
    return faults


class ResolutionStore(NamedTuple):
    """Where resolution keeps its results.

    parts: the folder of translated parts. unmatched: the CSV of rows that are no customer's. fill_vault: False for a
    preview, which must not write to the vault.
    """

    parts: Path
    unmatched: Path
    fill_vault: bool = True


def resolve_parts(
    con: Any, resolution: Resolution, parts: list[Part], moment: int, store: ResolutionStore
) -> tuple[list[Part], list[str]]:
    """Parts under customer ids only: other systems' ids resolved, pseudonyms where they are on.

    Args:
        con: the connection.
        resolution: how ids become customer ids.
        parts: what was landed. Erased customers are not in it.
        moment: microseconds UTC; rows after it are not reported.
        store: where results are kept.

    Returns:
        The parts, and notes on rows that are no customer's.
    """
    store.unmatched.unlink(missing_ok=True)
    if resolution.identities is None and not resolution.privacy.pseudonymise:
        return parts, []
    if resolution.privacy.pseudonymise and not (vault.FOLDER / vault.FILE).is_file():  # fill it again
        shutil.rmtree(store.parts, ignore_errors=True)
    load_identities(con, resolution.identities, hidden=resolution.privacy.pseudonymise)
    resolvable = sources_to_resolve(con, resolution) if resolution.identities else []
    pseudonyms, resolutions = (
        _pseudonyms(con, resolution, store),
        Resolutions.of(store.parts, _identities_digest(resolution)),
    )
    unresolved = resolutions.unresolved(parts, pseudonyms)
    collect_ids(con, unresolved, store.parts, resolvable)
    create_resolved(con)
    for name in resolvable:
        resolve_source(con, resolution.identities, name, resolution.systems.get(name))
    resolutions.record(con, unresolved, parts)
    translated, rows = translate_parts(con, parts, pseudonyms, resolutions)
    return translated, report_unmatched(con, resolution, moment, rows, _unmatched_path(resolution.privacy, store))


def _identities_digest(resolution: Resolution) -> str:
    """What changes when the settings or the table of identities do."""
    section = resolution.identities.model_dump(mode="json") if resolution.identities else None
    content = json.dumps([section, resolution.systems, identity_versions(resolution.identities)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _unmatched_path(privacy: Privacy, store: ResolutionStore) -> Path:
    """The CSV of unmatched rows; in the vault where pseudonyms are on, because it holds ids."""
    if privacy.pseudonymise and store.fill_vault:
        private = vault.private_folder(vault.FOLDER) / store.unmatched.name
        private.unlink(missing_ok=True)
        return private
    return store.unmatched


def _pseudonyms(con: Any, resolution: Resolution, store: ResolutionStore) -> Pseudonyms:
    if not resolution.privacy.pseudonymise:
        return Pseudonyms()
    key = required_key(resolution.privacy)
    install_macro(con, key, KEYED_HASH)
    hidden = frozenset(name for name, one in resolution.sources.items() if not isinstance(one, Ledger))
    return Pseudonyms(keyed(key, "fingerprint"), hidden, vault.add if store.fill_vault else lambda _: None)


def redact_quarantine(con: Any, privacy: Privacy) -> None:
    """Where pseudonyms are on, the quarantine repeats nothing of a bad row: it might be an id."""
    if privacy.pseudonymise:
        con.execute(f"update {REJECTED} set found = null")


def install_erasure_filter(con: Any, resolution: Resolution) -> None:
    """Create the SQL macro IS_ERASED: whether a row, as a source has it, must not be kept anywhere.

    True where the id of the source's system was erased, or the customer that it resolves to by table or rule.

    Raises:
        ChurnError: a customer was erased and the key is missing; the identities are faulty.
    """
    stones = read_tombstones(resolution.privacy)
    if not stones.hashed:
        con.execute(f"create or replace temp macro {IS_ERASED}(source, source_id) as false")
        return
    install_macro(con, stones.key, "tombstone_hash")
    load_identities(con, resolution.identities, hidden=resolution.privacy.pseudonymise)
    con.execute("create or replace temp table tombstone as select unnest($1) as hashed", [sorted(stones.hashed)])
    con.execute(
        f"create or replace temp table erased_id as select system, id from {IDENTITY} "
        f"where tombstone_hash('{OWN} ' || customer_id) in (from tombstone)"
    )
    identities = resolution.identities
    cases = [
        f"when {text(name)} then {_is_erased_by(identities, system)}" for name, system in resolution.systems.items()
    ]
    own = _is_erased_by(identities, OWN)
    erased = f"case source {' '.join(cases)} else {own} end" if cases else own
    con.execute(f"create or replace temp macro {IS_ERASED}(source, source_id) as coalesce({erased}, false)")


def _is_erased_by(identities: Identities | None, system: str) -> str:
    """SQL: whether `source_id` of a system was erased. A system's 7 is customer 7 only where a rule alone says so."""
    alike = normalised(identities, system, "source_id")
    unlisted = f"{text(system)} not in (select system from {IDENTITY})"
    own = f"tombstone_hash('{OWN} ' || {alike}) in (from tombstone) and {unlisted}"
    return (
        f"(tombstone_hash({text(system + ' ')} || {alike}) in (from tombstone) or ({own}) "
        f"or {alike} in (select id from erased_id where system = {text(system)}))"
    )


def apply_privacy(table: pa.Table, privacy: Privacy) -> pa.Table:
    """The customers table without erased customers, under pseudonyms where they are on, sorted as before."""
    stones = read_tombstones(privacy)
    column = table.schema.get_field_index("customer_id")
    if stones.hashed:
        keep = [not stones.has(OWN, one) for one in table["customer_id"].to_pylist()]
        table = table.filter(pa.array(keep, pa.bool_()))
    if privacy.pseudonymise:
        key = required_key(privacy)
        hashed = pa.array([keyed(key, one) for one in table["customer_id"].to_pylist()], pa.string())
        table = table.set_column(column, table.schema.field(column), hashed)
        table = table.sort_by([(name, "ascending") for name in table.column_names])
    return table


def fingerprint_of_privacy(identities: Identities | None, privacy: Privacy) -> dict[str, Any]:
    """What besides the sources decides whose rows the stream holds: identities, tombstones, the key (as a hash)."""
    key = keyed(required_key(privacy), "fingerprint") if privacy.pseudonymise else None
    return {
        "identities": identity_versions(identities),
        "forgotten": digest_of(FILE) if FILE.is_file() else None,
        "key": key,
    }
