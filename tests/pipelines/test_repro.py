"""What DVC starts as a fork of itself: which commands, and what such a stage shares with nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.commands.repro import libraries, lock_file, stage_process

ROOT = Path(__file__).resolve().parents[2]


def commands() -> list[str]:
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    return [" ".join(stage.get("do", stage)["cmd"].split()) for stage in graph.values()]


@pytest.mark.parametrize("command", commands())
def test_every_stage_of_the_graph_is_forked(command: str) -> None:
    found = stage_process.stage_of(command.replace("${", "").replace("}", ""))
    assert found is not None
    assert found[0] == command.split()[2]


def test_the_stages_that_are_lent_libraries_are_those_of_the_graph() -> None:
    stages = {command.split()[2].removeprefix(stage_process.STAGES) for command in commands()}
    assert {*libraries.BY_STAGE, *libraries.JUDGING, *libraries.BOOSTING} < stages


@pytest.mark.parametrize(
    "command",
    [
        "python train.py",
        "python -m json.tool a.json",
        "python -m pipelines.stages.make_list && rm list",
        "python -m pipelines.stages.make_list --out $HOME",
        "python -m pipelines.stages.make_list > list.txt",
        "python -m pipelines.stages.make_list --out 'unfinished",
        "make list",
        "",
    ],
)
def test_any_other_command_is_left_to_dvc(command: str) -> None:
    assert stage_process.stage_of(command) is None


def test_an_argument_with_a_space_is_left_to_the_shell() -> None:
    assert stage_process.stage_of("python -m pipelines.stages.make_list --out 'a b'") is None
    assert stage_process.stage_of("python -m  pipelines.stages.make_list --out\n  a") == (
        "pipelines.stages.make_list",
        ["--out", "a"],
    )


# The stand-in for a stage says what it finds, or ends as its first argument wants.
STAGE = """
import atexit, json, logging, os, signal, sys
from pathlib import Path
import models.normal

def main(arguments, prog_name):
    if arguments[0] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if arguments[0] == "broken":
        raise ValueError("a defect")
    if arguments[0] == "refused":
        raise SystemExit(2)
    atexit.register(print, "its own end")
    open_files = [str(path.resolve()) for path in Path("/proc/self/fd").iterdir()]
    found = {
        "arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ),
        "of_dvc": [name for name in open_files if name.endswith("held.lock")],
        "silenced": logging.getLogger("somebody").disabled, "pid": os.getpid(),
        "normal": models.normal.__file__, "marked": hasattr(models.normal, "marked"),
    }
    print(json.dumps(found))
"""
PROGRAM = """
import atexit, logging, os, sys
import models.normal
from pipelines.commands.repro.stage_process import exit_code_of

atexit.register(print, "the end of the parent", os.getpid())
models.normal.marked = True
logging.getLogger("somebody").disabled = True
lock = open("held.lock", "w")
for what in sys.argv[1:]:
    code = exit_code_of("stand_in", [what], environment={"PATH": "/bin", "KEY": "value"}, folder="below")
    print("ended with", code, flush=True)
print("still open", not lock.closed, models.normal.marked, flush=True)
"""


def forked(folder: Path, *what: str) -> subprocess.CompletedProcess[str]:
    (folder / "below").mkdir()
    (folder / "stand_in.py").write_text(STAGE)
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", PROGRAM, *what]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True, timeout=60)


@pytest.mark.skipif(sys.platform != "linux", reason="forked on Linux alone")
def test_a_fork_is_the_stage_that_a_new_interpreter_would_be(tmp_path: Path) -> None:
    done = forked(tmp_path, "well", "killed", "broken", "refused")
    said = done.stdout.splitlines()
    found: dict[str, Any] = json.loads(said[0])
    assert found["arguments"] == ["well"]
    assert found["folder"] == str(tmp_path / "below")
    assert found["environment"] == {"PATH": "/bin", "KEY": "value"}
    assert found["of_dvc"] == []
    assert not found["silenced"]
    assert found["normal"] == str(ROOT / "models/normal.py")
    assert not found["marked"], "our own code is imported anew"
    assert said[1:3] == ["its own end", "ended with 0"]
    assert said[3:6] == ["ended with -9", "ended with 1", "ended with 2"]
    assert said[6] == "still open True True"
    assert said[7].startswith("the end of the parent ")
    assert len(said) == 8, "the parent's end is the parent's alone"
    assert "ValueError: a defect" in done.stderr


def test_dvcs_lock_is_read_plainly_and_written_as_ever(tmp_path: Path) -> None:
    from dvc.utils.serialize import _yaml

    lock = {"schema": "2.0", "stages": {"a": {"cmd": "x: 1", "deps": [{"path": "b", "md5": "1e5", "size": 3}]}}}
    path, parse = tmp_path / "dvc.lock", lock_file.reading_locks_plainly(_yaml.parse_yaml_for_update, _yaml.parse_yaml)
    path.write_text(_yaml.dumps_yaml(lock))
    read = parse(path.read_text(), str(path))
    assert read == lock
    assert _yaml.dumps_yaml(read) == path.read_text()
    text = "stages:  # of ours\n  a: {cmd: x}  # short\n"
    assert _yaml.dumps_yaml(parse(text, tmp_path / "dvc.yaml")) == text
