"""A command that is stopped ends what it started first, says what to do, and ends as shells count."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import psutil
import pytest
from click.testing import CliRunner

from pipelines.commands.lazy_group import LazyGroup
from pipelines.commands.scheduled import command_log
from pipelines.commands.stopping import end
from tests.conftest import new_project, shop_orders

# A process that starts another; both ignore nothing, and the inner one says when it is there.
FAMILY = """
import subprocess, sys
inner = "import pathlib, time; pathlib.Path('inner').touch(); time.sleep(60)"
subprocess.run([sys.executable, '-c', inner])
"""
STUBBORN = """
import pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path('inner').touch()
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background begins with it ignored
    yield
    signal.signal(signal.SIGINT, before)


def started(program: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", program])
    while not Path("inner").exists():
        time.sleep(0.01)
    return process


def test_a_process_goes_with_all_that_it_started() -> None:
    process = started(FAMILY)
    family = psutil.Process(process.pid).children(recursive=True)
    assert family
    end(process)
    process.wait(5)
    assert not [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    end(process)  # gone already


def test_what_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.commands.stopping.GRACE_SECONDS", 0.2)
    process = started(f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {STUBBORN!r}])")
    family = psutil.Process(process.pid).children(recursive=True)
    end(process)
    process.wait(5)
    psutil.wait_procs(family, 5)
    assert not [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_command_says_so_and_unwinds(number: signal.Signals, code: int) -> None:
    unwound = []

    @click.group(cls=LazyGroup, lazy={})
    def main() -> None:
        """Nothing."""

    @main.command()
    @click.option("--json", "as_json", is_flag=True)
    def work(*, as_json: bool) -> None:
        with command_log("json" if as_json else "text"):
            try:
                os.kill(os.getpid(), number)
                time.sleep(5)
            finally:
                unwound.append(True)

    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    done = CliRunner().invoke(main, ["work"])
    assert (done.exit_code, unwound) == (code, [True])
    assert f"Stopped by {number.name}. What was started was ended first" in done.stderr
    last = json.loads(CliRunner().invoke(main, ["work", "--json"]).stdout.splitlines()[-1])
    assert (last["event"], last["exit_code"], last["kind"]) == ("failed", code, "Stopped")
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_without_a_log_of_its_own_says_it_too(number: signal.Signals) -> None:
    @click.group(cls=LazyGroup, lazy={})
    def main() -> None:
        """Nothing."""

    @main.command()
    def work() -> None:
        os.kill(os.getpid(), number)
        time.sleep(5)

    done = CliRunner().invoke(main, ["work"])
    assert done.exit_code == 128 + number
    assert done.stderr.strip().endswith("Run the same again, and it goes on.")


@pytest.mark.slow
def test_a_run_ends_its_dvc_and_its_stage_and_the_next_one_is_not_kept_waiting(tmp_path: Path) -> None:
    project = new_project(tmp_path / "shop", shop_orders(40, 200))
    state = project.folder / ".dvc/tmp/churn/stage.json"
    for number in (signal.SIGTERM, signal.SIGINT):
        state.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pipelines.commands.app", "run"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        run = subprocess.Popen(command, cwd=project.folder, env=project.environment(), **pipes)  # type: ignore[call-overload]
        while run.poll() is None and not (state.exists() and "pull_activity" in state.read_text()):
            time.sleep(0.01)
        family = psutil.Process(run.pid).children(recursive=True)
        run.send_signal(number)
        said, _ = run.communicate(timeout=60)
        assert run.returncode == 128 + number, said
        assert f"Stopped by {number.name}" in said
        assert "busy" not in said
        assert "interrupted run" not in said
        assert len(family) > 1
        assert not [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
