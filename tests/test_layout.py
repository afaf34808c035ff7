"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from pipelines.settings import artifacts

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
        if module.parent.name != "commands":
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
        assert command.startswith(f"python -m pipelines.stages.{name} ")
        assert (ROOT / "pipelines" / "stages" / f"{name}.py").exists()


def test_names_of_files_between_stages_stand_in_one_place() -> None:
    names = {value for value in vars(artifacts).values() if isinstance(value, str) and re.fullmatch(r"\w+\.\w+", value)}
    folders = {value.as_posix() for value in vars(artifacts).values() if isinstance(value, Path)} - {"data"}
    assert len(names) > 15
    assert len(folders) > 3
    for module in MODULES:
        if module != Path(artifacts.__file__):
            found = {
                node.value
                for node in ast.walk(ast.parse(module.read_text()))
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
            again = {text for text in found if text.rpartition("/")[2] in names or text in folders}
            assert not again, f"{module}: {again}; take them from pipelines/settings/artifacts.py"


def test_names_and_literals_of_sql_are_quoted_in_one_place() -> None:
    doubled = r"""replace\("'", "''"\)|replace\('"', '""'\)"""
    wrapped = r"""f'"\{\w+\}"'|(?:from|into|where|distinct|describe|table_info\() ?"\{"""
    by_hand = re.compile(f"{doubled}|{wrapped}")
    for module in MODULES:
        if module != ROOT / "pipelines" / "runtime" / "sql.py":
            assert not by_hand.findall(module.read_text()), (
                f"{module}: take quoted or text from pipelines/runtime/sql.py"
            )


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in MODULES}), ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_room_is_small_enough_to_know_it(folder: Path) -> None:
    modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
    rooms = list(folder.glob("*/__init__.py"))
    assert len(modules) <= 15, "a room is missing"
    assert len(rooms) <= 14
    assert len(ast.parse((folder / "__init__.py").read_text()).body) == 1, "a package says what it is for, no more"
