"""Processor time of `churn --help` and of importing each stage, beside a bare interpreter's start.

`make bench-imports`. Medians of user and system seconds; what counts is the ratio, since both meet the same machine.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def cpu_seconds(arguments: list[str]) -> float:
    """User and system seconds of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print one line per process: its median, and how many bare interpreters that is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--times", type=int, default=9)
    times = parser.parse_args().times
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values()
    modules = dict.fromkeys(stage.get("do", stage)["cmd"].split()[2] for stage in stages)
    rows = {"bare interpreter": ["-c", "pass"], "churn --help": ["-m", "pipelines.commands.app", "--help"]}
    rows |= {f"import {module}": ["-c", f"import {module}"] for module in modules}
    found: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(times):  # in turns: a busy minute of the machine meets them all
        for name, arguments in rows.items():
            found[name].append(cpu_seconds(arguments))
    bare = statistics.median(found["bare interpreter"])
    for name, seconds in found.items():
        print(f"{name:36} {statistics.median(seconds):6.3f} s  {statistics.median(seconds) / bare:5.1f}")


if __name__ == "__main__":
    main()
