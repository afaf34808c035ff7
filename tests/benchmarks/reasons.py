"""What the first reasons of a list say: how many compare, with what, and how often each sentence comes.

`PYTHONSAFEPATH=1 PYTHONPATH=. python tests/benchmarks/reasons.py [DATA ...]`: folders `data` of finished projects, of
each the list of its newest scores.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pandas as pd

from models.explanation.reasons import Driver
from pipelines.at_risk.reasons import drivers_of, raising
from pipelines.modelling.model_folder import open_model
from pipelines.rendering.language.language import Language
from pipelines.runtime.files import read_json
from pipelines.settings import artifacts

MOST_SHOWN = 12


def of_list(data: Path) -> str:
    """A few lines about the newest list whose features and scores are there."""
    day = max(path.stem for path in (data / "features/score").glob("*.parquet"))
    manifest = read_json(data / artifacts.LISTS.name / day / artifacts.MANIFEST)
    definition = str(manifest["definition"])
    model = open_model(data / artifacts.CHAMPIONS.name / definition)
    eligible = set(pd.read_parquet(data / f"scores/{definition}.parquet", columns=["customer_id"])["customer_id"])
    features = pd.read_parquet(data / f"features/score/{day}.parquet")
    everyone = features[features["customer_id"].isin(eligible)].reset_index(drop=True)
    listed = pd.read_parquet(data / artifacts.LISTS.name / day / artifacts.LIST, columns=["customer_id"])
    own = everyone.set_index("customer_id", drop=False).loc[listed["customer_id"]].reset_index(drop=True)
    scorer = model.rule.name if model.rule else "model"
    return _written(f"{data} {day} {definition} ({scorer})", drivers_of(model, own, everyone, Language()))


def _written(title: str, drivers: list[list[Driver]]) -> str:
    first = [next(iter(raising(own)), None) for own in drivers]
    total = max(1, len(first))
    compared = Counter(one.compared if one else "no reason" for one in first)
    said = Counter(_shape(one.sentence) for one in first if one)
    lines = [f"{title}: {len(first)} listed"]
    lines += [f"  {number / total:4.0%} compare with: {what}" for what, number in compared.most_common()]
    lines += [f"  {number / total:4.0%} {shape}" for shape, number in said.most_common(MOST_SHOWN)]
    return "\n".join(lines)


def _shape(sentence: str) -> str:
    """The sentence without its numbers: `N orders in the last N days; usually N`."""
    bare = re.sub(r"[-+]?[^\w\s;()]?\d[\d.,]*%?", "N", sentence)
    return re.sub(r"^(?:N|No) orders? ", "N orders ", bare)


if __name__ == "__main__":
    for folder in sys.argv[1:] or [str(artifacts.DATA)]:
        print(of_list(Path(folder)))
