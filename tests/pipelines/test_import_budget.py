"""What a process may load before it needs it: stages no heavy library, `churn --help` nothing but click and a list.

Modules are counted, not seconds, so the tests say the same on every machine.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from pipelines.commands import lists, project, scheduled, stores
from pipelines.commands.app import COMMANDS
from pipelines.commands.effect import kpi, outcomes, playbook, uplift

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"great_expectations", "lightgbm", "matplotlib", "mlflow", "optuna", "pandas", "scipy.stats", "sklearn"}


def _stages() -> list[str]:
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    commands = [stage.get("do", stage)["cmd"] for stage in graph.values()]
    return sorted({command.split()[2] for command in commands})


def _loaded(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint('loaded', *sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("stage", _stages())
def test_a_stage_loads_no_heavy_library_before_it_needs_it(stage: str) -> None:
    loaded = _loaded(f"import {stage}")
    assert stage in loaded
    assert not loaded & HEAVY


@pytest.mark.skipif(platform.machine() in ("aarch64", "arm64"), reason="LightGBM needs scikit-learn first on ARM")
def test_lightgbm_comes_without_scikit_learn_which_can_be_imported_afterwards() -> None:
    lightgbm = "from models.learners import lightgbm_import\nlightgbm_import.load().Booster"
    assert not {"sklearn", "scipy.stats"} & _loaded(lightgbm)
    assert {"sklearn", "lightgbm"} <= _loaded(f"{lightgbm}\nimport sklearn")


def test_great_expectations_judges_without_other_engines_and_stores() -> None:
    judged = "from tests.features.test_expectations import failed\nassert failed() == []"
    unused = {"altair", "boto3", "jsonschema", "pyspark", "scipy.stats", "sqlalchemy"}
    loaded = _loaded(judged)
    assert "great_expectations" in loaded
    assert not loaded & unused


def test_every_stage_of_the_graph_is_looked_at() -> None:
    assert len(_stages()) == 9
    assert all(stage.startswith("pipelines.") for stage in _stages())


def test_help_loads_click_and_the_list_of_commands_only() -> None:
    before = _loaded("")
    after = _loaded("from pipelines.commands.app import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass")
    foreign = {name for name in after - before if name.split(".")[0] not in {*sys.stdlib_module_names, "click"}}
    assert foreign == {"pipelines", "pipelines.commands", "pipelines.commands.app", "pipelines.commands.lazy_group"}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_list_of_commands_says_what_the_command_says(name: str) -> None:
    listed, command = COMMANDS[name], COMMANDS[name].load()
    assert command.name == name
    shown = click.Command(name, help=listed.sentence)
    for width in (20, 45, 70, 110):
        assert shown.get_short_help_str(width) == command.get_short_help_str(width)
    assert " ".join((command.help or "").split()).startswith(listed.sentence)


def test_every_command_is_in_the_list() -> None:
    inner = {"show", "check"}  # of `churn sources`
    made = {
        one.name
        for module in (scheduled, lists, outcomes, kpi, uplift, playbook, project, stores)
        for one in vars(module).values()
        if isinstance(one, click.Command)
    }
    assert made - inner == set(COMMANDS)
