"""Reads a model of unknown digest and lets it score a few made-up rows, in a process of its own.

`python -m models.probe FOLDER` ends with 0 where the model can be read and answers. LightGBM ends the whole process at
some damaged texts, and never ends at others: whoever asks lives on.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from models.churn_model import ChurnModel

if TYPE_CHECKING:
    import pandas as pd

NUMBERS = (0.0, 1.0, 1e6)  # beside silence: rows that go other ways through the trees


def probe(folder: Path) -> None:
    """Read the model and score; whatever it raises is why it cannot be used."""
    model = ChurnModel.load(folder)
    model.scores(_rows(model))


def _rows(model: ChurnModel) -> pd.DataFrame:
    import pandas as pd

    silence = {str(info["name"]): info.get("silence") for info in model.columns_info}
    kinds = {name: isinstance(silence.get(name), (int, float)) for name in model.columns}
    quiet = {name: float(str(silence[name])) if number else "" for name, number in kinds.items()}
    others = [{name: value if number else "" for name, number in kinds.items()} for value in NUMBERS]
    rows = pd.DataFrame([quiet, *others])
    return rows.astype({name: "float32" for name, number in kinds.items() if number})


if __name__ == "__main__":
    try:
        probe(Path(sys.argv[1]))
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
