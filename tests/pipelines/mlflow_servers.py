"""Real MLflow tracking servers for tests, with a SQLite or a PostgreSQL store; their artifacts travel through them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.pipelines.postgres_for_tests import postgres


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**kept, "PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true", **more}


@dataclass
class Server:
    """A tracking server that can be started, stopped and started again on the same store."""

    place: Path
    store: str
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.place.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(self.port), "--workers", "1"]
        command += ["--backend-store-uri", self.store, "--artifacts-destination", str(self.place / "files")]
        quiet = environment(MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false")
        with (self.place / "log").open("a") as log:
            self.process = subprocess.Popen(
                command, cwd=self.place, env=quiet, stdout=log, stderr=log, start_new_session=True
            )
        for _ in range(900):
            if self.process.poll() is not None:
                pytest.fail(f"the server ended:\n{(self.place / 'log').read_text()[-2000:]}")
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.address}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
            time.sleep(0.1)
        pytest.fail("the server did not start")

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


@contextlib.contextmanager
def serving(place: Path, kind: str, migrated: Path | None = None) -> Iterator[Server]:
    """A running server whose store is `sqlite` (begun as a copy of `migrated`, if given) or `postgresql`."""
    with contextlib.ExitStack() as stack:
        store = f"sqlite:///{place}/mlflow.db"
        if migrated:
            shutil.copy(migrated, place / "mlflow.db")
        if kind == "postgresql":
            store = stack.enter_context(postgres()).get_uri(driver="psycopg2")
        server = Server(place, store, free_port())
        stack.callback(server.kill)
        server.start()
        yield server
