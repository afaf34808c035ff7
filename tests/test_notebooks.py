"""Notebooks run from top to bottom on the demo, import only features and models, and are kept without outputs."""

from __future__ import annotations

import ast
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
OURS = {"features", "models", "pipelines"}


def cells(notebook: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]


def imported(source: str) -> set[str]:
    """The modules that a cell imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_stripped(notebook: Path) -> None:
    for cell in cells(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_of_ours_only_features_models_and_sentences_are_imported(notebook: Path) -> None:
    for cell in cells(notebook):
        ours = {name for name in imported(cell.source) if name.split(".")[0] in OURS}
        edge = {name for name in ours if name.startswith("pipelines")}
        assert all(name.startswith("pipelines.rendering.language.") for name in edge)


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demo's training activity has been pulled, all that the first notebook needs."""
    from pipelines.settings.params import load
    from pipelines.stages import pull_activity

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


@pytest.fixture
def project(notebook: Path, request: pytest.FixtureRequest) -> Path:
    """Where a notebook finds what it reads: the later ones look at a whole run."""
    if notebook.stem.startswith("01_"):
        return Path(request.getfixturevalue("pulled"))
    return Path(request.getfixturevalue("shop_run").folder)


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
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_without_data_it_says_what_to_run(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbclient.exceptions import CellExecutionError

    with pytest.raises(CellExecutionError, match="Run `make run`"):
        run(notebook, tmp_path, monkeypatch)


def set_in(notebook: Path, old: str, new: str, folder: Path) -> Path:
    """The notebook as a person edits it."""
    text = notebook.read_text()
    assert old in text
    (folder / notebook.name).write_text(text.replace(old, new))
    return folder / notebook.name


@pytest.mark.slow
def test_two_runs_are_put_side_by_side(shop_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    shutil.copytree(shop_run.folder / "data/models/silent_28d", other)
    line = '"    \\"this run\\": root / \\"data/models\\" / DEFINITION,\\n",'
    more = line + f'\n    "    \\"other\\": Path(\\"{other}\\"),\\n",'
    edited = set_in(ROOT / "notebooks/02_compare_models.ipynb", line, more, tmp_path)
    table = run(edited, shop_run.folder, monkeypatch).cells[-1].outputs[-1]["data"]["text/plain"]
    assert "other backtest" in table
    assert "+0.0000 (+0.0000 to +0.0000)" in table  # it is the same run


@pytest.mark.slow
def test_a_customer_without_a_score_is_told(shop_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbclient.exceptions import CellExecutionError

    source = ROOT / "notebooks/03_understand_a_score.ipynb"
    edited = set_in(source, "CUSTOMER = None ", "CUSTOMER = 'nobody' ", tmp_path)
    with pytest.raises(CellExecutionError, match="nobody has no score: not a customer of silent_28d"):
        run(edited, shop_run.folder, monkeypatch)
