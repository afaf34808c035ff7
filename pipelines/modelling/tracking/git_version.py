"""Which code made this: the git commit, and whether the code had been edited since."""

from __future__ import annotations

import subprocess
from pathlib import Path

CODE = ("features", "models", "pipelines", "params.yaml", "dvc.yaml", "pyproject.toml", "requirements.lock")


def code_version(root: Path = Path()) -> str:
    """`<commit>`, `<commit>-edited`, or `unversioned` where there is no git or no commit.

    Only what makes results counts as edited: data, notebooks and dvc.lock do not.
    """
    commit = _git(root, "rev-parse", "HEAD")
    if not commit:
        return "unversioned"
    return f"{commit}-edited" if _git(root, "status", "--porcelain", "--", *CODE) else commit


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
