"""Stage: labelled observations become a model.

`data/features/train`, `data/labels/D.parquet` and `data/activity/train/facts.json` in; `data/models/D/` out:
`shipped/` (scores customers once promoted), `held_out/` (the same recipe, judged), `recipe.json` (plan, choice,
digests), `predictions.parquet` (what every origin predicted, by the held-out fits and the baselines) and `trials.json`
(what the search tried).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from models import split
from pipelines import params, tables
from pipelines.problems import Problem, did_you_mean
from pipelines.setting_types import bytes_of
from pipelines.stage import run_stage
from pipelines.training_sample import EVERYBODY, Sample, sample_of

if TYPE_CHECKING:
    import pandas as pd

    from models.panel import Panel
    from models.search import Memory
    from models.train import Trained

PREDICTIONS = {
    "customer_id": pa.string(),
    "as_of": pa.date32(),
    "role": pa.string(),
    "segment": pa.string(),
    "churned": pa.bool_(),
    "seen_in_training": pa.bool_(),
}


def train_model(
    definition: str, settings: params.Settings, *, features: Path, labels: Path, activity: Path, out: Path
) -> None:
    """Train by the recipe of params.yaml and write the folder of the model."""
    from models import train
    from models.choice import Recipe

    setting = settings.churn[definition].model_dump()
    sample = sample_of(
        labels,
        columns=len(tables.read_json(features / "columns.json")),
        memory=bytes_of(settings.engine_memory),
        seed=settings.model.seed,
    )
    panel = read_panel(features, labels, activity, sample)
    recipe = Recipe(**settings.model.model_dump())
    plan = split.plan(
        set(panel.moments), span_days=setting["gap_days"] + setting["horizon_days"], origins=recipe.backtest_moments + 1
    )
    without = switched_off(panel.columns_info, settings)
    memory = _memory(definition, settings, panel, setting, without)
    trained = train.train(panel, plan, recipe, setting, without=without, threads=threads(), memory=memory)
    facts = tables.read_json(activity / "facts.json")
    with tables.whole_folder(out) as folder:
        trained.shipped.save(folder / "shipped")
        trained.held_out.save(folder / "held_out")
        made = _recipe(definition, settings, trained, panel, facts.get("digest"))
        tables.write_json(folder / "recipe.json", made | sample.told())
        tables.write_parquet(folder / "predictions.parquet", _predictions(trained.predictions))
        tables.write_json(folder / "trials.json", {f"{one.number:03d}": one.to_json() for one in trained.trials})
    for note in (*sample.notes(settings.engine_memory), *plan.notes, *trained.choice.notes):
        print(f"train_model: {note}")


def _memory(
    definition: str, settings: params.Settings, panel: Panel, setting: dict[str, Any], without: list[str]
) -> Memory | None:
    """Of trials that a run that was cut short has finished; None where nothing is searched."""
    from pipelines.search_journal import Journal, fingerprint

    search = settings.model.search
    if not search.trials:
        return None
    identity = fingerprint(panel, settings.model.model_dump(exclude={"search"}), setting, without)
    return Journal(definition, identity, max_minutes=search.max_minutes)


def threads() -> int:
    """Processors that this process may use. They change the time, never the model."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_panel(features: Path, labels: Path, activity: Path, sample: Sample = EVERYBODY) -> Panel:
    """Labels joined to the features of the same customer and moment, of the customers of the sample.

    Raises:
        Problem: there are no labels, or a labelled observation has no features.
    """
    import pandas as pd

    from models.panel import Panel

    known = sample.rows(labels).to_pandas(date_as_object=False)
    if known.empty:
        raise Problem(
            f"{labels}: holds no labels: no moment has a complete window before observations.train.until with eligible "
            "customers. Shorten horizon_days or active_within_days, or bring more history."
        )
    known["as_of"] = pd.to_datetime(known["as_of"])
    parts = [
        _at(features, day, rows, sample)
        for day, rows in known.groupby(known["as_of"].dt.strftime("%Y-%m-%d"), sort=True)
    ]
    joined = pd.concat(parts, ignore_index=True)
    return Panel(
        features=joined.drop(columns=["churned", "value_ahead"]),
        churned=joined["churned"].to_numpy(dtype=float),
        value_ahead=joined["value_ahead"].to_numpy(dtype=float, na_value=float("nan")),
        columns_info=tables.read_json(features / "columns.json"),
        activities=tables.read_json(activity / "facts.json")["activities"],
    )


def _at(features: Path, day: str, labels: pd.DataFrame, sample: Sample) -> pd.DataFrame:
    """The labelled rows of one moment with their features, by customer."""
    path = features / f"{day}.parquet"
    if not path.exists():
        raise Problem(f"{path}: there are labels for {day} but no features. Run build_features again.")
    table = sample.rows(path).to_pandas().drop(columns="as_of")
    joined = labels.sort_values("customer_id").merge(
        table, on="customer_id", how="left", validate="1:1", indicator="found"
    )
    absent = joined.loc[joined["found"] != "both", "customer_id"]
    if len(absent):
        shown = ", ".join(str(customer) for customer in absent[:3])
        raise Problem(
            f"{path}: {len(absent)} of {len(joined)} labelled customers have no features ({shown}). "
            "Make observations.seen_within_days at least active_within_days, and run build_features again."
        )
    return joined.drop(columns="found")


def switched_off(columns_info: list[dict[str, Any]], settings: params.Settings) -> list[str]:
    """Columns of the families that params.yaml switches off.

    Raises:
        Problem: a family that the catalogue does not have.
    """
    families = {info["family"] for info in columns_info}
    wrong = [name for name in settings.features.families if name not in families]
    if wrong:
        raise Problem(
            *(f"params.yaml: features.families.{name} is not a family.{did_you_mean(name, families)}" for name in wrong)
        )
    return [info["name"] for info in columns_info if not settings.features.families.get(info["family"], True)]


def _recipe(
    definition: str, settings: params.Settings, trained: Trained, panel: Panel, activity: str | None
) -> dict[str, Any]:
    plan, choice = trained.plan, trained.choice
    return {
        "name": definition,
        "definition": settings.churn[definition].model_dump(),
        "settings": settings.model.model_dump(),
        "families_off": sorted(name for name, on in settings.features.families.items() if not on),
        "until": settings.observations.train.until,
        "plan": {
            "test": plan.test,
            "origins": list(plan.origins),
            "training_moments": list(plan.moments),
            "held_out_by": "customers" if plan.by_customers else "time",
            "notes": list(plan.notes),
        },
        "choice": {
            "rounds": choice.rounds,
            "logistic_share": choice.logistic_share,
            "calibration": choice.calibration,
            "numbers": dict(choice.numbers),
            "notes": list(choice.notes),
        },
        "rows": len(panel.churned),
        "customers": len(set(panel.customers)),
        "columns": len(trained.shipped.columns),
        "digests": {"shipped": trained.shipped.digest, "held_out": trained.held_out.digest, "activity": activity},
    }


def _predictions(frame: pd.DataFrame) -> pa.Table:
    fields = [pa.field(str(name), PREDICTIONS.get(str(name), pa.float64())) for name in frame.columns]
    return pa.Table.from_pandas(frame, schema=pa.schema(fields), preserve_index=False)


def main() -> None:
    """`python -m pipelines.train_model`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--definition", required=True)
    for name in ("features", "labels", "activity", "out"):
        parser.add_argument(f"--{name}", required=True, type=Path)
    given = parser.parse_args()
    places = {name: getattr(given, name) for name in ("features", "labels", "activity", "out")}
    run_stage(f"train_model@{given.definition}", lambda: train_model(given.definition, params.load(), **places))


if __name__ == "__main__":
    main()
