"""What bad rows cost beside good ones: `churn sources check` of one CSV, each kind in a process of its own.

`make bench-bad-rows ARGS="--rows 1000000"`. CPU seconds of the process, start of Python and imports included, because a
person waits for them too; `reading` is without them. The ratio is to the good rows of the same run; the kinds are:
`local`, dates that are read after their column was looked at; `format`, dates that one `time_format` would read;
`words`, dates that nothing reads; `numbers`, words for numbers; `nobody`, rows without a customer; `late`, words for
numbers from the middle of the file on.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

COLUMNS = {"activity_id": "id", "customer_id": "who", "occurred_at": "at", "value": "paid"}


def _row(i: int, *, at: str = "", who: str | None = None, paid: str = "") -> str:
    day, month = i % 28 + 1, i % 12 + 1
    when = at.format(day=day, month=month) if at else f"2024-{month:02}-{day:02}"
    return f"{i},{f'c{i % 5000}' if who is None else who},{when},{paid or f'{i % 977}.50'}\n"


KINDS: dict[str, Callable[[int, int], str]] = {
    "good": lambda i, _: _row(i),
    "local": lambda i, _: _row(i, at="{day:02}/{month:02}/2024"),
    "format": lambda i, _: _row(i, at="2024.{month:02}.{day:02} 10.30"),
    "words": lambda i, _: _row(i, at="day {day} of month {month}"),
    "numbers": lambda i, _: _row(i, paid=f"n{i}"),
    "nobody": lambda i, _: _row(i, who=""),
    "late": lambda i, rows: _row(i, paid=f"n{i}" if 2 * i > rows else ""),
}


def check(path: Path) -> list[str]:
    """The sentences on the bad rows of a file, as `churn sources check` says them."""
    from pipelines.runtime.errors import ChurnError
    from pipelines.settings.params import Settings
    from pipelines.settings.reading import Reading
    from pipelines.sources.quarantine import quarantine_rows
    from pipelines.sources.registry import inspect_sources, read_sources
    from pipelines.sources.stream import connect

    settings = Settings.model_validate(
        {
            "sources": {"orders": {"reader": "csv", "path": str(path), "columns": COLUMNS, "activity": "placed_order"}},
            "observations": {"train": {"until": "2025-01-01"}, "score": {"as_of": "2025-01-01"}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
    )
    con, reading = connect(), Reading.of(settings)
    read_sources(con, reading, inspect_sources(reading))
    try:
        return quarantine_rows(con, settings.sources, path.with_suffix(".quarantine.csv"))
    except ChurnError as problem:
        return list(problem.faults)


def measure(path: Path) -> dict[str, Any]:
    """CPU seconds of a process that checks a file: `whole`, and `reading` without start and imports."""
    done = subprocess.run(
        [sys.executable, __file__, "--check", str(path)], capture_output=True, text=True, check=True, cwd=path.parent
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _checked(path: Path) -> None:
    import pipelines.sources.registry  # noqa: F401

    began = _cpu()
    said = check(path)
    print(json.dumps({"reading": _cpu() - began, "whole": _cpu(), "said": said}))


def compare(rows: int, kinds: list[str]) -> dict[str, dict[str, Any]]:
    """What each kind costs, measured one after the other."""
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            path = Path(folder) / f"{kind}.csv"
            with path.open("w") as stream:
                stream.write("id,who,at,paid\n")
                stream.writelines(KINDS[kind](i, rows) for i in range(rows))
            figures[kind] = measure(path)
            path.unlink()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--check", type=Path)
    parser.add_argument("kinds", nargs="*", default=list(KINDS))
    asked = parser.parse_args()
    if asked.check:
        _checked(asked.check)
        return
    figures = compare(asked.rows, asked.kinds)
    good = figures["good"]
    print(f"{asked.rows:,} rows; CPU seconds, and the ratio to good rows")
    for kind, one in figures.items():
        shown = (f"{what} {one[what]:6.2f} {one[what] / good[what]:5.2f}x" for what in ("whole", "reading"))
        print(f"{kind:8}", *shown, *one["said"][:1], sep="  ")


if __name__ == "__main__":
    main()
