"""The code that a module's results come from: one definition for DVC's dependencies and for every digest of code.

The code of a module is what its imports reach, wherever they stand (within functions and for types, too), in units:

* a folder without packages inside counts as a whole, with its templates, styles, presets and language files;
* a folder that has packages inside does so if it is reached nearly whole: every package of it, and NEARLY_WHOLE of its
  files (each entry costs DVC time in every stage: it reads and writes the whole dvc.lock);
* in another such folder, and among the entry points (stages, commands), each file counts for itself.

So no file that could change a result is left out, and at most the neighbours within a folder are too much. The
versions of the libraries that compute the numbers belong to it: `libraries.json` pins them for DVC (`a or b` where
Python versions differ), and what is installed has to be pinned there.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from pipelines.runtime.errors import ChurnError

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("features", "models", "pipelines")
ENTRY_POINTS = ("pipelines/stages", "pipelines/commands")
LIBRARIES = {"duckdb": "duckdb", "lightgbm": "lightgbm", "numpy": "numpy", "sklearn": "scikit-learn"}
PINS = "libraries.json"
SOURCES = (".py", ".jinja", ".css", ".js", ".yaml")
NEARLY_WHOLE = 0.75


def files_of(*modules: str) -> frozenset[Path]:
    """Every Python file that importing these modules may ever reach, themselves and packages' `__init__.py` included.

    Args:
        modules: dotted names, like `pipelines.stages.make_list`.
    """
    files: set[Path] = set()
    known: set[str] = set()
    pending = set(modules)
    while pending:
        known |= pending
        new = {path for name in pending for path in _paths(name)} - files
        files |= new
        pending = {name for path in new for name in _imported(path)} - known
    return frozenset(files)


def units_of(*modules: str) -> tuple[str, ...]:
    """The files and folders of the code of these modules, relative to the project, in order of name."""
    return _units(files_of(*modules))


def _units(files: Iterable[Path]) -> tuple[str, ...]:
    units = {_unit(path) for path in files}
    whole = {name for name in {unit.rpartition("/")[0] for unit in units} if _is_nearly_whole(name, units)}
    return tuple(sorted(whole | {unit for unit in units if not any(unit.startswith(f"{name}/") for name in whole)}))


def libraries_of(*modules: str) -> tuple[str, ...]:
    """Distributions of LIBRARIES that the code of these modules imports, in order of name."""
    return _libraries(files_of(*modules))


def _libraries(files: Iterable[Path]) -> tuple[str, ...]:
    imported = {name.split(".")[0] for path in files for name in _imported(path)}
    return tuple(sorted(LIBRARIES[name] for name in imported & set(LIBRARIES)))


def digest(*modules: str) -> str:
    """SHA-256 of the code of these modules: names and contents of its source files, and its libraries' versions."""
    sha, files = hashlib.sha256(), files_of(*modules)
    for path in sorted(_sources(_units(files))):
        sha.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    for name in _libraries(files):
        sha.update(f"{name}=={importlib.metadata.version(name)}\0".encode())
    return sha.hexdigest()


def require_pinned_libraries(project: Path = Path()) -> None:
    """What is installed has to be what the project's libraries.json pins, else DVC would not notice the difference.

    Raises:
        ChurnError: a version differs; each is named. Without a libraries.json (no graph either) nothing is asked.
    """
    file = project / PINS
    if not file.is_file():
        return
    faults = [
        f"{name} {found} is installed, and {PINS} pins {version}, so results of the two could be mixed unnoticed. "
        "Run `make setup`, or `make lock` to pin what is newest."
        for name, version in sorted(json.loads(file.read_text(encoding="utf-8")).items())
        if (found := importlib.metadata.version(name)) not in version.split(" or ")
    ]
    if faults:
        raise ChurnError(*faults)


def _paths(name: str) -> list[Path]:
    """The file of a module and the `__init__.py` of each package around it; nothing where it is none of ours."""
    parts = name.split(".")
    if parts[0] not in PACKAGES:
        return []
    folders = [ROOT.joinpath(*parts[:depth]) for depth in range(1, len(parts) + 1)]
    packages = [folder / "__init__.py" for folder in folders if (folder / "__init__.py").is_file()]
    module = folders[-1].with_suffix(".py")
    return [*packages, *([module] if module.is_file() else [])]


@cache
def _imported(path: Path) -> frozenset[str]:
    """Dotted names that a file imports, at any depth; of `from a import b` both `a` and `a.b`."""
    names: set[str] = set()
    for node in _statements(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def _statements(module: ast.Module) -> Iterator[ast.AST]:
    """Every statement at any depth; expressions, which hold most of a file and import nothing, are passed over."""
    pending: list[ast.AST] = [module]
    while pending:
        node = pending.pop()
        yield node
        for name in ("body", "handlers", "orelse", "finalbody", "cases"):
            inner = getattr(node, name, ())
            pending += inner if isinstance(inner, list) else ()  # the body of a lambda is an expression


def _unit(path: Path) -> str:
    folder = path.parent
    name = folder.relative_to(ROOT).as_posix()
    alone = name.startswith(ENTRY_POINTS) or any(folder.glob("*/__init__.py"))
    return path.relative_to(ROOT).as_posix() if alone else name


def _is_nearly_whole(name: str, units: set[str]) -> bool:
    """Whether these units are most of a folder that has packages inside, none of which is missing."""
    if name in ("", *PACKAGES, *ENTRY_POINTS):
        return False
    packages = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / name).glob("*/__init__.py")}
    files = _sources([name])
    return bool(packages) and packages <= units and len(files & _sources(units)) >= NEARLY_WHOLE * len(files)


def _sources(units: Iterable[str]) -> set[Path]:
    places = [ROOT / unit for unit in units]
    files = {path for place in places for path in (place.rglob("*") if place.is_dir() else [place])}
    return {path for path in files if path.suffix in SOURCES and path.is_file()}
