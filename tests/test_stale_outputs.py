"""After a run, one changed line of code reruns the stages that it can reach, and nothing else: asked of DVC itself.

One file of every room is changed in a finished project; `weekly` and `score` are asked by the digest that decides
whether they have anything to do.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Project
from tests.test_code_dependencies import ENTRY_POINTS, GRAPH, closure, covered, units

# In one process: starting DVC costs more than asking it.
ASK = """
import json, sys
from pathlib import Path
from dvc.repo import Repo
from pipelines.runtime import code

def digests():
    return {name: code.digest(name) for name in sys.argv[2:]}

found, before = {}, digests()
for name in json.loads(sys.argv[1]):
    file = Path(name)
    text = file.read_bytes()
    mark = {".py": b"# changed", ".css": b"/* changed */", ".js": b"// changed", ".yaml": b"# changed"}
    file.write_bytes(text + mark.get(file.suffix, b"{# changed #}") + b"\\n")
    after = digests()
    stale = [stage for stage, why in Repo().status().items() if why != ["always changed"]]
    found[name] = {"stages": stale, "commands": [one for one in after if after[one] != before[one]]}
    file.write_bytes(text)
print(json.dumps(found))
"""


def one_file_per_room() -> list[str]:
    """A module of every folder of code, and whatever lies beside modules: a template, a style, a preset, a language."""
    chosen = []
    for package in ("features", "models", "pipelines"):
        for init in sorted((ROOT / package).rglob("__init__.py")):
            modules = sorted(path for path in init.parent.glob("*.py") if path.name != "__init__.py")
            chosen += modules[:1]
            others = {}
            for path in sorted(init.parent.rglob("*")):
                if path.suffix in {".jinja", ".css", ".js", ".yaml"} and _room(path) == init.parent:
                    others.setdefault(path.suffix, path)
            chosen += others.values()
    return [path.relative_to(ROOT).as_posix() for path in chosen]


def _room(path: Path) -> Path:
    return next(folder for folder in path.parents if (folder / "__init__.py").is_file())


@pytest.mark.slow
def test_a_changed_line_makes_stale_what_it_reaches_and_nothing_else(shop: Project) -> None:
    files = one_file_per_room()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK, json.dumps(files), *ENTRY_POINTS],
        cwd=shop.folder,
        env={**shop.environment(), "PYTHONPATH": str(shop.folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    for name in files:
        file = ROOT / name
        stages = {stage.partition("@")[0] for stage in found[name]["stages"]}
        assert stages == {stage for stage in GRAPH if covered(file, units(stage))}, name
        reaching = {command for command in ENTRY_POINTS if file in closure(command)}
        assert reaching <= set(found[name]["commands"]), name
