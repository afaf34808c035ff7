"""`churn run --quick`: a first look. One seed, no search, few moments, everything in a folder of its own.

Nothing that stays is promoted, DVC and its lock are not asked, MLflow records nothing; the list says what it is. The
sources are read through the landing store, so that the real run after it reads only what is new.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from models.sums import SUMS, write_sums
from pipelines.commands.plan import Places, make_list, scoring_branch
from pipelines.commands.run import require_ready, width
from pipelines.runtime import journal, run_lock
from pipelines.runtime.files import atomic_folder, read_json, write_json
from pipelines.runtime.run_lock import Say
from pipelines.settings import artifacts
from pipelines.settings.params import Settings

ROOT = artifacts.QUICK
BACKTEST_MOMENTS = 2  # the fewest on which the model can be held against rules
INTERMEDIATE = ("activity", "features", "labels", "models", "scores")
STAGE_BUSY = "A stage is writing (`dvc repro` or another run). Wait for it, then run again."


def quick(settings: Settings, say: Say) -> Path:
    """Make the list of a quick look; the run lock is held by the caller.

    Args:
        settings: of params.yaml.
        say: called with a line for each step.

    Returns:
        The list's folder, below ROOT.

    Raises:
        CheckFailedError: a check failed; the quick look before is as it was.
        ChurnError: as `churn run` does.
    """
    require_ready(settings)
    small = smaller(settings)
    places = Places(ROOT, champions=ROOT / "champion", lists=ROOT / "at_risk")
    shutil.rmtree(places.champions, ignore_errors=True)
    with run_lock.only_stage("quick", STAGE_BUSY):
        for name, perform in (*_training(small, places), *_scoring(small, places)):
            with _step(name, say):
                for note in perform() or ():
                    say(f"      {note}")
    for name in INTERMEDIATE:
        shutil.rmtree(ROOT / name, ignore_errors=True)
    return make_list(places, places.lists / settings.observations.score.as_of).outputs["out"]


def result(folder: Path, settings: Settings) -> str:
    """The list's first rows, what it is, and where its page lies."""
    import pandas as pd

    from pipelines.rendering.highlights import leavers_in_words
    from pipelines.rendering.language.language import Language
    from pipelines.rendering.scorer import QUICK
    from pipelines.rendering.terminal import list_preview, trust_lines

    language, content = (
        Language(settings.language, settings.currency, settings.activities),
        read_json(folder / artifacts.MANIFEST),
    )
    table = pd.read_parquet(folder / artifacts.LIST)
    lines = [
        "",
        list_preview(table, rows=10, language=language, width=width(), colour=sys.stdout.isatty()),
        leavers_in_words(content["figures"], language),
        "",
        *trust_lines(content["trust"], language, width()),
        "",
        QUICK,
        f"List   {folder / artifacts.LIST_PAGE}  ({len(table):,} customers)",
    ]
    return "\n".join(lines)


def smaller(settings: Settings) -> Settings:
    """The same settings with a recipe that is quick to train."""
    recipe = settings.model
    search = recipe.search.model_copy(update={"trials": 0})
    moments = min(recipe.backtest_moments, BACKTEST_MOMENTS)
    small = recipe.model_copy(update={"search": search, "seeds": 1, "backtest_moments": moments})
    return settings.model_copy(update={"model": small})


Performed = Callable[[], Any]


def _training(settings: Settings, places: Places) -> Iterator[tuple[str, Performed]]:
    from pipelines.stages import build_features, label_churn, pull_activity, train_model

    activity, features = ROOT / "activity" / "train", ROOT / "features" / "train"
    pulled = activity, places.report("activity_train"), places.landing
    yield "pull_activity@train", partial(pull_activity.perform, settings, "train", *pulled)
    yield "build_features@train", partial(build_features.perform, settings, "train", activity, features)
    for name in settings.churn:
        labels, model = ROOT / "labels" / f"{name}.parquet", ROOT / "models" / name
        yield f"label_churn@{name}", partial(label_churn.label_definition, settings, name, activity, labels)
        read = {"features": features, "labels": labels, "activity": activity}
        yield f"train_model@{name}", partial(train_model.train_model, name, settings, **read, out=model)
        yield f"who scores {name}", partial(_scorer, model, places.champions / name)


def _scoring(settings: Settings, places: Places) -> Iterator[tuple[str, Performed]]:
    for step in scoring_branch(settings, places):
        yield step.name, partial(step.perform, settings)


def _scorer(model: Path, champion: Path) -> None:
    """The folder of whoever scores this list alone."""
    recipe = read_json(model / artifacts.RECIPE)
    content = {
        "digest": recipe["digests"]["shipped"],
        "metrics": {"scored_by": recipe["scored_by"]},
        "recipe": recipe,
        "quick": True,
        "sums": SUMS,
    }
    with atomic_folder(champion) as folder:
        shutil.copytree(model / "shipped", folder, dirs_exist_ok=True)
        shutil.copy(model / artifacts.WORLD, folder / artifacts.WORLD)
        write_json(folder / artifacts.CHAMPION, content)
        write_sums(folder)


@contextmanager
def _step(name: str, say: Say) -> Iterator[None]:
    began = time.monotonic()
    run_lock.note_stage(f"quick: {name}")
    with journal.recording(f"quick: {name}"):
        yield
    say(f"  {name:<32} {time.monotonic() - began:5.1f} s")
