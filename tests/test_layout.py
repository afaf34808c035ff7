"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("features", "models", "pipelines")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_short_has_a_contract_and_no_vague_name(module: Path) -> None:
    text = module.read_text()
    assert text.startswith('"""'), "a module's docstring states its contract first"
    assert len(text.splitlines()) <= 300, "a word is missing: split the file"
    assert not re.search(r"utils|helpers|common|manager", module.stem)


@pytest.mark.parametrize("package", ["features", "models"])
def test_pure_packages_read_no_clock_and_no_environment(package: str) -> None:
    for module in (ROOT / package).rglob("*.py"):
        found = re.findall(
            r"datetime\.now|date\.today|Timestamp\.(?:now|today)|time\.time\(|os\.environ|requests\.",
            module.read_text(),
        )
        assert not found, f"{module}: {found}"


def test_the_clock_is_read_at_the_command_line_alone() -> None:
    for module in (ROOT / "pipelines").rglob("*.py"):
        if module.name not in {"cli.py", "cli_list.py", "cli_batch.py"}:
            found = re.findall(r"datetime\.now|date\.today|Timestamp\.(?:now|today)", module.read_text())
            assert not found, f"{module}: {found}"


def test_no_pickle_anywhere() -> None:
    for module in MODULES:
        assert not re.search(r"import (pickle|joblib|cloudpickle)|joblib\.(dump|load)", module.read_text()), module


def test_tests_mirror_the_packages() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) == len(set(names)), "importlib mode wants unique names"
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_no_host_names_in_the_lock() -> None:
    for lock in ("requirements.lock", ".ci/uv.txt"):
        assert "://" not in (ROOT / lock).read_text()


def test_every_stage_of_the_graph_is_a_module() -> None:
    for name, stage in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].items():
        command = stage.get("do", stage)["cmd"]
        assert command.startswith(f"python -m pipelines.{name} ")
        assert (ROOT / "pipelines" / f"{name}.py").exists()


def local_imports(module: Path) -> set[Path]:
    """Files of the three packages that a module imports, wherever in it the import stands."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            path = ROOT / (name.replace(".", "/") + ".py")
            if name.split(".")[0] in PACKAGES and path.exists():
                found.add(path)
    return found


NO_DEPENDENCY = {  # they say, lock, log or check settings; what they do never changes an output's content
    "pipelines/runtime/stage.py",
    "pipelines/runtime/errors.py",
    "pipelines/settings/params.py",
    "pipelines/settings/messages.py",
    "pipelines/settings/types.py",
    "pipelines/settings/sources.py",
    "pipelines/settings/churn.py",
    "pipelines/settings/contacts.py",
    "pipelines/settings/privacy.py",
    "pipelines/settings/spark.py",
    "pipelines/settings/at_risk.py",
    "pipelines/settings/model.py",
    "pipelines/settings/types.py",
    "pipelines/modelling/trial_store.py",
    "pipelines/modelling/tracking/mlflow_store.py",
    "features/errors.py",
    "models/errors.py",
}


def closure(module: Path) -> set[Path]:
    seen, todo = set(), [module]
    while todo:
        module = todo.pop()
        if module not in seen and str(module.relative_to(ROOT)) not in NO_DEPENDENCY:
            seen.add(module)
            todo += local_imports(module)
    return seen


@pytest.mark.parametrize("name", sorted(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]))
def test_all_code_that_makes_an_output_is_a_dependency_of_its_stage(name: str) -> None:
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"][name]
    if stage.get("always_changed"):
        return
    deps = [ROOT / dep for dep in stage.get("do", stage)["deps"]]
    needed = {
        path for path in closure(ROOT / "pipelines" / f"{name}.py") if str(path.relative_to(ROOT)) not in NO_DEPENDENCY
    }
    missing = {
        str(path.relative_to(ROOT)) for path in needed if not any(dep == path or dep in path.parents for dep in deps)
    }
    assert not missing
