"""`python -m pipelines.commands.repro TARGET ...`: as `python -m dvc repro TARGET ...`, in less time.

DVC decides what runs, hashes, and writes dvc.lock exactly as it does by itself; what is left out is work that changes
nothing: the start of a Python with its libraries for every stage (stage_process.py), and reading dvc.lock with its
comments, of which it has none (lock_file.py). `dvc repro` by hand stays what it is, and gives the same.
"""

from __future__ import annotations

import runpy
import sys

from pipelines.commands.repro import lock_file, stage_process

if __name__ == "__main__":
    stage_process.install()
    lock_file.install()
    sys.argv = ["dvc", "repro", *sys.argv[1:]]
    runpy.run_module("dvc", run_name="__main__", alter_sys=True)
