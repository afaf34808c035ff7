"""`data/forgotten.json`: who asked to be forgotten, as keyed hashes. The pull leaves them out for ever.

The file may be committed and shared: without the key it names nobody. The key is the one of `privacy.key_variable`
where that is set when the first customer is forgotten, else a random one in `data/vault/forgotten.key` (mode 0600).
Without the right key a pull could not know whom to leave out, so it is refused.
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
    """Keyed hashes of the forgotten, and the key that makes them. Empty without a file."""

    hashed: frozenset[str]
    key: bytes

    def has(self, system: str, one: str) -> bool:
        """Whether this id of this system (`customer_id` for the customers' own) is to be left out."""
        return bool(self.hashed) and self.of(system, one) in self.hashed

    def of(self, system: str, one: str) -> str:
        """What stands in the file for an id."""
        return keyed(self.key, f"{system} {one}")


def tombstones(privacy: Privacy, file: Path = FILE) -> Tombstones:
    """Who is to be left out.

    Raises:
        ChurnError: somebody was forgotten and the key is missing or another one.
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


def bury(privacy: Privacy, ids: list[tuple[str, str]], file: Path = FILE) -> None:
    """Add ids (system and id) to the file. They are left out from now on.

    Raises:
        ChurnError: the file's key is missing or another one.
    """
    name = read_json(file)["key"] if file.is_file() else _chosen_key(privacy, file)
    key = _key(privacy, name, file)
    known = tombstones(privacy, file).hashed
    assert key is not None
    every = known | {Tombstones(known, key).of(system, one) for system, one in ids}
    write_json(file, {"key": name, "check": keyed(key, _CHECK), "hashed": sorted(every)})


def _chosen_key(privacy: Privacy, file: Path) -> str:
    if key_from_environment(privacy) is not None:
        return privacy.key_variable
    path = file.parent / KEY_FILE.relative_to(FILE.parent)
    if not path.exists():
        private_folder(path.parent)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return KEY_FILE.name


def _key(privacy: Privacy, name: str, file: Path) -> bytes | None:
    if name == KEY_FILE.name:
        path = file.parent / KEY_FILE.relative_to(FILE.parent)
        return path.read_bytes() if path.is_file() else None
    return key_from_environment(privacy)
