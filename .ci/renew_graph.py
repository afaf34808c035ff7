"""Write into dvc.yaml which code and which libraries each stage depends on, as pipelines/runtime/code.py finds them.

`make graph` runs it after imports or files changed; a test says when it has to be run. The rest of dvc.yaml is kept.
With `--libraries`, libraries.json is made to pin the versions of requirements.lock first (`make lock` does that).
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pipelines.runtime import code  # noqa: E402 - the project's own, wherever this is called from

OURS = re.compile(r"^\s+- (?:features|models|pipelines)(?:/\S+)?$")


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
    pinned = set(code.LIBRARIES.values())
    lines = [line for line in lines if line.strip().removeprefix("- ") not in {*pinned, f"{code.PINS}:"}]
    at = next(place for place, line in enumerate(lines) if line.strip() == "deps:")
    indent = re.match(r"\s*", lines[at])[0] + "  "  # type: ignore[index]
    end = next(place for place in range(at + 1, len(lines)) if not lines[place].startswith(f"{indent}- "))
    lines[end:end] = [f"{indent}- {unit}" for unit in code.units_of(module)]
    at = next(place for place, line in enumerate(lines) if line.strip() == "params:")
    libraries = code.libraries_of(module)
    pins = [f"{indent}    - {name}" for name in libraries]
    lines[at + 1 : at + 1] = [f"{indent}- {code.PINS}:", *pins] if pins else []
    return "\n".join(lines)


def pinned(lock: str) -> str:
    """The libraries.json with the lock's versions of the libraries that compute the numbers."""
    found = re.findall(r"(?m)^([\w.-]+)==([\w.+!-]+)", lock)
    versions = {name: " or ".join(version for one, version in found if one == name) for name, _ in found}
    return json.dumps({name: versions[name] for name in sorted(code.LIBRARIES.values())}, indent=2) + "\n"


def main() -> None:
    """Renew the files of this checkout."""
    graph = ROOT / "dvc.yaml"
    if "--libraries" in sys.argv:
        (ROOT / code.PINS).write_text(pinned((ROOT / "requirements.lock").read_text("utf-8")), "utf-8")
    graph.write_text(renewed(graph.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
