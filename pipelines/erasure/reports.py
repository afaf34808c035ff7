"""Reports on data without a customer: rows named as examples, and sentences that name ids.

A report (`pipelines/checks`) is JSON with a page beside it. Rows about the customer go out of it; so does a sentence
with their id in it, whoever else it names: it is about the data as a whole, and the next run writes it again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.checks.page import write_page
from pipelines.erasure.formats import Names, kind_of, pruned
from pipelines.runtime.errors import USER_ERRORS
from pipelines.runtime.files import read_json, write_json

_PAGE = b"<title>Data checks"
OVERVIEW = "index.html"


def is_report(path: Path) -> bool:
    """Whether a file, whatever it is called, is a report or its page."""
    kind = kind_of(path)
    return (kind == "json" and _is_report(read_json(path))) or (kind == "page" and _PAGE in path.read_bytes()[:4096])


def _is_report(content: Any) -> bool:
    return isinstance(content, dict) and {"suite", "expectations", "notes"} <= content.keys()


def forget_in_reports(folder: Path, names: Names) -> list[str]:
    """Write the reports of a folder that speak of them again, with their pages.

    Returns:
        The files that were rewritten.
    """
    changed = []
    for path in sorted(folder.glob("*.json")):
        content = _report(path)
        kept = without(content, names) if content is not None else None
        if kept is not None and kept != content:
            # The page first: as long as the report speaks of them, whoever was interrupted does it again.
            write_page([kept], path.with_suffix(".html"))
            _overview(folder, {path: kept})
            write_json(path, kept)
            changed += [path.as_posix(), path.with_suffix(".html").as_posix()]
    return changed


def without(content: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """A report without them."""
    ids = "|".join(map(re.escape, sorted(names)))
    word = re.compile(rf"(?:^|(?<=[\s,;:('\"]))(?:{ids})(?=$|[\s,;:)'\"]|\.(?:\s|$))")  # `cust` is not in `cust-1`
    kept: dict[str, Any] = pruned(dict(content), names)
    kept["notes"] = [note for note in kept["notes"] if not word.search(note)]
    return kept


def _report(path: Path) -> dict[str, Any] | None:
    try:
        content = read_json(path)
    except (ValueError, *USER_ERRORS):
        return None
    return content if _is_report(content) else None


def _overview(folder: Path, changed: Mapping[Path, dict[str, Any]]) -> None:
    if (folder / OVERVIEW).is_file():
        reports = [changed.get(path) or _report(path) for path in sorted(folder.glob("*.json"))]
        write_page([one for one in reports if one is not None], folder / OVERVIEW)
