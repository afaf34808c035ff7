"""`make bench`: how long `churn run` takes from nothing and with nothing to do, stage by stage.

Works in a copy of the committed and changed files, with the real demo source; this folder's data is not touched.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def copy_of_the_project(folder: Path) -> None:
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in (name for name in names if name != "dvc.lock" and (ROOT / name).is_file()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)


def timed_run(folder: Path) -> tuple[float, dict[str, float]]:
    """Seconds of one `churn run`, and of each stage that it ran (its own work, without the start of Python)."""
    started = time.perf_counter()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.commands.app", "run"],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(f"churn run ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("  ")]
    return seconds, {words[0]: float(words[1]) for words in lines if len(words) == 3 and words[2] == "s"}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_of_the_project(folder)
        first, stages = timed_run(folder)
        second, _ = timed_run(folder)
    print("| step | seconds |\n| --- | ---: |")
    for stage, seconds in stages.items():
        print(f"| {stage} | {seconds:.1f} |")
    print(f"| **from nothing, all in all** (promotion and DVC included) | **{first:.1f}** |")
    print(f"| **again, with nothing to do** | **{second:.1f}** |")
    print(json.dumps({"cores": os.cpu_count(), "python": sys.version.split()[0]}))


if __name__ == "__main__":
    main()
