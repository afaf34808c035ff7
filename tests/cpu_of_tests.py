"""CPU of every test, its processes included: where a suite's time goes, on a busy machine as on a quiet one.

As a plugin of pytest it appends one line of JSON a test to the file that CHURN_CPU names; as a program it adds them up
by file. CPU is that of the worker, of the processes that it waited for, and of those that outlive the test, as the
server of commands does, with what they waited for (user and system, seconds).

    CHURN_CPU=cpu.jsonl PYTHONPATH=. pytest -p tests.cpu_of_tests -n 2 --dist loadscope --no-loadscope-reorder
    python tests/cpu_of_tests.py cpu.jsonl
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest


def cpu_seconds() -> float:
    """User and system time of this process, of those it has waited for, and of those that it has."""
    used = (resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used) + sum(map(_cpu_of, psutil.Process().children()))


def _cpu_of(process: psutil.Process) -> float:
    try:
        return float(sum(process.cpu_times()[:4]))  # its own, and of those it has waited for
    except psutil.NoSuchProcess:
        return 0.0


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    cpu, wall = cpu_seconds(), time.monotonic()
    done = yield
    line = {"test": item.nodeid, "cpu": cpu_seconds() - cpu, "wall": time.monotonic() - wall}
    with Path(os.environ["CHURN_CPU"]).open("a") as file:
        file.write(json.dumps(line) + "\n")
    return done


def by_file(lines: list[str]) -> list[tuple[str, int, float, float]]:
    """File, tests, CPU and wall seconds, most CPU first."""
    found = defaultdict[str, list[float]](lambda: [0, 0.0, 0.0])
    for line in map(json.loads, lines):
        for place, value in enumerate((1, line["cpu"], line["wall"])):
            found[line["test"].split("::")[0]][place] += value
    rows = [(name, int(count), cpu, wall) for name, (count, cpu, wall) in found.items()]
    return sorted(rows, key=lambda row: -row[2])


if __name__ == "__main__":
    table = by_file(Path(sys.argv[1]).read_text().splitlines())
    print("| file | tests | CPU s | wall s |\n|---|---:|---:|---:|")
    for name, count, cpu, wall in table:
        print(f"| {name.removeprefix('tests/')} | {count} | {cpu:.1f} | {wall:.1f} |")
    print(f"| all | {sum(row[1] for row in table)} | {sum(row[2] for row in table):.1f} | |")
