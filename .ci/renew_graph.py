"""Write into dvc.yaml which code and which libraries each stage depends on, as pipelines/runtime/code.py finds them.

`make graph` runs it after imports or files changed; a test says when it has to be run. The rest of dvc.yaml is kept.
With `--libraries`, pyproject.toml is made to pin the versions of requirements.lock first (`make lock` does that).
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pipelines.runtime import code  # noqa: E402 - the project's own, wherever this is called from

OURS = re.compile(r"^\s+- (?:features|models|pipelines)(?:/\S+)?$")
PINS = "pyproject.toml"


def renewed(text: str) -> str:
    """The dvc.yaml with the dependencies on code of today."""
    parts = re.split(r"(?m)^(?=  \w+:$)", text)
    return "".join(_stage(part) if f"pipelines.stages.{_name(part)}" in part else part for part in parts)


def _name(part: str) -> str:
    return part.partition(":")[0].strip()


def _stage(part: str) -> str:
    if "deps:" not in part:
        return part  # it always runs
    module = f"pipelines.stages.{_name(part)}"
    lines = [line for line in part.split("\n") if not OURS.match(line)]
    lines = _without_pins(lines)
    at = next(place for place, line in enumerate(lines) if line.strip() == "deps:")
    indent = re.match(r"\s*", lines[at])[0] + "  "  # type: ignore[index]
    end = next(place for place in range(at + 1, len(lines)) if not lines[place].startswith(f"{indent}- "))
    lines[end:end] = [f"{indent}- {unit}" for unit in code.units_of(module)]
    at = next(place for place, line in enumerate(lines) if line.strip() == "params:")
    libraries = code.libraries_of(module)
    pins = [f"{indent}    - tool.churn-pipeline.libraries.{name}" for name in libraries]
    lines[at + 1 : at + 1] = [f"{indent}- {PINS}:", *pins] if pins else []
    return "\n".join(lines)


def _without_pins(lines: list[str]) -> list[str]:
    return [line for line in lines if "tool.churn-pipeline.libraries" not in line and line.strip() != f"- {PINS}:"]


def pinned(project: str, lock: str) -> str:
    """The pyproject.toml with the lock's versions of the libraries that compute the numbers."""
    found = re.findall(r"(?m)^([\w.-]+)==([\w.+!-]+)", lock)
    versions = {name: " or ".join(version for one, version in found if one == name) for name, _ in found}
    body = "".join(f'{name} = "{versions[name]}"\n' for name in sorted(code.LIBRARIES.values()))
    head, _, rest = project.partition("[tool.churn-pipeline.libraries]\n")
    kept = re.sub(r"\A(?:#.*\n|[\w-]+ = .*\n)*", "", rest)
    comment = "# Dependencies of the stages (dvc.yaml); from requirements.lock by `make lock`.\n"
    return f"{head}[tool.churn-pipeline.libraries]\n{comment}{body}{kept}"


def main() -> None:
    """Renew the files of this checkout."""
    project, graph = ROOT / PINS, ROOT / "dvc.yaml"
    if "--libraries" in sys.argv:
        project.write_text(pinned(project.read_text("utf-8"), (ROOT / "requirements.lock").read_text("utf-8")), "utf-8")
    graph.write_text(renewed(graph.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
