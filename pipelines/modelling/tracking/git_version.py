"""The version of the code that trained a model: its digest, the git commit, and whether it was edited since."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pipelines.runtime import code

STAGES = ("pipelines.stages.train_model", "pipelines.stages.evaluate_model")
ALSO = ("params.yaml", "dvc.yaml", "pyproject.toml", "requirements.lock")


def code_digest() -> str:
    """SHA-256 of the code that trains and judges, libraries' versions included."""
    return code.digest(*STAGES)


def code_version(root: Path = Path()) -> str:
    """`<commit>`, `<commit>-edited`, or `unversioned` where there is no git or no commit.

    Edits count in the code of STAGES, settings, graph and locked versions; not in data, notebooks or dvc.lock.
    """
    commit = _git(root, "rev-parse", "HEAD")
    if not commit:
        return "unversioned"
    parts = (*code.units_of(*STAGES), *ALSO)
    return f"{commit}-edited" if _git(root, "status", "--porcelain", "--", *parts) else commit


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
