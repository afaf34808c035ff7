"""The plan of the scoring branch is the one that dvc.yaml has: same steps, order, arguments, places and settings."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.commands import plan
from pipelines.runtime import code
from pipelines.settings import params

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = params.load(ROOT / "params.yaml")
STEPS = plan.scoring_branch(SETTINGS, plan.Places())


@pytest.fixture(scope="module")
def graph() -> dict[str, dict[str, Any]]:
    """Stages of dvc.yaml by name, as DVC resolves its templates."""
    from dvc.parsing import DataResolver
    from dvc.repo import Repo

    with Repo(str(ROOT), uninitialized=True) as repo:
        content = yaml.safe_load((ROOT / "dvc.yaml").read_text())
        stages: dict[str, dict[str, Any]] = DataResolver(repo, str(ROOT), content).resolve()["stages"]
    return stages


def outs(stage: dict[str, Any]) -> set[str]:
    return {out if isinstance(out, str) else next(iter(out)) for out in stage["outs"]}


def touches(path: str, other: str) -> bool:
    """One is the other, or lies below it."""
    return path == other or Path(path) in Path(other).parents or Path(other) in Path(path).parents


def needed(graph: dict[str, dict[str, Any]], name: str) -> Iterator[str]:
    """A stage and all that it needs, those first."""
    for other, stage in graph.items():
        if any(touches(dep, out) for dep in graph[name].get("deps", ()) for out in outs(stage)) and other != name:
            yield from needed(graph, other)
    yield name


def test_the_same_steps_in_the_same_order(graph: dict[str, dict[str, Any]]) -> None:
    needs = list(dict.fromkeys(needed(graph, "make_list")))
    assert needs == ["watch_sources", *(step.name for step in STEPS)]


@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_the_same_command_places_and_settings(graph: dict[str, dict[str, Any]], step: plan.Step) -> None:
    stage = graph[step.name]
    program, *options = stage["cmd"].split(" --")
    assert program == f"python -m {step.module}"
    assert dict(option.split() for option in options) == {name: str(value) for name, value in step.arguments.items()}
    assert {str(path) for path in step.outputs.values()} <= outs(stage)
    for path in step.inputs.values():
        assert any(touches(dep, str(path)) for dep in stage["deps"]), path
    assert [name for name in stage["params"] if isinstance(name, str)] == list(step.settings)


@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_a_step_counts_the_code_that_its_stage_depends_on(graph: dict[str, dict[str, Any]], step: plan.Step) -> None:
    deps = [dep for dep in graph[step.name]["deps"] if not dep.startswith("data/")]
    assert list(code.units_of(step.module)) == deps


def test_the_plan_alone_brings_no_stage_so_that_a_step_left_out_does_not_count() -> None:
    units = code.units_of("pipelines.commands.plan", "pipelines.commands.score.run")
    assert "pipelines/commands/plan.py" in units
    steps = {f"{step.module.replace('.', '/')}.py" for step in STEPS}
    assert not steps & set(units)
    assert plan.code_of(STEPS) != plan.code_of(STEPS[:3]) != plan.code_of(())


def test_other_settings_than_a_step_reads_are_not_its_settings() -> None:
    chosen = plan.settings_of(STEPS, SETTINGS)
    assert chosen["observations.score.as_of"] == SETTINGS.observations.score.as_of
    assert chosen["features.attributes"] == SETTINGS.features.attributes
    assert not {"publish", "promotion", "model"} & set(chosen)


@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_what_a_step_calls_takes_the_options_of_the_command(step: plan.Step) -> None:
    module = import_module(step.module)
    inspect.signature(module.perform).bind(SETTINGS, **step.arguments)
    assert set(step.arguments) == {option.name for option in module.main.params}


def test_a_step_is_called_with_the_arguments_of_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.stages import validate_features

    called = []
    monkeypatch.setattr(validate_features, "perform", lambda settings, **options: called.append((settings, options)))
    step = plan.validate_features(plan.Places(tmp_path))
    assert step.perform(SETTINGS) == []
    assert called == [(SETTINGS, step.arguments)]
    assert step.arguments == {
        "features": tmp_path / "features/score",
        "report": tmp_path / "validation/features_score.json",
    }
