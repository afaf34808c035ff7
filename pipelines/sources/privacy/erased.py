"""`data/forgotten.json`: tombstones of erased customers, as keyed hashes. Every pull leaves them out.

The file may be committed and shared: without the key it identifies no customer. The key is the one of
`privacy.key_variable` where that is set when the first customer is erased, else a random one in
`data/vault/forgotten.key` (mode 0600). Without the right key a pull could not tell which customers to leave out, so it
is refused.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json, write_json
from pipelines.settings.privacy import Privacy
from pipelines.sources.privacy.pseudonyms import key_from_environment, keyed
from pipelines.sources.privacy.vault import private_folder

FILE = Path("data/forgotten.json")
KEY_FILE = Path("data/vault/forgotten.key")
_CHECK = "which key is it"


@dataclass(frozen=True)
class Tombstones:
    """Keyed hashes of erased ids, and the key that makes them. Empty without a file."""

    hashed: frozenset[str]
    key: bytes

    def has(self, system: str, identifier: str) -> bool:
        """Whether this id of this system (`customer_id` for the customers' own) is to be left out."""
        return bool(self.hashed) and self.hash_of(system, identifier) in self.hashed

    def hash_of(self, system: str, identifier: str) -> str:
        """The hash that stands in the file for an id."""
        return keyed(self.key, f"{system} {identifier}")


def read_tombstones(privacy: Privacy, file: Path = FILE) -> Tombstones:
    """The tombstones: ids that every pull leaves out.

    Raises:
        ChurnError: a customer was erased and the key is missing or another one.
    """
    if not file.is_file():
        return Tombstones(frozenset(), b"")
    content = read_json(file)
    key = _key(privacy, content["key"], file)
    if key is None or keyed(key, _CHECK) != content["check"]:
        what = "is missing" if key is None else "is another one"
        raise ChurnError(
            f"{file}: names {len(content['hashed'])} ids to leave out by hashes whose key ({content['key']}) {what}. "
            "Without it forgotten customers would come back, so nothing is pulled. Bring the key here."
        )
    return Tombstones(frozenset(content["hashed"]), key)


def add_tombstones(privacy: Privacy, ids: list[tuple[str, str]], file: Path = FILE) -> None:
    """Add ids (system and id) to the file. They are left out from now on.

    Raises:
        ChurnError: the file's key is missing or another one.
    """
    key_name = read_json(file)["key"] if file.is_file() else _choose_key(privacy, file)
    key = _key(privacy, key_name, file)
    known = read_tombstones(privacy, file).hashed
    assert key is not None
    hashed = known | {Tombstones(known, key).hash_of(system, identifier) for system, identifier in ids}
    write_json(file, {"key": key_name, "check": keyed(key, _CHECK), "hashed": sorted(hashed)})


def _choose_key(privacy: Privacy, file: Path) -> str:
    if key_from_environment(privacy) is not None:
        return privacy.key_variable
    path = file.parent / KEY_FILE.relative_to(FILE.parent)
    if not path.exists():
        private_folder(path.parent)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return KEY_FILE.name


def _key(privacy: Privacy, key_name: str, file: Path) -> bytes | None:
    if key_name == KEY_FILE.name:
        path = file.parent / KEY_FILE.relative_to(FILE.parent)
        return path.read_bytes() if path.is_file() else None
    return key_from_environment(privacy)
