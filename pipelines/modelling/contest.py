"""Champion against challenger: both recipes trained and judged on the candidate's moments.

A champion as it scores has seen the days by which a candidate is judged, and would win unfairly. So recipes are
compared, not models: the champion's settings and columns are trained again on the candidate's labelled observations,
moment by moment and with all its own choices (`auto`, who scores among them), and judged where the candidate was,
customer by customer; the test moment only reports. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.modelling.gate import Contest
from pipelines.modelling.model_folder import open_candidate, open_model
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json
from pipelines.settings import artifacts
from pipelines.settings.model import Model
from pipelines.settings.training import TrainingSettings

if TYPE_CHECKING:
    import pandas as pd

    from models.churn_model import ChurnModel

DRAWS = 1000
MOST_NAMED = 3  # columns and settings that a sentence names


def compare_recipes(
    settings: TrainingSettings,
    champion: Mapping[str, Any],
    folder: Path,
    data: Path,
    *,
    say: Callable[[str], None] = print,
) -> Contest:
    """Compare the candidate of `data` with the champion's recipe; trains only where the recipes differ.

    Args:
        settings: of the candidate.
        champion: champion.json.
        folder: the champion's folder.
        data: the folder that holds models, features, labels and activity.
        say: called with a line before the training begins, which takes its time.

    Raises:
        ChurnError: data/features/train or data/labels are missing, or are not those that the candidate was trained
            on.
    """
    definition = settings.definition
    candidate_recipe = read_json(data / "models" / definition / artifacts.RECIPE)
    champion_recipe = champion.get("recipe")
    if not champion_recipe:
        return Contest(("the champion was promoted without its recipe; --force replaces it",))
    champion_model, candidate = open_model(folder), open_candidate(data / "models" / definition)
    differing = (
        *_differing_settings(*(_complete(recipe["settings"]) for recipe in (candidate_recipe, champion_recipe))),
        *_differing_columns(candidate, champion_model),
    )
    if not differing:
        return Contest()
    others = f"another recipe than the champion's ({'; '.join(differing)})"
    say(f"  {definition}: {others}. Training the champion's on the same moments ...")
    return Contest(differing, _paired(settings, champion_recipe, champion_model, data))


def vanished_activities(candidate: ChurnModel, champion: ChurnModel) -> tuple[str, ...]:
    """Activities that the champion needs and the candidate's data no longer have: the champion cannot score them."""
    present = {str(info["name"]) for info in candidate.columns_info}
    gone = {str(info["activity"]) for info in champion.columns_info if info["name"] in set(champion.learned) - present}
    return tuple(sorted(gone - {str(info["activity"]) for info in candidate.columns_info}))


def _differing_settings(candidate: Mapping[str, Any], champion: Mapping[str, Any]) -> Iterator[str]:
    changed = [name for name in candidate if candidate[name] != champion[name]]
    yield from _shortened([f"{name} {champion[name]} -> {candidate[name]}" for name in changed], "settings")


def _complete(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a recipe as this code knows them: one that the recipe does not have yet has its default."""
    return Model.model_validate(
        {name: value for name, value in recipe.items() if name in Model.model_fields}
    ).model_dump()


def _differing_columns(candidate: ChurnModel, champion: ChurnModel) -> Iterator[str]:
    new, dropped = set(candidate.learned) - set(champion.learned), set(champion.learned) - set(candidate.learned)
    if new:
        yield from _shortened([f"new column {name}" for name in sorted(new)], "new columns")
    if dropped:
        yield from _shortened([f"without column {name}" for name in sorted(dropped)], "columns fewer")


def _shortened(differences: list[str], plural: str) -> list[str]:
    if len(differences) <= MOST_NAMED:
        return differences
    return [f"{len(differences)} {plural}, {', '.join(differences[:MOST_NAMED])}, ..."]


def _paired(settings: TrainingSettings, recipe: Mapping[str, Any], champion: ChurnModel, data: Path) -> dict[str, Any]:
    import pyarrow.parquet as pq

    from models.evaluation import bootstrap

    folder = data / "models" / settings.definition
    candidate = pq.read_table(folder / artifacts.PREDICTIONS).to_pandas(date_as_object=False)
    retrained = _retrained_predictions(settings, recipe, champion, data)
    both = candidate[["customer_id", "as_of", "churned", "model"]].merge(
        retrained[["customer_id", "as_of", "model"]].rename(columns={"model": "champion"}),
        on=["customer_id", "as_of"],
        how="outer",
    )
    if both[["model", "champion"]].isna().to_numpy().any():
        raise ChurnError(
            f"{data}/features and {data}/labels are not what {folder} was trained on: they give "
            "other customers to judge. Run `churn run`."
        )
    judges = read_json(folder / artifacts.RECIPE)["plan"].get("before_test", [])
    known = both[[f"{day:%Y-%m-%d}" in judges for day in both["as_of"]]] if judges else both
    return bootstrap.paired(known.reset_index(drop=True), "champion", draws=DRAWS, seed=settings.model.seed)


def _retrained_predictions(
    settings: TrainingSettings, champion_recipe: Mapping[str, Any], champion: ChurnModel, data: Path
) -> pd.DataFrame:
    """What the champion's recipe predicts at every moment at which the candidate is judged."""
    from models.training import split, train
    from models.training.recipe import Recipe
    from pipelines.modelling.panel import training_panel
    from pipelines.runtime.stage import threads

    inputs = data / "features/train", data / f"labels/{settings.definition}.parquet", data / "activity/train"
    missing = [path for path in inputs if not path.exists()]
    if missing:
        advice = "the champion's recipe cannot be trained for the comparison. Run `dvc pull`, or `churn run`."
        raise ChurnError(*(f"{path} is not there: {advice}" for path in missing))
    panel, _ = training_panel(*inputs)
    origins = settings.model.backtest_moments + 1
    plan = split.plan(set(panel.moments), span_days=settings.label_window_days, origins=origins)
    recipe = Recipe(**_complete(champion_recipe["settings"]))
    without = sorted({str(info["name"]) for info in panel.columns_info} - set(champion.learned))
    definition = settings.churn.model_dump()
    return train.train(panel, plan, recipe, definition, without=without, threads=threads()).predictions
