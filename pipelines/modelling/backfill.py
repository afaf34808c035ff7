"""`churn backfill`: what the last lists would have said, had there been any, and how each turned out.

Reads what the training branch left behind and trains again for every past week, on what was known then. Writes a table
and a picture to data/backfill/, which no stage depends on.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from models import backfill as past
from models.backfill import Backfill
from models.errors import ModelError
from models.training.recipe import Recipe
from pipelines.modelling.backfill_report import draw, told
from pipelines.modelling.panel import read_panel, switched_off
from pipelines.runtime import files
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.stage import threads
from pipelines.settings.params import Settings

RULES = ("days_since_last", "rfm_score")  # what a team can do without a model


def backfill(definition: str, settings: Settings, weeks: int, data: Path = Path("data")) -> str:
    """Judge the last lists of a definition; write data/backfill/D.csv and .png; the table and its meaning as text.

    Raises:
        ChurnError: nothing was trained yet, it was trained with other settings, or the history gives no past list.
    """
    recipe = _recipe(definition, settings, data)
    panel = read_panel(data / "features/train", data / f"labels/{definition}.parquet", data / "activity/train")
    setting = settings.churn[definition].model_dump()
    span = setting["gap_days"] + setting["horizon_days"]
    days = past.list_days(panel.moments.tolist(), span_days=span, weeks=weeks)
    without, parts, untold = switched_off(panel.columns_info, settings), [], []
    for day in _watched(days):
        try:
            parts.append(past.replay(panel, day, recipe, setting, without=without, threads=threads()))
        except ModelError as problem:
            untold.append(f"{day}  could not be scored then: {problem}")
    if not parts:
        raise ChurnError(
            f"churn.{definition}: no past list can be judged: no moment has its window of {span} days observed, and "
            f"another {span} days earlier to learn from. Bring more history or shorten horizon_days.",
            *untold,
        )
    predictions = pd.concat(parts, ignore_index=True)
    rules = [name for name in RULES if name in predictions]
    capacity, currency = settings.at_risk.capacity, settings.currency
    found = Backfill.of(definition, predictions, rules, capacity=capacity, currency=currency)
    notes = [*untold, *_not_known_yet(max(panel.moments.tolist()), span, settings)]
    return "\n".join([*told(found, settings.churn[definition], notes), *_written(found, data / "backfill")])


def _recipe(definition: str, settings: Settings, data: Path) -> Recipe:
    """The recipe as it was chosen last, with nothing left open."""
    path = data / "models" / definition / "recipe.json"
    if not path.is_file():
        raise ChurnError(f"{path} is not there: {definition} was not trained yet. Run `churn run`.")
    kept = files.read_json(path)
    until = settings.observations.train.until
    asked = {"definition": settings.churn[definition].model_dump(), "until": until}
    asked |= {"settings": settings.model.model_dump()}
    changed = [name for name, value in asked.items() if kept[name] != value]
    if changed:
        raise ChurnError(
            f"{path}: was trained with another {' and '.join(changed)} than params.yaml has. Run `churn run`."
        )
    return past.settled(Recipe(**settings.model.model_dump()), kept["choice"])


def _watched(days: list[str]) -> Iterator[str]:
    """The days, one after the other, with progress and time left on stderr where somebody watches."""
    started = time.perf_counter()
    for place, day in enumerate(days):
        if sys.stderr.isatty():
            left = f", {(time.perf_counter() - started) / place * (len(days) - place):.0f} s left" if place else ""
            print(
                f"\rbackfill: list of {day}, {place + 1} of {len(days)}{left}    ", end="", file=sys.stderr, flush=True
            )
        yield day
    if sys.stderr.isatty() and days:
        print(file=sys.stderr)


def _not_known_yet(newest: str, span: int, settings: Settings) -> list[str]:
    """The weekly lists since the newest that is judged, up to the one that is made now, whose windows are not over."""
    known = date.fromisoformat(settings.observations.train.until)
    last = date.fromisoformat(settings.observations.score.as_of)
    days = [date.fromisoformat(newest)]
    while (day := days[-1] + timedelta(days=past.WEEK_DAYS)) <= last:
        days.append(day)
    ends = {day: day + timedelta(days=span) for day in days[1:]}
    return [f"{day}  not known yet: its window ends on {end}" for day, end in ends.items() if end > known]


def _written(found: Backfill, folder: Path) -> list[str]:
    """Where the table and the picture are now."""
    table, picture = (folder / f"{found.definition}.{ending}" for ending in ("csv", "png"))
    figures = pd.DataFrame([dataclasses.asdict(week) for week in found.weeks]).round(6).assign(rule=found.rule)
    with files.whole_file(table) as path:
        figures.to_csv(path, index=False, lineterminator="\n")
    with files.whole_file(picture) as path:
        draw(found, path)
    return [f"Table   {table}", f"Picture {picture}"]
