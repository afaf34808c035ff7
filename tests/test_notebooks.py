"""Notebooks run from top to bottom on the demo, import only features and models, and are kept without outputs."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
OURS = {"features", "models", "pipelines"}


def cells(notebook: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]


def imported(source: str) -> set[str]:
    """The top-level packages that a cell imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_stripped(notebook: Path) -> None:
    for cell in cells(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_of_ours_only_features_and_models_are_imported(notebook: Path) -> None:
    for cell in cells(notebook):
        assert imported(cell.source) & OURS <= {"features", "models"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demo's training activity has been pulled."""
    from pipelines import pull_activity
    from pipelines.params import load

    folder = tmp_path_factory.mktemp("project")
    patch = pytest.MonkeyPatch()
    patch.setattr(pull_activity, "_check", lambda *_: None)  # judged in test_pull_activity
    patch.chdir(folder)
    try:
        out = folder / "data" / "activity" / "train"
        pull_activity.pull(load(ROOT / "params.yaml"), "train", out, folder / "data" / "validation" / "activity.json")
    finally:
        patch.undo()
    return folder


def run(notebook: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> nbformat.NotebookNode:
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    content = nbformat.read(notebook, as_version=4)
    NotebookClient(content, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return content


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_shows_pictures(notebook: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = run(notebook, project, monkeypatch)
    outputs = [output for cell in content.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3


@pytest.mark.slow
def test_without_activity_it_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbclient.exceptions import CellExecutionError

    with pytest.raises(CellExecutionError, match="Run `make run`"):
        run(ROOT / "notebooks" / "01_look_at_activity.ipynb", tmp_path, monkeypatch)
