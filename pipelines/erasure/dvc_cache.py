"""DVC's cache, run cache and local remotes without a customer: objects that speak of them are deleted, and so is every
folder listing and every remembered run that would need one. DVC then makes them again where it can.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipelines.erasure.formats import Names, UnreadableError, holds
from pipelines.erasure.reports import is_report


@dataclass
class Purged:
    """What is gone from one store: objects by their MD5, and remembered runs as people know them."""

    where: Path
    objects: set[str] = field(default_factory=set)
    runs: list[str] = field(default_factory=list)


def local_stores() -> tuple[list[Path], dict[str, str]]:
    """Folders with DVC objects on this machine (cache, local remotes), and remotes elsewhere: name -> address."""
    if not Path(".dvc").is_dir():
        return [], {}
    from dvc.repo import Repo

    with Repo(".", config={"core": {"no_scm": True}}) as repo:  # the stores do not depend on git, which may be missing
        here, elsewhere = [Path(repo.cache.local.path)], dict[str, str]()
        for name, remote in repo.config["remote"].items():
            address = str(remote["url"])
            if "://" in address and not address.startswith("file://"):
                elsewhere[name] = address
            else:
                here.append(Path(address.removeprefix("file://")))
    # The cache of objects may be its `files/md5`; the run cache lies beside `files`.
    roots = [path.parents[1] if path.parts[-2:] == ("files", "md5") else path for path in here]
    return list(dict.fromkeys(root for root in roots if root.is_dir())), elsewhere


def purge(root: Path, names: Names) -> Purged:
    """Delete from a cache or local remote whatever speaks of them. Safe to repeat after an interruption.

    Reports on data hold sentences with examples: where the data goes, all of them go, and are written again.
    """
    gone = Purged(root)
    files = [path for path, digest in _objects(root) if not digest.endswith(".dir")]
    speaking = [path for path in files if _holds(path, names)]
    reports = [path for path in files if is_report(path)] if speaking else []
    for path in dict.fromkeys([*reports, *speaking]):  # tables last: whoever is interrupted finds them again
        gone.objects.add(path.parent.name + path.name)
        _delete(path)
    there = {digest for _, digest in _objects(root)}
    for path, digest in _objects(root):
        if digest.endswith(".dir") and not _listed(path) <= there:
            gone.objects.add(digest)
            _delete(path)
    there = {digest for _, digest in _objects(root)}
    for path in sorted((root / "runs").rglob("*")):
        if path.is_file() and _broken(path, there):
            gone.runs.append(_description(_remembered(path)))
            _delete(path)
    gone.runs = sorted(set(gone.runs) - {""})
    return gone


def _holds(path: Path, names: Names) -> bool:
    """An object that cannot be read is of use to nobody, and may speak of them."""
    try:
        return holds(path, names)
    except UnreadableError:
        return True


def _listed(path: Path) -> set[str]:
    """The objects of a folder's listing; one that cannot be read names an object that is not there."""
    try:
        return {str(entry["md5"]) for entry in json.loads(path.read_bytes())}
    except (ValueError, TypeError, KeyError):
        return {""}


def _remembered(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_bytes())
    except yaml.YAMLError:
        content = None
    return content if isinstance(content, dict) else {"outs": [{"path": "", "md5": ""}]}


def _delete(path: Path) -> None:
    path.chmod(0o600)  # DVC protects its objects
    path.unlink()


def _objects(root: Path) -> Iterator[tuple[Path, str]]:
    """Objects and their MD5 (`.dir` for a folder's listing)."""
    for path in sorted((root / "files" / "md5").glob("??/*")):
        if path.is_file():
            yield path, path.parent.name + path.name


def _broken(run: Path, there: set[str]) -> bool:
    """Whether a remembered run would bring back an object that is gone."""
    outs = _remembered(run).get("outs", [])
    return any(out.get("cache", True) and out.get("md5") not in there for out in outs)


def _description(run: dict[str, Any]) -> str:
    """`pull_activity train, until 2024-12-02`: what a run made, and as of when."""
    outs = ", ".join(sorted(out["path"] for out in run["outs"]))
    moments = {
        str(value) for key, value in (run.get("params") or {}).get("params.yaml", {}).items() if _moment(key, value)
    }
    return outs + (f" ({', '.join(sorted(moments))})" if moments else "")


def _moment(key: str, value: object) -> bool:
    return key.startswith("observations.") and isinstance(value, str) and value[:1].isdigit()
