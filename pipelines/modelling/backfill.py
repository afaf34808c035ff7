"""`churn backfill`: past lists, each by a model trained on what was known on its day, and their outcomes.

Reads the outputs of the training branch and trains again for every past week. Writes a table and a picture to
data/backfill/, which no stage depends on.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from models.backfill import WEEK_DAYS, Backfill, fix_choice, list_days, replay
from models.errors import ModelError
from models.learners.rule_names import UNMODELLED
from models.training.recipe import Recipe
from pipelines.modelling.backfill_report import draw, report_lines
from pipelines.modelling.panel import read_panel, switched_off
from pipelines.runtime import files
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.stage import threads
from pipelines.settings import artifacts
from pipelines.settings.training import TrainingSettings


def backfill(
    settings: TrainingSettings, weeks: int, *, capacity: int, newest_list: str, data: Path = Path("data")
) -> str:
    """Judge the last lists of a definition; write data/backfill/D.csv and .png; the table and its meaning as text.

    Args:
        settings: of the definition, as it was trained last.
        weeks: how many lists at most.
        capacity: customers on a list at most.
        newest_list: day of the list that is made now (`observations.score.as_of`).
        data: the folder that holds models, features, labels and activity.

    Raises:
        ChurnError: nothing was trained yet, it was trained with other settings, or the history gives no past list.
    """
    definition, recipe = settings.definition, _trained_recipe(settings, data)
    panel = read_panel(data / "features/train", data / f"labels/{definition}.parquet", data / "activity/train")
    span, churn = settings.label_window_days, settings.churn.model_dump()
    days = list_days(panel.moments.tolist(), span_days=span, weeks=weeks)
    without, parts, failures = switched_off(panel.columns_info, settings.features.families), [], []
    for day in _with_progress(days):
        try:
            parts.append(replay(panel, day, recipe, churn, without=without, threads=threads()))
        except ModelError as error:
            failures.append(f"{day}  could not be scored then: {error}")
    if not parts:
        raise ChurnError(
            f"churn.{definition}: no past list can be judged: no moment has its window of {span} days observed, and "
            f"another {span} days earlier to learn from. Bring more history or shorten horizon_days.",
            *failures,
        )
    predictions = pd.concat(parts, ignore_index=True)
    rules = [name for name in UNMODELLED if name in predictions]
    result = Backfill.of(definition, predictions, rules, capacity=capacity, currency=settings.currency)
    pending = _pending_lists(max(panel.moments.tolist()), span, settings.train.until, newest_list)
    lines = report_lines(result, settings.churn, [*failures, *pending])
    return "\n".join([*lines, *_write(result, data / "backfill")])


def _trained_recipe(settings: TrainingSettings, data: Path) -> Recipe:
    """The recipe as it was chosen last, with nothing left open."""
    path = data / "models" / settings.definition / artifacts.RECIPE
    if not path.is_file():
        raise ChurnError(f"{path} is not there: {settings.definition} was not trained yet. Run `churn run`.")
    trained = files.read_json(path)
    present = {"definition": settings.churn.model_dump(), "until": settings.train.until}
    present |= {"settings": settings.model.model_dump()}
    changed = [name for name, value in present.items() if trained[name] != value]
    if changed:
        raise ChurnError(
            f"{path}: was trained with another {' and '.join(changed)} than params.yaml has. Run `churn run`."
        )
    return fix_choice(Recipe(**settings.model.model_dump()), trained["choice"])


def _with_progress(days: list[str]) -> Iterator[str]:
    """The days, one after the other, with progress and time left on stderr where that is a terminal."""
    started = time.perf_counter()
    for index, day in enumerate(days):
        if sys.stderr.isatty():
            left = f", {(time.perf_counter() - started) / index * (len(days) - index):.0f} s left" if index else ""
            print(
                f"\rbackfill: list of {day}, {index + 1} of {len(days)}{left}    ", end="", file=sys.stderr, flush=True
            )
        yield day
    if sys.stderr.isatty() and days:
        print(file=sys.stderr)


def _pending_lists(newest_judged: str, span: int, until: str, newest_list: str) -> list[str]:
    """The weekly lists after the newest that is judged, up to the one that is made now, whose windows are not over."""
    known, last = date.fromisoformat(until), date.fromisoformat(newest_list)
    days = [date.fromisoformat(newest_judged)]
    while (day := days[-1] + timedelta(days=WEEK_DAYS)) <= last:
        days.append(day)
    ends = {day: day + timedelta(days=span) for day in days[1:]}
    return [f"{day}  not known yet: its window ends on {end}" for day, end in ends.items() if end > known]


def _write(result: Backfill, folder: Path) -> list[str]:
    """Write the table and the picture, and say where they are."""
    table, picture = (folder / f"{result.definition}.{ending}" for ending in ("csv", "png"))
    figures = pd.DataFrame([dataclasses.asdict(week) for week in result.weeks]).round(6).assign(rule=result.rule)
    with files.atomic_file(table) as path:
        figures.to_csv(path, index=False, lineterminator="\n")
    with files.atomic_file(picture) as path:
        draw(result, path)
    return [f"Table   {table}", f"Picture {picture}"]
