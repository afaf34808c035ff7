"""`make prove`: every law on many examples, and a record of it beside the tests (proofs.json).

A law is a test that holds for every example: all that hypothesis draws examples for, and what carries the mark `law`.
The suite tries each on few examples; here each is tried on many, with one seed. The record names the code that was
proven by a digest of features/, models/ and pipelines/, so that a record of other code is told from a present one:

    make prove                   does nothing where the record is of this code; else proves, and writes the record
    make prove ARGS=--check      only looks: ends with 1 where the record is of other code, or of a law that failed
    make prove ARGS="--seed 7"   proves with this seed, whatever is recorded

`make test` neither runs nor asks for it. Exit code: that of pytest, 1 from `--check`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PROVEN = ("features", "models", "pipelines")
RECORD = ROOT / "tests" / "proofs.json"
EXAMPLES = 1000
"""Of each law; laws of which an example is dear have their own number, see `tests.conftest.examples`."""


def digest_of_code(root: Path = ROOT) -> str:
    """SHA-256 over names and content of every file of the three packages, in order of name."""
    found = hashlib.sha256()
    for path in sorted(path for name in PROVEN for path in (root / name).rglob("*") if path.is_file()):
        if "__pycache__" in path.parts:
            continue
        content = path.read_bytes()
        found.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return found.hexdigest()


def record(path: Path = RECORD) -> dict[str, Any]:
    """What was proven last: `digest`, `seed`, `examples`, `result`; empty where nothing was."""
    return dict(json.loads(path.read_text())) if path.exists() else {}


def stale(found: dict[str, Any], digest: str) -> str | None:
    """Why a record does not speak for the code with this digest; None where it does."""
    if not found:
        return f"Nothing is recorded in {RECORD.relative_to(ROOT)}."
    if found["digest"] != digest:
        return f"The record is of other code ({found['digest'][:12]}); this is {digest[:12]}."
    if found["result"] != "passed":
        return f"With seed {found['seed']} a law failed."
    return None


def prove(digest: str, seed: int) -> int:
    """Run the laws, write the record, give pytest's exit code."""
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadscope", "--no-loadscope-reorder"]
    command += ["-m", "law", f"--hypothesis-seed={seed}", "--timeout=7200"]
    code = subprocess.run(command, cwd=ROOT, env=os.environ | {"CHURN_PROFILE": "prove"}, check=False).returncode
    if code in (0, 1):  # all passed, or some failed; anything else proves nothing
        result = "failed" if code else "passed"
        content = {"digest": digest, "seed": seed, "examples": EXAMPLES, "result": result}
        RECORD.write_text(json.dumps(content, indent=2) + "\n")
    return code


def main() -> int:
    parser = argparse.ArgumentParser(description="Try every law on many examples.")
    parser.add_argument("--check", action="store_true", help="only compare the record with the code")
    parser.add_argument("--seed", type=int, help="of the examples; prove whatever is recorded")
    asked = parser.parse_args()
    digest, found = digest_of_code(), record()
    why = stale(found, digest)
    if why is None and asked.seed is None:
        print(f"Proven: {found['examples']} examples of each law with seed {found['seed']}, for the code as it is.")
        return 0
    print(f"{why or 'Asked for a seed.'} {'Prove it again: make prove' if asked.check else 'Proving ...'}", flush=True)
    return 1 if asked.check else prove(digest, secrets.randbelow(2**32) if asked.seed is None else asked.seed)


if __name__ == "__main__":
    raise SystemExit(main())
