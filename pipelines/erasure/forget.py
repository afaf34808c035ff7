"""`churn forget CUSTOMER`: out of every store of this project, and never back in.

First the tombstone, so that no pull brings the customer back; then what was published, the other files, DVC's stores.
Files are made again from their data without the customer. Whatever kills it, doing it again comes to the same end. The
sources are the company's own and stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.erasure import published, stores
from pipelines.erasure.dvc_cache import local_stores, purge
from pipelines.erasure.known import customers_in
from pipelines.erasure.report import Forgotten, report_lines
from pipelines.ledger import record, write
from pipelines.ledger.read import FILE as LEDGER
from pipelines.publishing.deliver import Delivery
from pipelines.runtime.errors import ChurnError
from pipelines.settings import artifacts
from pipelines.settings.privacy import Identities, Privacy
from pipelines.sources.identity.resolve import OWN, customers_with_id, ids_of, load_identities, surviving_customer
from pipelines.sources.privacy import vault
from pipelines.sources.privacy.erased import add_tombstones, read_tombstones
from pipelines.sources.privacy.pseudonyms import keyed, required_key
from pipelines.sources.stream import connect

HASHED = "pseudonym"  # the system of keyed hashes, among the tombstones


@dataclass(frozen=True)
class ErasureSettings:
    """What erasure goes by: the table of `identities`, `privacy` with its keys, and where published lists went."""

    identities: Identities | None
    privacy: Privacy
    delivery: Delivery


def forget(customer: str, settings: ErasureSettings, say: Callable[[str], None] = print) -> None:
    """Remove a customer. Nothing of the project may be running meanwhile; repeat it after an interruption.

    Args:
        customer: the customer's id, exactly; where pseudonyms are on, either id. Of an account that became another the
            whole customer is meant.
        settings: whose ids belong together, and where lists went.
        say: gets the report, line by line.

    Raises:
        ChurnError: no id, a key that is needed is missing, or a file cannot be read that may speak of the customer.
    """
    if not customer.strip():
        raise ChurnError("The id is empty. Name one customer, as the list has it: churn forget CUSTOMER")
    finish()
    own = vault.originals([customer]).get(customer, customer)
    ids = known_ids(own, settings)
    owned = [one for system, one in ids if system == OWN]
    known = vault.all_originals()
    hashed = {one for one, customer in known.items() if customer in owned}  # of former keys too
    if settings.privacy.pseudonymise:
        hashed |= {keyed(required_key(settings.privacy), one) for one in owned}
    near = _similar_ids(owned, set(known.values()))
    add_tombstones(settings.privacy, [*ids, *((HASHED, one) for one in sorted(hashed))])
    found = _erase(frozenset([*owned, *hashed]), settings, say, frozenset(one for _, one in ids))
    for line in _suggestions(own, near, settings) if near or not found else ():
        say(line)


def again(settings: ErasureSettings, say: Callable[[str], None] = print) -> None:
    """Finish an erasure that was interrupted, and remove those who were forgotten before wherever they are back.

    They are back where old results were fetched from a remote, or a backup was restored.

    Raises:
        ChurnError: the key of the tombstones is missing, or a file cannot be read that may speak of them.
    """
    finish()
    stones = read_tombstones(settings.privacy)
    paths = [*stores.tables(), *stores.within(artifacts.LISTS)]
    paths += [path for root in local_stores()[0] for path in stores.within(root)]
    there = write.customers() | {one for path in paths for one in customers_in(path)}
    back = frozenset(one for one in there if stones.has(OWN, one) or stones.has(HASHED, one))
    if back:
        _erase(back, settings, say, back)
    else:
        say(f"Nobody of the {len(stones.hashed):,} forgotten ids is back.")


def finish() -> None:
    """What a killed erasure left ready takes its place."""
    record.require_present(LEDGER)
    published.finish()
    stores.finish()


def known_ids(customer: str, settings: ErasureSettings) -> list[tuple[str, str]]:
    """System and id of everything that leads to this customer by `identities.table`, the own id first."""
    con = connect()
    load_identities(con, settings.identities, hidden=settings.privacy.pseudonymise)
    customer = surviving_customer(con, customer)
    return [(OWN, customer), *(pair for pair in ids_of(con, customer) if pair != (OWN, customer))]


def _erase(names: frozenset[str], settings: ErasureSettings, say: Callable[[str], None], texts: frozenset[str]) -> bool:
    """Take customers out of everything. Ids of other systems (`texts`) may be somebody else's own: no column has them.

    Returns:
        Whether anything spoke of them.
    """
    done = Forgotten(published=published.forget_published(names, settings.delivery, texts))
    done.files = stores.forget_in_files(names)
    here, done.elsewhere = local_stores()
    done.purged = [purge(root, names) for root in here]
    for line in report_lines(done):
        say(line)
    faults = [*done.unreadable, *(f"{path}: still speaks of the customer" for path in stores.speaking(names))]
    if faults:
        raise ChurnError(*(f"{fault}. Look into it, or delete it." for fault in dict.fromkeys(faults)))
    return done.found


def _similar_ids(owned: list[str], known: set[str]) -> list[str]:
    """Where nobody is called so: customers whose id differs in capitals, blanks or leading zeros."""
    known = known | {one for path in stores.within(artifacts.DATA / "activity") for one in customers_in(path)}
    alike = set(map(_plain, owned))
    return [] if known & set(owned) else sorted(one for one in known if _plain(one) in alike)


def _plain(customer: str) -> str:
    return customer.strip().casefold().lstrip("0")


def _suggestions(customer: str, near: list[str], settings: ErasureSettings) -> list[str]:
    """Whom the user may have meant."""
    con = connect()
    load_identities(con, settings.identities, hidden=settings.privacy.pseudonymise)
    called = [f"{owner} (whom {system} calls so)" for system, owner in customers_with_id(con, customer)]
    meant = [*near, *called]
    return [f"Did you mean {', or '.join(meant[:3])}? Then forget that id."] if meant else []
