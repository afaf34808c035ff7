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

from pipelines.erasure.search import mentions

SHORTEST_WORD = 3  # what is shorter stands in every file; columns are looked at all the same


@dataclass
class Purged:
    """What is gone from one store: objects by their MD5, and remembered runs as people know them."""

    where: Path
    objects: set[str] = field(default_factory=set)
    runs: list[str] = field(default_factory=list)


def stores() -> tuple[list[Path], dict[str, str]]:
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


def purge(root: Path, names: frozenset[str]) -> Purged:
    """Delete from a cache or local remote whatever speaks of the names. Safe to repeat after an interruption."""
    gone = Purged(root)
    for path, digest in _objects(root):
        if not digest.endswith(".dir") and mentions(path, names, loose=_wordlike(names)):
            gone.objects.add(digest)
            _delete(path)
    there = {digest for _, digest in _objects(root)}
    for path, digest in _objects(root):
        if digest.endswith(".dir") and not {entry["md5"] for entry in json.loads(path.read_text())} <= there:
            gone.objects.add(digest)
            _delete(path)
    there = {digest for _, digest in _objects(root)}
    for path in sorted((root / "runs").rglob("*")):
        if path.is_file() and _broken(path, there):
            gone.runs.append(_description(yaml.safe_load(path.read_text())))
            _delete(path)
    gone.runs = sorted(set(gone.runs))
    return gone


def _wordlike(names: frozenset[str]) -> bool:
    return all(len(name) >= SHORTEST_WORD for name in names)


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
    content: Any = yaml.safe_load(run.read_text())
    return any(out.get("cache", True) and out.get("md5") not in there for out in content.get("outs", []))


def _description(run: dict[str, Any]) -> str:
    """`pull_activity train, until 2024-12-02`: what a run made, and as of when."""
    outs = ", ".join(sorted(out["path"] for out in run["outs"]))
    moments = {
        str(value) for key, value in (run.get("params") or {}).get("params.yaml", {}).items() if _moment(key, value)
    }
    return outs + (f" ({', '.join(sorted(moments))})" if moments else "")


def _moment(key: str, value: object) -> bool:
    return key.startswith("observations.") and isinstance(value, str) and value[:1].isdigit()
