"""The vault: keyed hashes and their original ids in one SQLite file, readable by its owner only (mode 0600).

It lies outside DVC and git. Written by the pull where `privacy.pseudonymise` is on; read only where a list is
exported, goes to a sink, or comes back in a team's report with ids that a spreadsheet made numbers of.
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
    """The folder, created if missing, readable by its owner only."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


@contextmanager
def _open(folder: Path) -> Iterator[sqlite3.Connection]:
    path = private_folder(folder) / FILE
    path.touch(mode=0o600)
    path.chmod(0o600)
    with closing(sqlite3.connect(path)) as con, con:
        con.execute("pragma secure_delete = on")
        con.execute("create table if not exists customer (hashed text primary key, customer_id text not null)")
        yield con


def add(ids: Mapping[str, str], folder: Path = FOLDER) -> None:
    """Add entries keyed hash -> id; existing ones stay as they are."""
    with _open(folder) as con:
        con.executemany("insert or ignore into customer values (?, ?)", sorted(ids.items()))


def originals(hashed: Iterable[str], folder: Path = FOLDER) -> dict[str, str]:
    """Keyed hash -> id, for those that the vault holds."""
    known = all_originals(folder)
    return {pseudonym: known[pseudonym] for pseudonym in hashed if pseudonym in known}


def describe_examples(examples: Sequence[str], *, hidden: bool, folder: Path = FOLDER) -> str:
    """Three of the examples, which name customers; where ids are hidden, a file in the vault that lists all of them."""
    if not hidden:
        return "; ".join(examples[:3])
    path = private_folder(folder) / FAULTS
    path.touch(mode=0o600)
    path.write_text("".join(f"{example}\n" for example in examples), encoding="utf-8")
    return f"see {path}"


def all_originals(folder: Path = FOLDER) -> dict[str, str]:
    """Keyed hash -> id of every customer in the vault, whatever key made the hash."""
    if not (folder / FILE).is_file():
        return {}
    with _open(folder) as con:
        return dict(con.execute("select hashed, customer_id from customer order by hashed"))
