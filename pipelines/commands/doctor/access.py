"""Who can read a project's files: what is said where that is more people than their owner and the group of a team."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from pipelines.runtime.closed import open_to_others
from pipelines.runtime.run_lock import STATE

SAID = STATE / "open_stores_said"
"""Is there once a command has said it; `churn doctor` says it whenever it is asked."""


def access_lines() -> list[str]:
    """Which stores others can read and what to do about it, once the settings were read; empty where nobody can."""
    found = [path.as_posix() for path in open_to_others()]
    if not found:
        return []
    whole = [path for path in found if not path.startswith(".dvc")]
    folders = [path for path in found if path.startswith(".dvc")]  # DVC tells by the mode of an object that it is whole
    commands = [f"chmod -R go= {' '.join(whole)}"] * bool(whole) + [f"chmod go= {' '.join(folders)}"] * bool(folders)
    who = f"Others on this machine can read personal data of this project: {', '.join(found)}."
    return [
        f"{who} Nothing is taken from them without your word. For yourself alone:",
        f"  {' && '.join(commands)}",
        "For a team, set privacy.file_group in params.yaml to a group of this machine that you are in.",
    ]


def warn_once(say: Callable[[str], None]) -> None:
    """Say it, unless a command of this project did."""
    lines = access_lines()
    if lines and not SAID.exists():
        say("\n".join(["", *lines]))
        with suppress(OSError):
            SAID.parent.mkdir(parents=True, exist_ok=True)
            SAID.touch()
