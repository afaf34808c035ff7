"""Do probabilities hold when season and base rate move? The lists of many past moments, judged by what followed.

    python tests/benchmarks/many_moments.py --stream FILE --activity placed_order --horizon 91 --active 182 \\
        --until 2007-07-02 --moments 12

At each moment, a window apart or closer, everything is trained on what was known there by the settings of params.yaml
(without the search, with `--seeds` boosters) and the list's customers are scored. Beside it stands the same model
before any calibration, as a project without a lasting one had it. `--simulated KIND` takes a shop of simulated_shops.py
instead of a file. Prints one row per moment and their mean: log loss, calibration error above that of a perfect
forecast, ROC AUC, how many left, the 90% interval that was promised for it, and who scored.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq
from scipy.special import expit

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from features.windows import Lead, training_moments
from models.evaluation.metrics import expected_calibration_error, roc_auc
from models.learners import moment_effects
from models.learners.calibration import SURE, row_losses
from models.training import split, train
from models.training.panel import Panel
from models.training.recipe import Recipe
from pipelines.modelling.panel import read_panel
from pipelines.runtime import files
from pipelines.runtime.stage import threads
from pipelines.stages.build_features import build
from pipelines.stages.label_churn import label_definition
from pipelines.stages.pull_activity import pull
from tests.benchmarks.quality_stream import NAME, Stream
from tests.benchmarks.simulated_shops import SHOPS, stream

PERFECT_DRAWS = 40
MOST = 200  # moments


@dataclass(frozen=True)
class Judged:
    """One moment: what was said, before and after, and what happened."""

    as_of: str
    churned: npt.NDArray[np.float64]
    before: npt.NDArray[np.float64]
    after: npt.NDArray[np.float64]
    interval: tuple[float, float]
    scorer: str

    @property
    def inside(self) -> bool:
        """Whether as many left as the interval allows."""
        return self.interval[0] <= self.churned.sum() <= self.interval[1]


def excess(probability: npt.NDArray[np.float64], churned: npt.NDArray[np.float64]) -> float:
    """Expected calibration error minus what it would be on average if every probability were true."""
    random = np.random.default_rng(7)
    perfect = [
        expected_calibration_error(probability, (random.random(len(probability)) < probability).astype(float))
        for _ in range(PERFECT_DRAWS)
    ]
    return expected_calibration_error(probability, churned) - float(np.mean(perfect))


def panel_of(found: Stream, folder: Path, every_days: int) -> Panel:
    """Labelled observations at moments `every_days` apart, back from a horizon before the stream's `until`."""
    settings = found.settings({"trials": 0})
    often = settings.observations.train.model_copy(update={"every_days": every_days, "count": MOST})
    observations = settings.observations.model_copy(update={"train": often})
    settings = settings.model_copy(update={"observations": observations})
    at = {name: folder / name for name in ("activity", "features", "labels.parquet", "report.json")}
    pull(settings, "train", at["activity"], at["report.json"])
    build(settings, "train", at["activity"], at["features"])
    label_definition(settings, NAME, at["activity"], at["labels.parquet"])
    panel = read_panel(at["features"], at["labels.parquet"], at["activity"])
    first = files.read_json(at["activity"] / "facts.json")["activities"][found.activity]["first"][:10]
    begin = (date.fromisoformat(first) + timedelta(days=found.active_days)).isoformat()
    return _part(panel, panel.moments >= begin)  # as for any training: no moment with less history than it looks back


def judged(panel: Panel, as_of: str, found: Stream, recipe: Recipe) -> Judged | None:
    """The list of a moment, by what was known there; None where too little was."""
    moments, definition = panel.moments, found.settings({}).churn[NAME].model_dump()
    before = (date.fromisoformat(as_of) - timedelta(days=found.horizon_days)).isoformat()
    first = min(moments)
    trains = [day for day in set(moments) if day <= before]
    if not trains:
        return None
    wanted = training_moments(
        until=as_of,
        leads=[Lead(0, found.horizon_days)],
        first_day=first,
        customers=len(set(panel.customers)),
    )
    known = np.isin(moments, [day for day in trains if day in set(wanted)] or trains)
    past = _part(panel, known)
    plan = split.plan(set(past.moments), span_days=found.horizon_days, origins=recipe.backtest_moments + 1)
    trained = train.train(past, plan, recipe, definition, threads=threads())
    now = _part(panel, moments == as_of)
    model = trained.shipped.anchored(now.features)
    after = model.predict(now.features)
    spread = model.level.spread if model.level else 0.0
    plain = np.clip(expit(trained.fitted.log_odds(now.features)), SURE, 1 - SURE)
    interval = moment_effects.leaving(after, spread)
    return Judged(as_of, now.churned, plain, after, interval, trained.contest.scorer)


def _part(panel: Panel, rows: npt.NDArray[np.bool_]) -> Panel:
    return replace(
        panel,
        features=panel.features[rows].reset_index(drop=True),
        churned=panel.churned[rows],
        value_ahead=panel.value_ahead[rows],
    )


def figures_of(rows: list[Judged]) -> pd.DataFrame:
    """One row per moment."""
    said = [(one, name, getattr(one, name)) for one in rows for name in ("before", "after")]
    figures = pd.DataFrame(
        {
            "as_of": [one.as_of for one, _, _ in said],
            "said": [name for _, name, _ in said],
            "log_loss": [float(row_losses(p, one.churned).mean()) for one, _, p in said],
            "excess_ece": [excess(p, one.churned) for one, _, p in said],
            "roc_auc": [roc_auc(p, one.churned) for one, _, p in said],
        }
    )
    wide = figures.pivot(index="as_of", columns="said")
    wide.columns = [f"{figure}_{name}" for figure, name in wide.columns]
    told = {"customers": lambda one: len(one.churned), "left": lambda one: int(one.churned.sum())}
    told |= {"low": lambda one: one.interval[0], "high": lambda one: one.interval[1], "inside": lambda one: one.inside}
    told |= {"scorer": lambda one: one.scorer}
    return wide.assign(**{name: [read(one) for one in rows] for name, read in told.items()})


def main() -> int:
    """Print the table and its mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stream", type=Path, help="a Parquet file in the activity schema")
    parser.add_argument("--simulated", choices=sorted(SHOPS), help="a shop of simulated_shops.py instead")
    parser.add_argument("--activity", default="placed_order")
    parser.add_argument("--until", required=True, help="nothing at or after it is known: the last window ends here")
    parser.add_argument("--horizon", type=int, default=28)
    parser.add_argument("--active", type=int, default=56, help="days behind in which a customer did the activity")
    parser.add_argument("--moments", type=int, default=12, help="lists that are judged, the newest ones")
    parser.add_argument("--every", type=int, default=14, help="days between them")
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.simulated:
            pq.write_table(stream(given.simulated), folder / "stream.parquet")
        path = folder / "stream.parquet" if given.simulated else given.stream.resolve()
        found = Stream(path, given.activity, given.until, given.horizon, given.active)
        recipe = Recipe(**found.settings({"trials": 0}).model.model_dump() | {"seeds": given.seeds})
        panel = panel_of(found, folder, 7)
        days = sorted(set(panel.moments), reverse=True)[:: max(1, given.every // 7)][: given.moments]
        rows = [one for day in reversed(days) if (one := judged(panel, day, found, recipe)) is not None]
    figures = figures_of(rows)
    print(figures.round(4).to_string())
    print(figures.select_dtypes(["number", "bool"]).astype(float).mean().round(4).to_string())
    return 0


if __name__ == "__main__":
    sys.exit(main())
