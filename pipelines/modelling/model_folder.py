"""Opens a model's folder: the one place where champions are read. Digests are compared before anything is parsed.

| what is beside the model | what has to fit |
|---|---|
| `SHA256SUMS` | every file of the folder, none missing, none more |
| `champion.json` alone (champions of version 0.1) | the model's files, by its `digest` |
| neither | nothing is known: a child process reads the model first, so that a damaged one cannot end this one |
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import models
from models.sums import SUMS, digest_of_file, digest_of_files, sums_faults, sums_of
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json
from pipelines.settings import artifacts

if TYPE_CHECKING:
    from models.churn_model import ChurnModel

PROBE_SECONDS = 120


def is_model(folder: Path) -> bool:
    """Whether there is a model, whole or not."""
    return any((folder / name).is_file() for name in (SUMS, artifacts.CHAMPION, "model.json"))


def open_model(folder: Path, digest: str | None = None) -> ChurnModel:
    """The model in a folder.

    Args:
        folder: of the model.
        digest: of the model's files, where the caller knows it and the folder does not say.

    Raises:
        ChurnError: a file was changed, is missing or does not belong there; each is named. Or a model of unknown
            digest cannot be read.
        ModelError: there is no model.
    """
    from models.churn_model import ChurnModel

    if digest is not None and not (folder / SUMS).is_file():
        _require_digest(folder, digest, "what was trained")
    elif not require_known(folder) and is_model(folder):
        _probe(folder)
    return ChurnModel.load(folder)


def open_candidate(folder: Path) -> ChurnModel:
    """The model that would ship of data/models/D, whose recipe.json says by which digest.

    Raises:
        ChurnError: its files are others.
    """
    recipe = folder / artifacts.RECIPE
    digests = read_json(recipe).get("digests", {}) if recipe.is_file() else {}
    return open_model(folder / "shipped", digests.get("shipped"))


def read_champion(folder: Path) -> dict[str, Any]:
    """The content of champion.json. Raises ChurnError as `open_model` does."""
    require_known(folder)
    return _content(folder)


def sums_digest(folder: Path) -> str | None:
    """The SHA-256 of the folder's SHA256SUMS, which speaks for every file; None where it has none."""
    return digest_of_file(folder / SUMS) if (folder / SUMS).is_file() else None


def require_known(folder: Path) -> bool:
    """Compare the files with the digests beside them; whether there are any to compare with.

    Raises:
        ChurnError: something does not fit.
    """
    if (folder / SUMS).is_file():
        faults = sums_faults(folder)
        if faults:
            raise ChurnError(*faults, advice=_way_out(folder))
        return True
    content = _content(folder) if (folder / artifacts.CHAMPION).is_file() else {}
    if content.get("sums"):
        raise ChurnError(*sums_faults(folder), advice=_way_out(folder))
    if content.get("digest"):
        _require_digest(folder, str(content["digest"]), f"what {artifacts.CHAMPION} says")
        return True
    return False


def seal(folder: Path) -> None:
    """Write SHA256SUMS for the files as they are now; the write is atomic."""
    partial = folder.parent / f".{folder.name}.partial-{SUMS}"  # beside the folder: inside it would not belong there
    partial.write_bytes(sums_of(folder).encode())
    partial.replace(folder / SUMS)


def stamp(folder: Path) -> None:
    """Give a champion of version 0.1 its SHA256SUMS, once; a folder that cannot be written is compared as before.

    Raises:
        ChurnError: its files are not those of champion.json.
    """
    if require_known(folder) and not (folder / SUMS).is_file():
        with suppress(OSError):
            seal(folder)


def _content(folder: Path) -> dict[str, Any]:
    try:
        return dict(read_json(folder / artifacts.CHAMPION))
    except (ValueError, TypeError) as error:
        raise ChurnError(f"{folder / artifacts.CHAMPION}: is damaged: {error}.", advice=_way_out(folder)) from None


def _require_digest(folder: Path, digest: str, whose: str) -> None:
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    beside = (artifacts.MODEL_CARD, artifacts.CHAMPION, artifacts.WORLD)  # of the model itself speaks that digest
    found = digest_of_files(folder, [name for name in names if name not in beside])
    if found != digest:
        raise ChurnError(
            f"{folder}: its files ({', '.join(sorted(names))}) are not {whose}: expected the digest {digest[:12]}..., "
            f"found {found[:12]}... One was changed, is missing, or does not belong there.",
            advice=_way_out(folder),
        )


def _way_out(folder: Path) -> str:
    if folder.parent.name == "champion":
        return f"Nothing of it was read. `churn restore {folder.name}` fetches it again from the MLflow registry."
    if folder.name == "shipped":
        return "Nothing of it was read. `churn run` trains it again."
    return "Nothing of it was read. Fetch the folder again from where it came."


def _probe(folder: Path) -> None:
    """A child reads the model. Raises ChurnError where it ends with anything but 0."""
    home = str(Path(str(models.__file__)).parents[1])
    path = os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-P", "-m", "models.probe", str(folder.absolute())]
    try:
        ended = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            env={**os.environ, "PYTHONPATH": path},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _unreadable(folder, f"it did not answer within {PROBE_SECONDS} s") from None
    if ended.returncode:
        said = [line for line in ended.stderr.splitlines() if line.strip()]
        raise _unreadable(folder, _ending(ended.returncode, said[-1] if said else ""))


def _ending(code: int, said: str) -> str:
    if code >= 0:
        return said or f"reading it ended with {code}"
    with suppress(ValueError):
        return f"reading it was ended by {signal.Signals(-code).name}"
    return f"reading it was ended by signal {-code}"


def _unreadable(folder: Path, why: str) -> ChurnError:
    return ChurnError(
        f"{folder}: has no digests ({SUMS}) to compare with, and is not a model that can be read: {why}.",
        advice=_way_out(folder),
    )
