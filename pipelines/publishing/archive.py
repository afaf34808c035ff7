"""The immutable copy of a published list: `data/ledger/published/AS_OF`, a revision's in `AS_OF_r2`, and so on.

Read-only files whose digests stand in the ledger. A draft that is made again never changes what was published.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pandas as pd

from models.decision.control_group import CONTACT
from pipelines.ledger import write
from pipelines.ledger.write import Published
from pipelines.publishing.draft import Draft, file_faults, interrupted
from pipelines.runtime import closed
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import atomic_folder, digest_of
from pipelines.settings import artifacts

FOLDER = Path("data/ledger/published")


def folder_of(published: Published) -> Path:
    """The folder of the copy."""
    return FOLDER / (published.as_of if published.revision == 1 else f"{published.as_of}_r{published.revision}")


def store(draft: Draft, published: Published) -> None:
    """Copy the draft's files into the archive; the write is atomic, and only its owner may look inside.

    A copy that is there already belongs to no publication (somebody was interrupted before it was recorded) and goes.

    Raises:
        ChurnError: a file changed while it was copied.
    """
    place = folder_of(published)
    closed.folder(place.parent)
    with atomic_folder(place) as partial:
        closed.folder(partial)
        for name in sorted(draft.content.files):
            shutil.copyfile(draft.folder / name, partial / name)
            _settle(partial / name)
        faults = [name for name, digest in draft.content.files.items() if digest_of(partial / name) != digest]
        if faults:
            raise ChurnError(*(f"{draft.folder / name}: changed while it was published. Try again." for name in faults))


def _settle(path: Path) -> None:
    """On the disk before the ledger speaks of it, and read-only."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
    closed.settle(path, 0o400)


def require_intact(published: Published) -> None:
    """The copy is what was published.

    Raises:
        ChurnError: a file of it is missing or changed.
    """
    place = folder_of(published)
    faults = file_faults(place, write.archived_files(published.number))
    if faults and (FOLDER / artifacts.FORGETTING).is_dir():
        raise ChurnError(interrupted(FOLDER))
    if faults:
        wrong = [fault.partition(": ")[0] for fault in faults]
        raise ChurnError(
            *(f"{path}: is not what was published on this day. Restore it from a backup." for path in wrong)
        )


def contact_list(published: Published) -> pd.DataFrame:
    """The customers to contact: neither the control group nor anybody whom a rule suppressed.

    Raises:
        ChurnError: the copy is not what was published.
    """
    require_intact(published)
    table = pd.read_parquet(folder_of(published) / artifacts.LIST)
    if "group" in table.columns:
        table = table[table["group"] == CONTACT]
    return table.astype({"customer_id": "str"}).reset_index(drop=True)
