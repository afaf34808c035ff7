"""SHA256SUMS: a list of the files of a folder by digest, as `sha256sum -c SHA256SUMS` reads it, and what does not fit.

One line per file, `<64 hex digits>  <name>`, in order of name; names are relative to the folder, with `/` between
their parts. The list covers every file below the folder except itself. Nothing is parsed but the list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from models.errors import ModelError

SUMS = "SHA256SUMS"


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sums_of(folder: Path) -> str:
    """The text of SHA256SUMS for the files that are in a folder now."""
    return "".join(f"{digest_of_file(folder / name)}  {name}\n" for name in _names(folder))


def write_sums(folder: Path) -> str:
    """Write SHA256SUMS into a folder that nobody reads yet; the SHA-256 of what was written."""
    (folder / SUMS).write_bytes(sums_of(folder).encode())
    return digest_of_file(folder / SUMS)


def digest_of_files(folder: Path, names: Iterable[str]) -> str:
    """One digest of several files: names and contents in order of name, as `ChurnModel.digest` has it."""
    sha = hashlib.sha256()
    for name in sorted(names):
        sha.update(name.encode() + b"\0" + bytes.fromhex(digest_of_file(folder / name)))
    return sha.hexdigest()


def sums_faults(folder: Path) -> list[str]:
    """What does not fit, a sentence per file: changed, missing, or not in the list. Empty where all is well.

    Without a SHA256SUMS, or with one that is no such list, that is the one fault.
    """
    try:
        expected = _listed(folder)
    except (OSError, ValueError) as error:
        return [f"{folder / SUMS}: {_reason(error)}"]
    found = {name: digest_of_file(folder / name) for name in _names(folder)}
    return [*_changed(folder, expected, found), *_extra(folder, expected, found)]


def require_whole(folder: Path, advice: str = "Fetch the folder again from where it came.") -> None:
    """The folder is what its SHA256SUMS says.

    Raises:
        ModelError: a file was changed, is missing, or is not in the list; each is named.
    """
    faults = sums_faults(folder)
    if faults:
        raise ModelError("\n".join([*faults, f"Nothing of {folder} was read. {advice}"]))


def _names(folder: Path) -> list[str]:
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in names if name != SUMS)


def _listed(folder: Path) -> dict[str, str]:
    """Digest by name. Raises OSError without the list, ValueError where a line of it is none."""
    expected: dict[str, str] = {}
    for line in (folder / SUMS).read_bytes().decode().splitlines():
        digest, gap, name = line[:64], line[64:66], line[66:]
        if gap != "  " or not name or len(bytes.fromhex(digest)) != 32:
            raise ValueError(f"line {len(expected) + 1} is not a digest and a name")
        expected[name] = digest
    return expected


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "is missing, so nobody knows whether the files beside it are those that were written."
    return f"is damaged: {error}."


def _changed(folder: Path, expected: dict[str, str], found: dict[str, str]) -> Iterator[str]:
    for name, digest in expected.items():
        if name not in found:
            yield f"{folder / name}: is missing; expected SHA-256 {digest[:12]}..."
        elif found[name] != digest:
            yield f"{folder / name}: was changed; expected SHA-256 {digest[:12]}..., found {found[name][:12]}..."


def _extra(folder: Path, expected: dict[str, str], found: dict[str, str]) -> Iterator[str]:
    for name in sorted(found.keys() - expected.keys()):
        yield f"{folder / name}: does not belong there; {SUMS} does not name it (SHA-256 {found[name][:12]}...)"
