"""No output is stale: every file that can change a stage's output is a dependency of the stage.

The imports are parsed here once more, independently of pipelines/runtime/code.py.
"""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.runtime import code
from pipelines.runtime.errors import ChurnError

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("features", "models", "pipelines")
STAGES: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
GRAPH = {name: stage.get("do", stage) for name, stage in STAGES.items() if not stage.get("always_changed")}
WATCHED = sorted(name for name, stage in STAGES.items() if stage.get("always_changed"))
ENTRY_POINTS = ("pipelines.commands.weekly", "pipelines.commands.score.run")


@cache
def imports(file: Path) -> frozenset[Path]:
    """Files of ours that a file names in any import, and the `__init__.py` of each package on the way."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            for depth in range(1, len(parts) + 1) if parts[0] in PACKAGES else ():
                place = ROOT.joinpath(*parts[:depth])
                found |= {one for one in (place / "__init__.py", place.with_suffix(".py")) if one.is_file()}
    return frozenset(found)


@cache
def closure(module: str) -> frozenset[Path]:
    """Every file that a module reaches."""
    start = Path(module.replace(".", "/") + ".py")
    seen: set[Path] = set()
    todo = [ROOT / start, *(ROOT / folder / "__init__.py" for folder in start.parents if folder.name)]
    while todo:
        file = todo.pop()
        if file not in seen:
            seen.add(file)
            todo += imports(file)
    return frozenset(seen)


@cache
def beside(folder: Path) -> frozenset[Path]:
    """Templates, styles, scripts, presets and languages of a folder."""
    kinds = {".jinja", ".css", ".js", ".yaml"}
    inner = {path.parent for path in folder.glob("*/__init__.py")}
    found = (path for path in folder.rglob("*") if path.suffix in kinds)
    return frozenset(path for path in found if not inner & set(path.parents))


def units(name: str) -> set[str]:
    return {dep for dep in GRAPH[name]["deps"] if not dep.startswith("data/")}


def covered(file: Path, by: set[str]) -> bool:
    name = file.relative_to(ROOT)
    return any(str(part) in by for part in (name, *name.parents))


def names(files: set[Path]) -> list[str]:
    return sorted(str(file.relative_to(ROOT)) for file in files)


@pytest.mark.parametrize("name", sorted(GRAPH))
def test_a_stage_depends_on_every_file_it_reaches(name: str) -> None:
    reached = closure(f"pipelines.stages.{name}")
    needed = reached | {other for file in reached for other in beside(file.parent)}
    assert names({file for file in needed if not covered(file, units(name))}) == []


@pytest.mark.parametrize("name", sorted(GRAPH))
def test_a_stage_depends_on_nothing_beyond_the_rooms_it_imports(name: str) -> None:
    reached = closure(f"pipelines.stages.{name}")
    rooms = {file.parent for file in reached}
    places = [ROOT / unit for unit in units(name)]
    files = {path for place in places for path in ([place] if place.is_file() else place.rglob("*.py"))}
    assert names({file for file in files if file.parent not in rooms}) == []
    extra = files - reached
    share = len(extra) / len(files)
    print(f"{name}: {len(extra)} of {len(files)} files ({share:.0%}) are neighbours of what it imports")


@pytest.mark.parametrize("name", sorted(GRAPH))
def test_dvc_yaml_says_what_the_code_says(name: str) -> None:
    module = f"pipelines.stages.{name}"
    deps = [dep for dep in GRAPH[name]["deps"] if not dep.startswith("data/")]
    assert deps == list(code.units_of(module)), "run `make graph`"
    pinned = next((entry[code.PINS] for entry in GRAPH[name]["params"] if isinstance(entry, dict)), [])
    assert pinned == list(code.libraries_of(module)), "run `make graph`"


@pytest.mark.parametrize("module", [*ENTRY_POINTS, *(f"pipelines.stages.{name}" for name in [*GRAPH, *WATCHED])])
def test_a_digest_is_of_every_file_that_is_reached(module: str) -> None:
    known = set(code.units_of(module))
    assert names({file for file in closure(module) if not covered(file, known)}) == []


def test_the_pinned_libraries_are_those_of_the_lock() -> None:
    pinned = json.loads((ROOT / code.PINS).read_text())
    lock = re.findall(r"(?m)^([\w.-]+)==([\w.]+)", (ROOT / "requirements.lock").read_text())
    assert set(pinned) == set(code.LIBRARIES.values())
    for name, versions in pinned.items():
        assert versions.split(" or ") == [version for one, version in lock if one == name], "run `make lock`"


def test_another_version_than_the_pinned_one_is_named(tmp_path: Path) -> None:
    code.require_pinned_libraries(ROOT)
    code.require_pinned_libraries(tmp_path)  # no libraries.json, no graph
    (tmp_path / "libraries.json").write_text('{"numpy": "1.0"}')
    with pytest.raises(
        ChurnError, match=r"numpy \S+ is installed, and libraries.json pins 1.0, so (?s:.*)`make setup`"
    ):
        code.require_pinned_libraries(tmp_path)


def test_names_contents_and_versions_make_the_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("models", "models/learners"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    one = tmp_path / "models/learners/one.py"
    one.write_text("a = 1\n")
    monkeypatch.setattr(code, "ROOT", tmp_path)
    seen = [code.digest("models.learners.one")]
    (tmp_path / "models/learners/__pycache__").mkdir()
    (tmp_path / "models/learners/__pycache__/one.pyc").write_bytes(b"x")
    assert code.digest("models.learners.one") == seen[0]
    (tmp_path / "models/learners/neighbour.css").write_text("p {}")
    seen.append(code.digest("models.learners.one"))
    one.write_text("import numpy\n")
    code._imported.cache_clear()
    seen.append(code.digest("models.learners.one"))
    monkeypatch.setattr("importlib.metadata.version", lambda _: "0")
    seen.append(code.digest("models.learners.one"))
    code._imported.cache_clear()
    assert len(set(seen)) == 4
