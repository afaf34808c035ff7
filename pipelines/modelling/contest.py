"""The champion's recipe and the candidate's, side by side on the candidate's moments.

A champion as it scores has seen the days by which a candidate is judged, and would win unfairly. So not the models are
compared but their recipes: the champion's settings and columns are trained again on the candidate's labelled
observations, moment by moment and with all its own choices (`auto`), and judged where the candidate was, customer by
customer. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.modelling.gate import Match
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json
from pipelines.settings.params import Settings

if TYPE_CHECKING:
    import pandas as pd

    from models.churn_model import ChurnModel

DRAWS = 1000
LONGEST = 3  # columns and settings that a sentence names


def match(
    definition: str,
    settings: Settings,
    champion: Mapping[str, Any],
    folder: Path,
    data: Path,
    *,
    say: Callable[[str], None] = print,
) -> Match:
    """Compare the candidate of `data` with the champion's recipe; trains only where the recipes differ.

    Args:
        definition: name under `churn`.
        settings: of params.yaml.
        champion: champion.json.
        folder: the champion's folder.
        data: the folder that holds models, features, labels and activity.
        say: told before the training begins, which takes its time.

    Raises:
        ChurnError: data/features/train or data/labels are missing, or are not those that the candidate was trained
            on.
    """
    from models.churn_model import ChurnModel

    ours = read_json(data / "models" / definition / "recipe.json")
    theirs = champion.get("recipe")
    if not theirs:
        return Match(("the champion was promoted without its recipe; --force replaces it",))
    known, candidate = ChurnModel.load(folder), ChurnModel.load(data / "models" / definition / "shipped")
    differing = (
        *_settings(*(_complete(one["settings"], settings) for one in (ours, theirs))),
        *_columns(candidate, known),
    )
    if not differing:
        return Match()
    said = "; ".join(differing)
    say(f"  {definition}: another recipe than the champion's ({said}). Training the champion's on the same moments ...")
    return Match(differing, _paired(definition, settings, theirs, known, data))


def _settings(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    changed = [name for name in ours if ours[name] != theirs[name]]
    yield from _some([f"{name} {theirs[name]} -> {ours[name]}" for name in changed], "settings")


def _complete(model: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """The settings of a recipe as this code knows them: one that the recipe does not have yet has its default."""
    kind = type(settings.model)
    return kind.model_validate({name: value for name, value in model.items() if name in kind.model_fields}).model_dump()


def _columns(candidate: ChurnModel, champion: ChurnModel) -> Iterator[str]:
    ours, theirs = set(candidate.columns), set(champion.columns)
    if ours - theirs:
        yield from _some([f"new column {name}" for name in sorted(ours - theirs)], "new columns")
    if theirs - ours:
        yield from _some([f"without column {name}" for name in sorted(theirs - ours)], "columns fewer")


def _some(said: list[str], what: str) -> list[str]:
    return said if len(said) <= LONGEST else [f"{len(said)} {what}, {', '.join(said[:LONGEST])}, ..."]


def _paired(
    definition: str, settings: Settings, theirs: Mapping[str, Any], champion: ChurnModel, data: Path
) -> dict[str, Any]:
    import pyarrow.parquet as pq

    from models.evaluation import bootstrap

    judged = pq.read_table(data / "models" / definition / "predictions.parquet").to_pandas(date_as_object=False)
    other = _predicted(definition, settings, theirs, champion, data)
    both = judged[["customer_id", "as_of", "churned", "model"]].merge(
        other[["customer_id", "as_of", "model"]].rename(columns={"model": "champion"}),
        on=["customer_id", "as_of"],
        how="outer",
    )
    if both[["model", "champion"]].isna().to_numpy().any():
        raise ChurnError(
            f"{data}/features and {data}/labels are not what {data}/models/{definition} was trained on: they give "
            "other customers to judge. Run `churn run`."
        )
    return bootstrap.paired(both, "champion", draws=DRAWS, seed=settings.model.seed)


def _predicted(
    definition: str, settings: Settings, theirs: Mapping[str, Any], champion: ChurnModel, data: Path
) -> pd.DataFrame:
    """What the champion's recipe says at every moment at which the candidate is judged."""
    from models.training import split, train
    from models.training.recipe import Recipe
    from pipelines.modelling.panel import read_panel
    from pipelines.runtime.stage import threads

    places = data / "features/train", data / f"labels/{definition}.parquet", data / "activity/train"
    missing = [place for place in places if not place.exists()]
    if missing:
        advice = "the champion's recipe cannot be trained for the comparison. Run `dvc pull`, or `churn run`."
        raise ChurnError(*(f"{place} is not there: {advice}" for place in missing))
    panel = read_panel(*places)
    setting = settings.churn[definition].model_dump()
    span = setting["gap_days"] + setting["horizon_days"]
    plan = split.plan(set(panel.moments), span_days=span, origins=settings.model.backtest_moments + 1)
    recipe = Recipe(**_complete(theirs["settings"], settings))
    without = sorted({str(info["name"]) for info in panel.columns_info} - set(champion.columns))
    return train.train(panel, plan, recipe, setting, without=without, threads=threads()).predictions
