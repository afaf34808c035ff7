"""What `churn score` costs: CPU seconds, wall time and peak memory, beside predicting with the same boosters directly.

    python tests/benchmarks/score.py --customers 1000000 --features 200

Every measurement is a process of its own, its start included. The model is of the usual shape: three boosters of 200
trees, a booster for money, a logistic regression blended in, BG/NBD, a calibration. "Directly" means: the same table
read into one matrix, and `Booster.predict` called once for each of the model's boosters; no ids, no blend, no check, no
file comes of it. `churn score` reads, computes, checks and writes. Explanations are for listed customers only: what
they cost for 300, and what they would cost for all.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
DAY = "2025-01-06"
NAME = "silent_28d"
DEFINITION = {
    "kind": "silence",
    "activity": "placed_order",
    "active_within_days": 56,
    "gap_days": 0,
    "horizon_days": 28,
}
OWN = {
    "placed_order_days_since_last": ("days_since_last", None),
    "placed_order_count_364d": ("count", 364),
    "placed_order_total_value_364d": ("total_value", 364),
    "placed_order_days_since_first": ("days_since_first", None),
    "placed_order_btyd_frequency": ("btyd_frequency", None),
    "placed_order_btyd_recency": ("btyd_recency", None),
    "placed_order_btyd_age": ("btyd_age", None),
}
PARAMS = f"""
sources: {{shop: {{reader: complete_journey}}}}
observations: {{train: {{until: "{DAY}"}}, score: {{as_of: "{DAY}"}}}}
churn: {{{NAME}: {json.dumps(DEFINITION)}}}
at_risk: {{definition: {NAME}}}
"""
MOST_CPU, MOST_MB = 1.5, 2048
LISTED = 300


def rows_of(count: int, columns: int, seed: int):
    """Feature rows: ids, and float32 numbers of the usual kinds (counts, money, shares, days)."""
    import numpy as np

    random = np.random.default_rng(seed)
    first = random.uniform(60, 700, count)
    last = random.uniform(1, 56, count)
    orders = np.minimum(random.poisson(12, count), first - 1)
    known = {
        "placed_order_days_since_last": np.floor(last),
        "placed_order_count_364d": orders + 1,
        "placed_order_total_value_364d": (orders + 1) * random.gamma(4, 9, count),
        "placed_order_days_since_first": first,
        "placed_order_btyd_frequency": orders,
        "placed_order_btyd_recency": np.where(orders > 0, first - last, 0.0),
        "placed_order_btyd_age": first,
    }
    made = [random.poisson(3, count), random.gamma(2, 20, count), random.random(count)]
    for place in range(columns - len(known)):
        known[f"visited_site_measure_{place:03d}"] = np.roll(made[place % 3], place * 7919)
    return {name: np.asarray(values, dtype=np.float32) for name, values in known.items()}


def make_table(path: Path, customers: int, columns: int) -> None:
    """The features of one day as build_features writes them."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from features.windows import day_number

    writer = None
    for begin in range(0, customers, 120_000):
        count = min(120_000, customers - begin)
        known = rows_of(count, columns, begin)
        days = pa.array(np.full(count, day_number(DAY), dtype=np.int32)).cast(pa.date32())
        ids = pa.array([f"customer-{begin + number:09d}" for number in range(count)])
        table = pa.table({"customer_id": ids, "as_of": days, **{name: pa.array(known[name]) for name in known}})
        writer = writer or pq.ParquetWriter(path, table.schema, compression="none", use_dictionary=["as_of"])
        writer.write_table(table, row_group_size=12_000)
    assert writer is not None
    writer.close()


def make_model(folder: Path, columns: int) -> None:
    """A model of the usual shape, trained on made-up leavers."""
    import numpy as np
    import pandas as pd

    from models.churn_model import ChurnModel
    from models.columns import Columns
    from models.learners import boosting
    from models.learners import calibration as calibrate
    from models.learners.bgnbd_score import BgNbdScore
    from models.learners.expected_value import ValueModel
    from models.learners.logistic import Linear
    from models.segments import Quintiles, roles

    count, random = 30_000, np.random.default_rng(70)
    features = pd.DataFrame(rows_of(count, columns, 7))
    info = [_info(name, *OWN.get(name, ("measure", None))) for name in features]
    role = roles(info, "placed_order")
    ids = features.assign(customer_id=[f"c{number:06d}" for number in range(count)])
    habit = BgNbdScore.fit(ids, np.full(count, DAY), DEFINITION, role)
    assert habit is not None
    known = Columns.fit(habit.with_column(features))
    x = known.matrix(habit.with_column(features))
    odds = 0.04 * (features["placed_order_days_since_last"].to_numpy(dtype=np.float64) - 45)
    churned = (random.random(count) < 1 / (1 + np.exp(-odds))).astype(float)
    shape = {"objective": "binary", "learning_rate": 0.03, "num_leaves": 8, "min_data_in_leaf": 100}
    boosters = boosting.fit(
        x, churned, known.names, categories=[], seeds=[1, 2, 3], rounds=200, objective=shape | {"feature_fraction": 0.2}
    )
    money = random.gamma(2, 20, count)
    value = ValueModel.fit(x, money, known, seed=1)
    linear = Linear.fit(x, churned, penalty=0.01)
    raw = 0.7 * boosters.raw(x) + 0.3 * linear.log_odds(x)
    calibration, quintiles = calibrate.fit("platt", raw, churned), Quintiles.fit(features, role)
    model = ChurnModel(DEFINITION, info, {}, known, boosters, linear, 0.3, calibration, quintiles, value, habit)
    scores = model.predict(pd.DataFrame(rows_of(count, columns, 11)))
    edges = np.quantile(scores, np.arange(0.1, 0.95, 0.1)).tolist()
    volume = {"count": 9000, "last_28d_count": 400, "previous_weekly_mean": 100.0}
    profile = {"as_of": DAY, "customers": count, "churn_rate": float(churned.mean()), "score_edges": edges}
    profile |= {"score_shares": [0.1] * 10, "activities": {"placed_order": volume}}
    replace(model, profile=profile).save(folder)


def _info(name: str, measure: str, days: int | None) -> dict[str, Any]:
    activity = "placed_order" if name in OWN else "visited_site"
    return {"name": name, "activity": activity, "measure": measure, "days": days, "family": "x", "silence": 0.0}


def direct(folder: Path) -> str:
    """Read the table into one matrix, and predict with every booster of the model."""
    import lightgbm
    import numpy as np
    import pyarrow.parquet as pq

    from models.churn_model import ChurnModel
    from models.learners.bgnbd_score import COLUMN
    from pipelines.runtime.stage import threads

    model = ChurnModel.load(folder / "model")
    texts = [*(model.boosters.texts if model.boosters else ()), *(model.value.boosters.texts if model.value else ())]
    boosters = [lightgbm.Booster(model_str=text) for text in texts]
    with pq.ParquetFile(folder / "features.parquet") as file:
        matrix, begin = np.zeros((file.metadata.num_rows, len(model.known.names)), dtype=np.float32), 0
        for batch in file.iter_batches(batch_size=12_000, columns=model.columns):
            for place, name in enumerate(model.known.names):
                if name != COLUMN:
                    matrix[begin : begin + len(batch), place] = batch[name].to_numpy()
            begin += len(batch)
    before = time.process_time()
    for booster in boosters:
        booster.predict(matrix, raw_score=True, num_threads=threads())
    return f"{time.process_time() - before:.2f}"


def explain(folder: Path) -> str:
    """Contributions for as many as are listed."""
    import pyarrow.parquet as pq

    from models.churn_model import ChurnModel

    model = ChurnModel.load(folder / "model")
    with pq.ParquetFile(folder / "features.parquet") as file:
        listed = next(file.iter_batches(batch_size=LISTED)).to_pandas()
    before = time.process_time()
    model.contributions(listed)
    return f"{time.process_time() - before:.3f}"


STEPS = {"direct": direct, "explain": explain}


def measured(*command: str) -> dict[str, Any]:
    """One process: what it used, and the last line that it said."""
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True) as process:
        said = (process.stdout.read() if process.stdout else "").strip().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(process.returncode)
    cpu, wall = usage.ru_utime + usage.ru_stime, time.perf_counter() - started
    return {"cpu": cpu, "wall": wall, "memory": usage.ru_maxrss / 1024, "said": said[-1] if said else ""}


def table(folder: Path, customers: int) -> bool:
    """Measure and print; whether both promises hold."""
    base = measured(__file__, "--step", "direct", str(folder))
    scored = measured(
        *(
            "-m",
            "pipelines.commands.app",
            "-C",
            str(folder),
            "score",
            "--features",
            "features.parquet",
            "--model",
            "model",
        ),
        *("--as-of", DAY, "--out", "scores.parquet"),
    )
    told = measured(__file__, "--step", "explain", str(folder))
    predicting, listed = float(base["said"]), float(told["said"])
    print(f"{'':42} {'CPU s':>8} {'x direct':>9} {'x predict':>9} {'wall s':>8} {'peak MB':>8}")
    for name, row in (("reading and predicting directly", base), ("churn score, checked and written", scored)):
        ratios = f"{row['cpu'] / base['cpu']:9.2f} {row['cpu'] / predicting:9.2f}"
        print(f"{name:42} {row['cpu']:8.2f} {ratios} {row['wall']:8.2f} {row['memory']:8.0f}", flush=True)
    print(f"{'  of it Booster.predict alone':42} {predicting:8.2f}")
    print(f"{f'explaining {LISTED} listed customers':42} {listed:8.2f}")
    print(f"{f'explaining all {customers:,} (estimated)':42} {listed / LISTED * customers:8.0f}")
    print(scored["said"])
    return bool(scored["cpu"] <= MOST_CPU * base["cpu"] and scored["memory"] <= MOST_MB)


def main() -> None:
    parser = argparse.ArgumentParser(description="What churn score costs, beside the same boosters directly.")
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=200)
    parser.add_argument("--folder", type=Path, help="keep the table and the model here (default: a temporary folder)")
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(STEPS[options.step[0]](Path(options.step[1])))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "params.yaml").write_text(PARAMS)
        if not (folder / "model" / "model.json").exists():
            make_model(folder / "model", options.features)
        if not (folder / "features.parquet").exists():
            make_table(folder / "features.parquet", options.customers, options.features)
        for left in folder.glob("scores.parquet*"):
            left.unlink() if left.is_file() else None
        print(f"{options.customers:,} customers, {options.features} features")
        if not table(folder, options.customers):
            raise SystemExit(f"Promised: at most {MOST_CPU} times the CPU of predicting directly, {MOST_MB} MB.")


if __name__ == "__main__":
    main()
