"""`make figures`: what the README and the docs quote of the demo, read from its finished run into figures.json.

The record holds the terminal's list, the sentences of the campaign, the metrics and (with `--experiments`) the table of
`make compare`; beside them the digest under which dvc.lock knows the metrics that they are of. test_quoted_figures.py
holds every page against the record, and the record against dvc.lock and against the results that lie in data/, so that
a page cannot quote another version's figures.

    make run && make figures                     after anything that changes the demo's list or metrics
    make figures ARGS=--experiments              trains three experiments besides, for the table of `make compare`

Blocks of the pages between three back-ticks that show the list or the table are written anew; sentences are not: the
test says what they have to be. Exit code: 0, or 1 where the demo has not been run here.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from pipelines.rendering.language.language import Language
from pipelines.rendering.terminal import list_preview

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "tests" / "figures.json"
DAY, DEFINITION = "2017-12-04", "silent_28d"
LIST = Path("data/at_risk") / DAY
HEADLINE = f"data/evaluation/{DEFINITION}/headline.json"
LEAVES = (4, 12, 16)
LIST_BLOCKS = {"README.md": 3, "docs/retention-team/files.md": 5}
"""Page -> customers of the list that it shows."""
TABLE = "docs/data-scientist/comparing.md"
_BLOCK = re.compile(r"```\n(?P<body>[^`]*?)```")


def digest(root: Path = ROOT) -> str:
    """MD5 of the demo's headline metrics, as dvc.lock has it."""
    stages = yaml.load((root / "dvc.lock").read_text(encoding="utf-8"), yaml.CSafeLoader)["stages"]
    outs = [out for stage in stages.values() for out in stage.get("outs", [])]
    return next(str(out["md5"]) for out in outs if out["path"] == HEADLINE)


def record() -> dict[str, Any]:
    """What was recorded last."""
    return dict(json.loads(RECORD.read_text(encoding="utf-8")))


def results(root: Path = ROOT) -> dict[str, Any]:
    """Text of the first customers, sentences and figures of the run that lies in `root`."""
    manifest = json.loads((root / LIST / "manifest.json").read_text(encoding="utf-8"))
    frame = pd.read_parquet(root / LIST / "at_risk.parquet")
    table = list_preview(frame, rows=10, language=Language("en", "USD"))
    rows = [line.rstrip() for line in table.split("\n\n...")[0].strip("\n").splitlines()]
    listed = manifest["figures"]["leavers_interval_listed"]
    return {
        "digest": digest(root),
        "list": rows,
        "metrics": json.loads((root / HEADLINE).read_text(encoding="utf-8")),
        "campaign": manifest["campaign"]["said"],
        "smallest_effect": f"{100 * manifest['campaign']['smallest_effect']:.1f}",
        "base_rate": f"{100 * manifest['campaign']['assumed']['base_rate']:.0f}",
        "expected_effect": f"{100 * manifest['campaign']['assumed']['expected_effect']:.0f}",
        "share_that_would_do": f"{100 * manifest['campaign']['share_that_would_do']:.0f}",
        "customers": manifest["campaign"]["by_the_end"]["contact"] + manifest["campaign"]["by_the_end"]["control"],
        "counts": manifest["counts"],
        "leavers": [round(manifest["figures"]["expected_leavers_listed"]), round(listed["low"]), round(listed["high"])],
        "actions": {one["action"]: one["listed"] for one in manifest["playbook"]},
    }


def first_customers(rows: list[str], customers: int) -> str:
    """Heading and the first `customers` of the terminal's list; a customer's reasons may take several lines."""
    starts = [number for number, line in enumerate(rows) if re.match(r" {0,3}\d+ {2,}", line)]
    end = starts[customers] if len(starts) > customers else len(rows)
    return "\n".join(rows[:end]) + "\n"


def experiments() -> str:
    """Train with other numbers of leaves, and give the table of `make compare` for them, without hashes and names."""
    for leaves in LEAVES:
        command = ["dvc", "exp", "run", "evaluate_model", "--temp", "-f", "-n", f"leaves{leaves}"]
        subprocess.run([*command, "-S", f"model.leaves={leaves}"], cwd=ROOT, check=True)
    shown = subprocess.run(["make", "-s", "compare"], cwd=ROOT, check=True, capture_output=True, text=True)
    return table_of(shown.stdout)


def table_of(shown: str) -> str:
    """The comparison without hashes of commits and without the row of the commit that the folder stands on."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in shown.splitlines() if "|" in line]
    kept = [row for row in rows if row[0] in ("Experiment", "workspace") or "leaves" in row[0]]
    kept = [[re.sub(r"[^[]*\[(leaves\d+)\]", r"\1", row[0]), *row[1:]] for row in kept]
    kept = kept[:2] + sorted(kept[2:], key=lambda row: int(row[-1]))
    widths = [max(map(len, column)) for column in zip(*kept, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in kept]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def write_blocks(content: dict[str, Any], root: Path = ROOT) -> None:
    """Put the recorded list and table into the pages that show them."""
    for page, customers in LIST_BLOCKS.items():
        _replace(root / page, "Customer ", first_customers(content["list"], customers))
    if content["experiments"]:
        _replace(root / TABLE, "| Experiment ", content["experiments"])


def block_of(text: str, heading: str) -> str:
    """The block between back-ticks that holds `heading`. Raises StopIteration where there is none."""
    return next(found["body"] for found in _BLOCK.finditer(text) if heading in found["body"])


def _replace(page: Path, heading: str, body: str) -> None:
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace(block_of(text, heading), body), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description="Record what the pages quote of the demo.")
    parser.add_argument("--experiments", action="store_true", help="train the experiments of the comparison, too")
    asked = parser.parse_args()
    if not (ROOT / LIST / "manifest.json").exists():
        print(f"{LIST} is not there: `make run` on the demo's own settings first.", file=sys.stderr)
        return 1
    former = record() if RECORD.exists() else {"experiments": "", "experiments_of": {}}
    content = results() | {name: former[name] for name in ("experiments", "experiments_of")}
    if asked.experiments:
        content |= {"experiments": experiments(), "experiments_of": content["metrics"]}
    RECORD.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write_blocks(content)
    print(f"{RECORD.relative_to(ROOT)} is written: tests/test_quoted_figures.py names sentences of another version.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
