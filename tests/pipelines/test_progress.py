"""Progress is shown on a terminal and nowhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.runtime.progress import in_words

ROOT = Path(__file__).resolve().parents[2]
WORK = """
from pipelines.runtime.progress import progress
told = progress("build_features")
for done in (2500, 5000, 10000):
    told(done, 10000)
"""


def test_a_terminal_sees_customers_done_and_time_left() -> None:
    reader, terminal = pty.openpty()
    try:
        subprocess.run([sys.executable, "-c", WORK], stderr=terminal, check=True, cwd=ROOT)
        shown = os.read(reader, 10_000).decode()
    finally:
        os.close(reader)
        os.close(terminal)
    assert [line.split(",  ")[0].strip() for line in shown.strip().split("\r") if line.strip()] == [
        "build_features: 2,500 of 10,000 customers, 0 s left",
        "build_features: 5,000 of 10,000 customers, 0 s left",
        "build_features: 10,000 of 10,000 customers, 0 s left",
    ]
    assert shown.endswith("\n")


def test_a_pipe_sees_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, check=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == (b"", b"")


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (89, "89 s"), (120, "2 min"), (9000, "2.5 h")])
def test_time_left_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
