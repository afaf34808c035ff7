"""Stage train_model: a model of one churn definition from labelled features.

`data/features/train`, `data/labels/D.parquet` and `data/activity/train/facts.json` in; `data/models/D/` out:
`shipped/` (scores customers once promoted), `held_out/` (the same recipe, judged), `recipe.json` (plan, choice,
digests), `world.json` (whose customers trained: a salted sketch), `predictions.parquet` (what every origin predicted,
by the held-out fits and the baselines) and `trials.json` (what the search tried).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from models.training import split
from pipelines.modelling.panel import switched_off, training_panel
from pipelines.modelling.sample import sample_of
from pipelines.runtime import files
from pipelines.runtime.stage import NAME, PATH, run_stage, stage_command, threads
from pipelines.settings import artifacts, params
from pipelines.settings.types import bytes_of

if TYPE_CHECKING:
    import pandas as pd

    from models.training.panel import Panel
    from models.training.search import TrialStore
    from models.training.train import Trained

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
    from models.training import train
    from models.training.recipe import Recipe
    from models.world import World

    setting = settings.churn[definition].model_dump()
    sample = sample_of(
        labels,
        columns=len(files.read_json(features / artifacts.COLUMNS)),
        memory=bytes_of(settings.engine_memory),
        seed=settings.model.seed,
    )
    ahead = setting["gap_days"] + setting["horizon_days"]
    panel, acted_upon = training_panel(features, labels, activity, sample)
    recipe = Recipe(**settings.model.model_dump())
    plan = split.plan(set(panel.moments), span_days=ahead, origins=recipe.backtest_moments + 1)
    without = switched_off(panel.columns_info, settings.features.families)
    trial_store = _trial_store(definition, settings, panel, setting, without)
    trained = train.train(panel, plan, recipe, setting, without=without, threads=threads(), trial_store=trial_store)
    facts = files.read_json(activity / artifacts.FACTS)
    with files.atomic_folder(out) as folder:
        trained.shipped.save(folder / "shipped")
        trained.held_out.save(folder / "held_out")
        touched = acted_upon.to_json() if acted_upon else {}
        recipe_json = _recipe(definition, settings, trained, panel, facts.get("digest"))
        files.write_json(folder / artifacts.RECIPE, recipe_json | sample.to_json() | touched)
        world = World.of(setting, panel.customers, trained.shipped.digest)
        files.write_json(folder / artifacts.WORLD, world.to_json())
        files.write_parquet(folder / artifacts.PREDICTIONS, _predictions(trained.predictions))
        files.write_json(folder / artifacts.TRIALS, {f"{one.number:03d}": one.to_json() for one in trained.trials})
    for note in (
        *settings.model.search.notes(),
        *sample.notes(settings.engine_memory),
        *plan.notes,
        *trained.choice.notes,
    ):
        print(f"train_model: {note}")


def _trial_store(
    definition: str, settings: params.Settings, panel: Panel, setting: dict[str, Any], without: list[str]
) -> TrialStore | None:
    """Of trials that a run that was cut short has finished; None where nothing is searched."""
    from pipelines.modelling.trial_store import OptunaTrialStore, fingerprint

    search = settings.model.search
    if not search.trials:
        return None
    identity = fingerprint(panel, settings.model.model_dump(exclude={"search"}), setting, without)
    return OptunaTrialStore(definition, identity)


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
            "before_test": list(plan.past(plan.test)),
            "notes": list(plan.notes),
        },
        "choice": {
            "rounds": choice.rounds,
            "logistic_share": choice.logistic_share,
            "calibration": choice.calibration,
            "numbers": dict(choice.numbers),
            "scorer": choice.scorer,
            "notes": list(choice.notes),
        },
        "scored_by": trained.contest.to_json(),
        "rows": len(panel.churned),
        "customers": len(set(panel.customers)),
        "columns": len(trained.shipped.learned),
        "digests": {"shipped": trained.shipped.digest, "held_out": trained.held_out.digest, "activity": activity},
    }


def _predictions(frame: pd.DataFrame) -> pa.Table:
    fields = [pa.field(str(name), PREDICTIONS.get(str(name), pa.float64())) for name in frame.columns]
    return pa.Table.from_pandas(frame, schema=pa.schema(fields), preserve_index=False)


@stage_command(definition=NAME, features=PATH, labels=PATH, activity=PATH, out=PATH)
def main(definition: str, **places: Path) -> None:
    """The command that dvc.yaml runs."""
    run_stage(f"train_model@{definition}", lambda: train_model(definition, params.load(), **places))


if __name__ == "__main__":
    main()
