"""Files that other programs read: workflows, hooks of git, the citation. They are well-formed, and call what exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"(?m)^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8")))


def read(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_targets_of_the_makefile_and_nothing_else(path: Path) -> None:
    content = read(path)
    assert {"push", "pull_request"} <= set(content[True])  # YAML reads the key `on` as true
    assert content["permissions"] == {"contents": "read"}
    for job in content["jobs"].values():
        commands = [step["run"] for step in job["steps"] if "run" in step]
        assert commands
        for command in commands:
            called = re.fullmatch(r"make ([a-z-]+)( [A-Z]+=\S.*)?", command)
            assert called, command
            assert called[1] in TARGETS, command


def test_the_suite_runs_on_every_python_that_is_allowed() -> None:
    matrix = read(ROOT / ".github/workflows/tests.yml")["jobs"]["tests"]["strategy"]["matrix"]
    assert matrix["python"] == ["3.11", "3.12", "3.13"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=3.11,<3.14"


def test_hooks_are_local_and_run_the_projects_own_tools() -> None:
    (repository,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    tools = {hook["id"]: hook["entry"].split()[0] for hook in repository["hooks"]}
    assert set(tools) == {"ruff-check", "ruff-format", "mypy", "import-linter"}
    assert all(hook["language"] == "system" for hook in repository["hooks"])
    dev = " ".join(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]["dev"])
    for tool in tools.values():
        name = tool.removeprefix(".venv/bin/")
        assert {"lint-imports": "import-linter"}.get(name, name) in dev


def test_the_citation_is_of_this_project() -> None:
    found = read(ROOT / "CITATION.cff")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"cff-version", "message", "title", "authors"} <= set(found)
    assert (found["version"], found["license"]) == (project["version"], project["license"])
    assert found["abstract"] == project["description"]


def test_the_security_policy_says_how_to_report_and_what_is_promised() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    for heading in ("Reporting a vulnerability", "What is supported", "What the project promises"):
        assert f"\n## {heading}\n" in text
