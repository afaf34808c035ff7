#!/usr/bin/env bash
# Optuna 5.0.0: after a last line that was not written in full, a journal file takes one more trial and never opens again.
#
# The journal is an append-only file of JSON lines, for studies that several processes write. Expected after a power cut
# or a full disk: the torn line is lost and the study goes on, since reading stops at it without a word. Seen: the study
# opens with the trials before it; the next write is glued to the torn line, that call ends in json.JSONDecodeError, and
# from then on so does every opening of the study, though all earlier trials are whole in the file. Cutting the file back
# to its whole lines before it is opened helps. Seen on Python 3.11. Ends with 1 if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check optuna==5.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import json
import sys
from itertools import takewhile
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

optuna.logging.set_verbosity(optuna.logging.ERROR)
FILE = Path("journal.jsonl")


def opened():
    storage = JournalStorage(JournalFileBackend(str(FILE)))
    return optuna.create_study(storage=storage, study_name="search", load_if_exists=True)


def raised(work):
    try:
        work()
    except json.JSONDecodeError as error:
        return type(error).__name__
    return "nothing"


def trial(value):
    return optuna.trial.create_trial(value=value, params={}, distributions={})


study = opened()
study.add_trial(trial(1.0))
study.add_trial(trial(2.0))
FILE.write_bytes(FILE.read_bytes()[:-20])
study = opened()
left = len(study.trials)
adding = raised(lambda: study.add_trial(trial(3.0)))
opening = raised(opened)
print(f"trials after the cut: {left} of 2; adding one raises {adding}; opening it later raises {opening}")
def is_json(line):
    try:
        return bool(json.loads(line))
    except json.JSONDecodeError:
        return False


FILE.write_bytes(b"".join(takewhile(is_json, FILE.read_bytes().splitlines(keepends=True))))
mended = len(opened().trials)
print(f"cut back to its whole lines: {mended} trial")
sys.exit(0 if (left, adding, opening, mended) == (1, "JSONDecodeError", "JSONDecodeError", 1) else "This changed.")
PY
echo "As stated."
