"""dvc.lock is read without its comments, of which it has none: a tenth of the time, in every stage.

DVC reads it whole and writes it whole after each stage, and reads it such that comments and line breaks would survive.
What it writes is the same either way. dvc.yaml, where comments count, is read as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

LOCK_FILE = "dvc.lock"

Parse = Callable[..., Any]


def install() -> None:
    """DVC reads dvc.lock plainly from now on, where this DVC allows it."""
    if find_spec("dvc.utils") is None:
        return
    from dvc.utils.serialize import _yaml

    careful: Parse | None = getattr(_yaml, "parse_yaml_for_update", None)
    if careful is not None:
        _yaml.parse_yaml_for_update = reading_locks_plainly(careful, _yaml.parse_yaml)


def reading_locks_plainly(careful: Parse, plain: Parse) -> Parse:
    """DVC's parser for files that it changes: `plain` for dvc.lock, `careful` for all others."""

    def parse(text: str, path: Any) -> Any:
        return (plain if Path(path).name == LOCK_FILE else careful)(text, path)

    return parse
