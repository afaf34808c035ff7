"""The way back from keyed hashes to ids: one SQLite file that only its owner may read (mode 0600), outside DVC and git.

Written by the pull where `privacy.pseudonymise` is on; read only where a list is exported or goes to a sink.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

FOLDER = Path("data/vault")
FILE = "customers.sqlite"
FAULTS = "identity_faults.txt"


def private_folder(folder: Path) -> Path:
    """The folder, made if need be; only its owner may look inside."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


@contextmanager
def _opened(folder: Path) -> Iterator[sqlite3.Connection]:
    path = private_folder(folder) / FILE
    path.touch(mode=0o600)
    path.chmod(0o600)
    with closing(sqlite3.connect(path)) as con, con:
        con.execute("pragma secure_delete = on")
        con.execute("create table if not exists customer (hashed text primary key, customer_id text not null)")
        yield con


def remember(found: Mapping[str, str], folder: Path = FOLDER) -> None:
    """Add keyed hash -> id; what is known already stays."""
    with _opened(folder) as con:
        con.executemany("insert or ignore into customer values (?, ?)", sorted(found.items()))


def originals(hashed: Iterable[str], folder: Path = FOLDER) -> dict[str, str]:
    """Keyed hash -> id, as far as the vault knows them."""
    known = everybody(folder)
    return {one: known[one] for one in hashed if one in known}


def shown(examples: Sequence[str], *, hidden: bool, folder: Path = FOLDER) -> str:
    """Three examples that name customers; where ids are hidden, the file here in which all of them stand."""
    if not hidden:
        return "; ".join(examples[:3])
    path = private_folder(folder) / FAULTS
    path.touch(mode=0o600)
    path.write_text("".join(f"{one}\n" for one in examples), encoding="utf-8")
    return f"see {path}"


def everybody(folder: Path = FOLDER) -> dict[str, str]:
    """Keyed hash -> id of all whom the vault knows, whatever key made the hash."""
    if not (folder / FILE).is_file():
        return {}
    with _opened(folder) as con:
        return dict(con.execute("select hashed, customer_id from customer order by hashed"))
