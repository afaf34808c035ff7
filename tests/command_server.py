"""Runs a project's commands as forks of a process that has their libraries loaded: half of a short command's time.

`python -m tests.command_server` reads one request a line from its standard input, {"module", "arguments",
"environment", "folder", "output", "errors"}, does what `python -m module arguments` does in that folder, with standard
output and error in the two files, and answers with the exit code on a line of its own. It ends with its input. The
project's own code is imported by each command from its own folder, as ever.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MODULES = frozenset({"dvc", "pipelines.commands.app"})
LIBRARIES = ("dvc.cli", "dvc.repo", "dvc.repo.reproduce", "mlflow", "mlflow.tracking", "alembic", "jinja2", "pandas")


class CommandServer:
    """A running server, of one worker's tests."""

    def __init__(self) -> None:
        ours = {"MLFLOW_DISABLE_TELEMETRY": "true", "GX_ANALYTICS_ENABLED": "false", "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-m", "tests.command_server"],
            cwd=ROOT,
            env={**os.environ, **ours},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, module: str, *arguments: str, folder: Path, environment: Mapping[str, str]) -> tuple[int, str, str]:
        """Exit code, standard output and error of `python -m module arguments`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory(prefix="command-") as place:
            output, errors = Path(place) / "output", Path(place) / "errors"
            request = {"module": module, "arguments": arguments, "environment": dict(environment)}
            files = {"folder": str(folder), "output": str(output), "errors": str(errors)}
            self._process.stdin.write(f"{json.dumps(request | files)}\n")
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            return code, output.read_text(), errors.read_text()


def serve() -> None:
    """Answer until the input ends."""
    from pipelines.commands.repro import fork

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing but answers
    for line in sys.stdin:
        request = json.loads(line)
        code = fork.exit_code_of(
            lambda request=request: _be_the_command(request),  # type: ignore[misc]
            environment=request["environment"],
            folder=request["folder"],
        )
        answers.write(f"{code}\n")
        answers.flush()


def _be_the_command(request: Mapping[str, Any]) -> None:
    for number, name in ((1, "output"), (2, "errors")):
        os.dup2(os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    sys.path[0] = request["folder"]
    sys.dont_write_bytecode = False  # a project keeps its own, as at home
    sys.argv = [request["module"], *request["arguments"]]
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


def _load() -> None:
    """The libraries of commands; what cannot be loaded is left to them."""
    from pipelines.commands.repro import libraries

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for stage in (*libraries.JUDGING, *libraries.BOOSTING, *libraries.BY_STAGE):
            libraries.load(stage)
        for name in LIBRARIES:
            with contextlib.suppress(Exception):
                importlib.import_module(name)


if __name__ == "__main__":
    _load()
    serve()
