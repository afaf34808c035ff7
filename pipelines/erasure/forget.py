"""`churn forget CUSTOMER`: out of every store of this project, and never back in.

First the tombstone, so that no pull brings the customer back; then the stores. What the next run makes again is deleted
where it speaks of the customer; what nobody could make again (lists, ledger, vault) is rewritten without them. The
sources are the company's own and stay as they are.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from models.sums import sums_faults
from pipelines.erasure.dvc_cache import Purged, purge, stores
from pipelines.erasure.published import forget_published
from pipelines.erasure.redact import redact
from pipelines.erasure.search import customers_in, distinctive, has_ids, mentions
from pipelines.ledger import record, write
from pipelines.ledger.read import FILE as LEDGER
from pipelines.modelling.model_folder import seal
from pipelines.publishing.deliver import Delivery
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of, read_json, write_json
from pipelines.settings import artifacts
from pipelines.settings.privacy import Identities, Privacy
from pipelines.sources.identity.resolve import OWN, customers_with_id, ids_of, load_identities, surviving_customer
from pipelines.sources.privacy import vault
from pipelines.sources.privacy.erased import FILE, KEY_FILE, add_tombstones, read_tombstones
from pipelines.sources.privacy.pseudonyms import keyed, required_key
from pipelines.sources.stream import connect

REBUILT = ("activity", "features", "validation", "labels", "models", "evaluation", "scores")
HASHED = "pseudonym"  # the system of keyed hashes, among the tombstones
KEPT = (FILE, KEY_FILE, record.file_of(LEDGER))  # the record is written anew from the ledger


@dataclass(frozen=True)
class ErasureSettings:
    """What erasure goes by: the table of `identities`, `privacy` with its keys, and where published lists went."""

    identities: Identities | None
    privacy: Privacy
    delivery: Delivery


@dataclass
class Forgotten:
    """What was done: deleted and rewritten places, DVC stores, remotes out of reach."""

    deleted: list[str] = field(default_factory=list)
    rewritten: list[str] = field(default_factory=list)
    former: list[str] = field(default_factory=list)  # ledgers of before, which were kept aside
    purged: list[Purged] = field(default_factory=list)
    elsewhere: dict[str, str] = field(default_factory=dict)
    published: list[str] = field(default_factory=list)  # places that published lists went to and that are not ours
    found: bool = True  # whether anything spoke of them


def forget(customer: str, settings: ErasureSettings, say: Callable[[str], None] = print) -> None:
    """Remove a customer. Nothing of the project may be running meanwhile; repeat it after an interruption.

    Args:
        customer: the customer's id, exactly; where pseudonyms are on, either id. Of an account that became another the
            whole customer is meant.
        settings: whose ids belong together, and where lists went.
        say: gets the report, line by line.

    Raises:
        ChurnError: a key that is needed is missing, or something of the customer is still there at the end.
    """
    own = vault.originals([customer]).get(customer, customer)
    ids = known_ids(own, settings)
    owned = [one for system, one in ids if system == OWN]
    known = vault.all_originals()
    hashed = {one for one, customer in known.items() if customer in owned}  # of former keys too
    if settings.privacy.pseudonymise:
        hashed |= {keyed(required_key(settings.privacy), one) for one in owned}
    ids += [(HASHED, one) for one in sorted(hashed)]
    near = _similar_ids(owned, set(known.values()))
    add_tombstones(settings.privacy, ids)
    found = _erase(frozenset(one for _, one in ids), settings, say)
    for line in _suggestions(own, near, settings) if near or not found else ():
        say(line)


def _similar_ids(owned: list[str], known: set[str]) -> list[str]:
    """Where nobody is called so: customers whose id differs in capitals, blanks or leading zeros."""
    known = known | {one for path in _within(artifacts.DATA / "activity") for one in customers_in(path)}
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


def again(settings: ErasureSettings, say: Callable[[str], None] = print) -> None:
    """Remove those who were forgotten before wherever they are back: old results fetched from a remote, a backup.

    Raises:
        ChurnError: the key of the tombstones is missing, or something is still there at the end.
    """
    stones = read_tombstones(settings.privacy)
    back = {one for one in write.customers() if stones.has(OWN, one) or stones.has(HASHED, one)}
    for path in [*_within(artifacts.DATA), *(path for root in stores()[0] for path in _within(root))]:
        back |= {one for one in customers_in(path) if stones.has(OWN, one) or stones.has(HASHED, one)}
    if back:
        _erase(frozenset(back), settings, say)
    else:
        say(f"Nobody of the {len(stones.hashed):,} forgotten ids is back.")


def _erase(names: frozenset[str], settings: ErasureSettings, say: Callable[[str], None]) -> bool:
    """Returns whether anything was there."""
    done = _remove(names, settings)
    left = [str(path) for path, sought in _files(names) if mentions(path, sought, loose=False)]
    if left:
        raise ChurnError(*(f"{path}: still speaks of the customer. Delete it." for path in left))
    for line in report_lines(done):
        say(line)
    return done.found


def known_ids(customer: str, settings: ErasureSettings) -> list[tuple[str, str]]:
    """System and id of everything that leads to this customer by `identities.table`, the own id first."""
    con = connect()
    load_identities(con, settings.identities, hidden=settings.privacy.pseudonymise)
    customer = surviving_customer(con, customer)
    return [(OWN, customer), *(pair for pair in ids_of(con, customer) if pair != (OWN, customer))]


def _remove(names: frozenset[str], settings: ErasureSettings) -> Forgotten:
    done = Forgotten()
    landed = any(
        mentions(path, names, loose=True) for path in _within(artifacts.LANDING) if path.suffix in (".parquet", ".json")
    )
    done.rewritten, done.published = forget_published(names, settings.delivery)
    for former in record.set_aside(LEDGER):
        former.unlink()
        done.former.append(former.as_posix())
    # Raw ids, before any rule: all of the landing store goes, which costs the next pull time.
    for place in sorted(artifacts.LANDING.iterdir()) if artifacts.LANDING.is_dir() else []:
        if place.is_dir():
            shutil.rmtree(place)
            done.deleted.append(place.as_posix())
    for place in _rebuilt():
        if any(mentions(path, names, loose=True) for path in _within(place)):
            shutil.rmtree(place) if place.is_dir() else place.unlink()
            done.deleted.append(place.as_posix())
    sealed = [folder for folder in _champions() if not sums_faults(folder)]
    for path, sought in _files(names):
        what = redact(path, sought)
        if what:
            (done.deleted if what == "deleted" else done.rewritten).append(path.as_posix())
    _mend_manifests()
    for folder in sealed:
        if sums_faults(folder):
            seal(folder)
    here, done.elsewhere = stores()
    done.purged = [purge(root, names) for root in here]
    rebuilt = [place for place in done.deleted if not place.startswith(f"{artifacts.LANDING.as_posix()}/")]
    done.found = bool(landed or rebuilt or done.rewritten or any(one.objects for one in done.purged))
    return done


def _champions() -> list[Path]:
    return (
        sorted(folder for folder in artifacts.CHAMPIONS.iterdir() if folder.is_dir())
        if artifacts.CHAMPIONS.is_dir()
        else []
    )


def _rebuilt() -> list[Path]:
    """Outputs that the next run makes again, what the next pull lists again, and copies that experiments left."""
    outs = [
        place
        for kind in REBUILT
        if (artifacts.DATA / kind).is_dir()
        for place in sorted((artifacts.DATA / kind).iterdir())
    ]
    return [*outs, *sorted(vault.FOLDER.glob("unmatched_*.csv")), *sorted(Path(".dvc/tmp/exps").glob("**/data/*"))]


def _within(place: Path) -> Iterator[Path]:
    return (path for path in (sorted(place.rglob("*")) if place.is_dir() else [place]) if path.is_file())


def _files(names: frozenset[str]) -> Iterator[tuple[Path, frozenset[str]]]:
    """What cannot be rebuilt, and the names to look for in each file.

    Models and MLflow hold no customer by how they are made, but many a number and word: there only a column of ids, or
    a name that can be nothing else, counts.
    """
    for place in sorted(artifacts.DATA.iterdir()) if artifacts.DATA.is_dir() else []:
        if place.name not in REBUILT and place not in (artifacts.LANDING, artifacts.CHAMPIONS):
            yield from ((path, names) for path in _within(place) if path not in KEPT and path.suffix != ".lock")
    for place in (artifacts.CHAMPIONS, Path("mlartifacts"), Path("mlflow.db")):
        for path in _within(place):
            yield path, names if has_ids(path) else distinctive(names)


def _mend_manifests() -> None:
    """A list's manifest names its files by digest: those that were rewritten have others now."""
    for path in sorted(artifacts.LISTS.glob(f"*/{artifacts.MANIFEST}")):
        content = read_json(path)
        files = {
            name: digest_of(path.parent / name) for name in content.get("files", {}) if (path.parent / name).exists()
        }
        if files != content.get("files", {}):
            write_json(path, {**content, "files": files})


def report_lines(done: Forgotten) -> list[str]:
    """The report, in words."""
    lines = ["The customer is forgotten; every later pull leaves them out (data/forgotten.json: share it with clones)."]
    if not done.found:
        lines.append("Nothing here spoke of them: is the id right? Capitals and leading zeros count.")
    lines += _listed("Deleted, and made again without them by the next `churn run`:", done.deleted)
    lines += _listed("Rewritten without them:", done.rewritten)
    lines += _listed("Deleted for good, because it was of before:", done.former)
    for one in done.purged:
        if one.objects:
            lines.append(f"DVC's store {one.where}: {len(one.objects):,} objects deleted.")
    older = sorted({run for one in done.purged for run in one.runs})
    lines += _listed("Older results that can no longer be rebuilt as they were:", older)
    for name, address in sorted(done.elsewhere.items()):
        lines.append(
            f"The remote {name} ({address}) is out of reach from here and may hold them still. After the next "
            f"`churn run`: dvc gc --workspace --cloud --remote {name}, and delete its folder `runs`."
        )
    lines += _listed("Published lists went here, and may be there still; take the customer out:", done.published)
    lines.append(
        "Not touched: your sources; whatever was sent or copied out of this project; the champion, which holds no "
        "customer, but learnt from all until `churn run` and `churn promote` put one in its place that did not."
    )
    return lines


def _listed(title: str, places: list[str]) -> list[str]:
    counted = Counter(places)
    return [title, *(f"  {place}" for place in sorted(counted))] if places else []
