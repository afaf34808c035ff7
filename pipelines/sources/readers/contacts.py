"""The contacts table of params.yaml: names, addresses, consents. Read when a list is written, and kept nowhere.

It is read into memory only, never into the landing store, DVC, features or MLflow. No message and no log repeats its
content. It must be right as a whole: a guessed consent is worse than no list.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.runtime.errors import ChurnError
from pipelines.settings.campaign.contacts import COLUMNS, DETAILS, ContactDatabase, ContactFiles, is_consent
from pipelines.settings.reading import ContactReading
from pipelines.sources.access.database import connected
from pipelines.sources.access.headers import digest_at, files_of, locate
from pipelines.sources.expressions.cell import cell
from pipelines.sources.expressions.types import Shape
from pipelines.sources.identity.resolve import create_resolved, load_identities, resolve_source
from pipelines.sources.identity.settle import apply_privacy
from pipelines.sources.readers.contact_rows import SECTION, fetched_rows, load_rows
from pipelines.sources.readers.mapping_checks import contact_columns, contact_faults
from pipelines.sources.relations import MENTIONED, RESOLVED
from pipelines.sources.stream import connect

if TYPE_CHECKING:
    import pandas as pd


def faults_of_contacts(reading: ContactReading) -> list[str]:
    """What is wrong with `contacts:`, found by headers and schemas alone; empty where it is not set."""
    setting = reading.table
    if setting is None:
        return []
    shapes: list[Shape] = []
    faults: list[str] = []
    try:
        if isinstance(setting, ContactDatabase):
            with connected(setting, SECTION) as database:
                shapes.append(database.shape())
        else:
            located, faults = locate(setting, SECTION)
            shapes.extend(located)
    except ChurnError as problem:
        return list(problem.faults)
    return faults + contact_faults(setting, shapes) + _identity_faults(reading)


def _identity_faults(reading: ContactReading) -> list[str]:
    system, identities = reading.table.identity if reading.table else None, reading.identities
    if system is None or (identities and (identities.table or system in identities.rules)):
        return []
    return [f"params.yaml: contacts.identity: identities says nothing of {system}. Add identities.table or a rule."]


def _faultless(reading: ContactReading) -> ContactFiles | ContactDatabase | None:
    """The section `contacts:`, or a ChurnError that says what is wrong with it."""
    faults = faults_of_contacts(reading)
    if faults:
        raise ChurnError(*faults)
    return reading.table


def contacts_digest(reading: ContactReading) -> str | None:
    """What changes when the content of the contacts table does (of files their bytes, of a database its rows).

    None where `contacts:` is not set.

    Raises:
        ChurnError: it cannot be read.
    """
    setting = _faultless(reading)
    if setting is None:
        return None
    rows = _rows_of(setting) if isinstance(setting, ContactDatabase) else map(digest_at, files_of(setting))
    return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()


def _rows_of(setting: ContactDatabase) -> Iterator[str]:
    con = connect()
    with fetched_rows(con, setting) as (shape, rows):
        wanted = contact_columns(setting, shape)
        selected = ", ".join(f"({cell(theirs, shape).sql})::varchar" for theirs in wanted.values())
        yield from map(repr, con.execute(f"select {selected} from ({rows})").fetchall())


def read_contacts(reading: ContactReading) -> pd.DataFrame | None:
    """The contacts table; None where `contacts:` is not set.

    Returns:
        One row per customer, sorted by customer_id: the columns of settings.contacts.COLUMNS and a `consent_{channel}`
        for each one that the table has. Empty text is null; an empty `do_not_contact` is False; an empty consent
        (`boolean`) is null: unknown. Erased customers are left out; with `privacy.pseudonymise` ids are pseudonyms.

    Raises:
        ChurnError: the table is not there, a row has no customer, a customer stands on several rows, a consent is
            neither yes nor no, a preferred channel is none; all faults at once, by lines.
    """
    setting = _faultless(reading)
    if setting is None:
        return None
    con = connect()
    faults = load_rows(con, setting)
    if faults:
        raise ChurnError(*faults)
    parts = [name for (name,) in con.execute("show tables").fetchall() if name.startswith("contact_rows_")]
    con.execute(f"create temp table contact as {' union all by name '.join(f'from {name}' for name in sorted(parts))}")
    con.execute("alter table contact drop column record")
    _resolve(con, reading, setting.identity)
    _require_one_row_each(con, reading)
    return _frame(
        apply_privacy(con.sql("select * from contact order by customer_id").to_arrow_table(), reading.privacy)
    )


def _resolve(con: Any, reading: ContactReading, system: str | None) -> None:
    """Resolve ids as those of sources. Contacts who are no customers are dropped: a CRM knows more than customers."""
    if reading.identities is None:
        return
    load_identities(con, reading.identities, hidden=reading.privacy.pseudonymise)
    create_resolved(con)
    con.execute(f"create temp view {MENTIONED} as select '{SECTION}' as source, customer_id from contact")
    resolve_source(con, reading.identities, SECTION, system)
    # Of accounts that became one, the surviving account's row counts.
    merged = "source_id <> resolution.customer_id and resolution.customer_id in (select customer_id from contact)"
    dropped = "resolution.customer_id is null" if system else merged
    con.execute(
        "create or replace temp table contact as "
        "select contact.* replace (coalesce(resolution.customer_id, contact.customer_id) as customer_id) from contact "
        f"left join {RESOLVED} as resolution on source_id = contact.customer_id where not coalesce({dropped}, false)"
    )


def _require_one_row_each(con: Any, reading: ContactReading) -> None:
    repeated = con.execute("select customer_id from contact group by all having count(*) > 1 order by 1").fetchall()
    if repeated:
        hidden = reading.privacy.pseudonymise or (reading.table and reading.table.identity)
        shown = (
            "" if hidden else f" ({', '.join(one for (one,) in repeated[:5])}{', ...' if len(repeated) > 5 else ''})"
        )
        raise ChurnError(
            f"contacts: {len(repeated):,} customers stand on several rows{shown}. Keep one row per customer."
        )


def _frame(table: pa.Table) -> pd.DataFrame:
    import pandas as pd

    contacts = table.to_pandas()
    nothing = {name: pd.Series(None, index=contacts.index, dtype="object") for name in COLUMNS}
    texts = {name: contacts.get(name, nothing[name]).astype("str") for name in ("customer_id", *DETAILS)}
    flags = {name: contacts[name].astype("boolean") for name in sorted(filter(is_consent, contacts.columns))}
    blocked = contacts.get("do_not_contact", nothing["do_not_contact"]).astype("boolean")
    return pd.DataFrame({**texts, "do_not_contact": blocked.fillna(value=False).astype(bool), **flags})
