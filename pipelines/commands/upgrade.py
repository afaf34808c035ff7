"""`churn upgrade`: brings what an older version left up to date; with `--check` it only says what that would change.

Nothing waits for it: the first command that writes does the same. What was before is kept beside the ledger, and no
file of an older version has to be brought up to date to be read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.sums import SUMS
from pipelines.ledger import write
from pipelines.ledger.migration import archived_share
from pipelines.ledger.read import FILE as LEDGER
from pipelines.ledger.read import opened
from pipelines.ledger.version import VERSION, version_of
from pipelines.modelling.model_folder import is_model, require_known, stamp
from pipelines.settings import artifacts


def upgrade(say: Callable[[str], None], *, check: bool) -> None:
    """Say what an older version left, and bring it up to date unless `check`; params.yaml was read already.

    Raises:
        ChurnError: the ledger is lost or of a newer version, or a champion is not what was promoted.
    """
    say("params.yaml: is read as it is.")
    champions = [folder for folder in sorted(artifacts.CHAMPIONS.glob("*")) if is_model(folder)]
    found = [_ledger(), *map(_champion, champions)]
    for one in found:
        say(one.text)
    if artifacts.LANDING.is_dir():
        say(f"{artifacts.LANDING}: what another version wrote is read again by the next pull; nothing is to be done.")
    if not any(one.changes for one in found):
        say("Everything is of this version; nothing is to be changed.")
        return
    if check:
        say("Nothing was changed. Without --check, or by the next command that writes, it will be.")
        return
    if LEDGER.is_file():
        write.begin()
    for folder in champions:
        stamp(folder)
    say("Everything is of this version.")


@dataclass(frozen=True)
class Found:
    """What is said of a store, and whether it is to be changed."""

    text: str
    changes: bool = False


def _ledger() -> Found:
    with opened() as con:
        if con is None:
            return Found(f"{LEDGER}: there is none yet.")
        version = version_of(con)
        if version == VERSION:
            return Found(f"{LEDGER}: is of version {VERSION}, today's.")
        published = con.execute("select as_of, revision from publication order by number").fetchall()
    told = sum(archived_share(LEDGER, *one) is not None for one in published)
    return Found(
        f"{LEDGER}: is of version {version}. It becomes one of version {VERSION}: {len(published):,} lists get the "
        f"probabilities with which their customers were assigned, {told:,} from the archived manifest, "
        f"{len(published) - told:,} estimated. A copy is kept as {LEDGER.name}.version_{version}.",
        changes=True,
    )


def _champion(folder: Path) -> Found:
    known = require_known(folder)
    if (folder / SUMS).is_file():
        return Found(f"{folder}: has its {SUMS}.")
    if not known:
        return Found(f"{folder}: has no digest in {artifacts.CHAMPION}, and stays as it is.")
    return Found(f"{folder}: gets its {SUMS}; its files are those of {artifacts.CHAMPION}.", changes=True)
