"""`churn run`: the whole graph, the promotion between its two branches, and what came out.

DVC decides what must run again; this module only drives it, one run at a time, and reads the results.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pipelines.modelling.champion import require_champions
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.run_lock import Say, _write_holder
from pipelines.settings.params import Settings

LANDING = Path("data/landing")


def run(settings: Settings, say: Say = print, *, promote: bool = True, full: bool = False) -> None:
    """Training branch, promotion where the gate says so, scoring branch, result. Raises ChurnError where one fails.

    `full`: forget what was read from the sources before, and read all of it again.
    """
    from pipelines.engines.spark_session import missing
    from pipelines.settings.reading import Reading
    from pipelines.sources.registry import check_sources
    from pipelines.stages.watch_sources import places_of

    days = settings.observations.train.until, settings.observations.score.as_of
    faults = [
        *missing(settings),
        *check_sources(Reading.of(settings), *([] if full else places_of(settings, LANDING, *days))),
    ]
    if faults:
        raise ChurnError(*faults)
    try:
        if full:
            read_again(say)
        reproduce(["evaluate_model"], say)
        if promote and settings.promotion.automatic:
            promote_candidates(settings, say)
        require_champions(settings)
        reproduce(["make_list"], say)
    finally:
        write_overview()


def read_again(say: Say) -> None:
    """Pull both branches from nothing: the landing store goes, and DVC is told not to spare the pulls."""
    for source in LANDING.glob("*/"):
        shutil.rmtree(source)
    reproduce(["watch_sources"], say)
    reproduce(["--force", "--single-item", "pull_activity"], say)


def reproduce(targets: list[str], say: Say) -> None:
    """`dvc repro` of some stages and all that they need, with one line for each stage that ran."""
    # DVC runs each command in a shell: the stages must find the same Python as this process.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [sys.executable, "-m", "dvc", "repro", *targets]
    with subprocess.Popen(
        command,
        env={**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    ) as dvc:
        _write_holder(dvc.pid)
        follow = _Follow(say)
        assert dvc.stdout is not None
        for line in dvc.stdout:
            follow.line(line.rstrip())
        follow.end()
    _write_holder(None)
    if dvc.returncode:
        raise ChurnError(*follow.failure())


class _Follow:
    """Turns what DVC prints into one line per stage, and keeps what a failed stage said."""

    def __init__(self, say: Say) -> None:
        self.say, self.stage, self.started, self.said = say, "", 0.0, list[str]()

    def line(self, text: str) -> None:
        running = re.match(r"Running stage '(.+)':$", text)
        if running:
            self.end()
            self.stage, self.started, self.said = running[1], time.perf_counter(), []
        elif text and not text.startswith(
            ("> python", "'data/", "Stage '", "Updating lock", "Generating lock", "Use `dvc push`")
        ):
            self.said.append(text)
            if self.stage and not text.startswith(
                ("ERROR: failed to reproduce", "To track", "\tgit add", "To enable", "\tdvc config")
            ):
                self.say(f"      {text}")

    def end(self) -> None:
        if self.stage and not any(text.startswith("ERROR") for text in self.said):
            self.say(f"  {self.stage:<32} {time.perf_counter() - self.started:5.1f} s")
        self.stage = ""

    def failure(self) -> list[str]:
        last = [text for text in self.said if text.strip()][-12:]
        return ["The run stopped; earlier lists are untouched.", *last]


def promote_candidates(settings: Settings, say: Say) -> None:
    """Put every definition's candidate before the gate, and say what it decided."""
    from pipelines.modelling.promote import promote

    for definition in settings.churn:
        for line in promote(definition, settings).splitlines():
            say(f"  {line}")


def write_overview() -> None:
    """data/validation/index.html: every report there is, on one page."""
    from pipelines.checks.page import write_page

    reports = reports_of(Path("data/validation"))
    if reports:
        write_page(reports, Path("data/validation/index.html"))


def reports_of(folder: Path) -> list[dict[str, Any]]:
    """The reports of the data checks, in order of name."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def result(settings: Settings) -> str:
    """The list's first rows, the model beside the best naive rule, the checks' verdict, and where to look."""
    import pandas as pd

    from pipelines.checks.page import checks_summary
    from pipelines.rendering.terminal import list_preview
    from pipelines.rendering.wording import language_of, scored_by

    folder = Path("data/at_risk", settings.observations.score.as_of)
    at_risk = pd.read_parquet(folder / "at_risk.parquet")
    definition = settings.at_risk.definition
    metrics = json.loads(Path("data/evaluation", definition, "metrics.json").read_text())
    champion = json.loads(Path("data/champion", definition, "champion.json").read_text())
    return "\n".join(
        [
            "",
            list_preview(at_risk, rows=10, language=language_of(settings), width=_width(), colour=sys.stdout.isatty()),
            "",
            headline(metrics, definition),
            scored_by(champion),
            "",
            checks_summary(reports_of(Path("data/validation"))),
            f"List   {folder / 'at_risk.html'}  (also .csv, .xlsx, .parquet: {len(at_risk):,} customers)",
            "Checks data/validation/index.html",
        ]
    )


def _width() -> int:
    """Of the list on the terminal: as wide as that is, within reason; elsewhere as wide as a page."""
    return min(max(shutil.get_terminal_size((118, 24)).columns, 80), 180) if sys.stdout.isatty() else 118


FIGURES = (
    ("roc_auc", "ROC AUC", "higher is better"),
    ("log_loss", "log loss", "lower is better"),
    ("brier", "Brier score", "lower is better"),
    ("lift_at_10", "lift at 10%", "higher is better"),
    ("precision_at_10", "precision at 10%", "higher is better"),
)


def headline(metrics: dict[str, Any], definition: str) -> str:
    """The candidate beside the best naive rule (by ROC AUC) on the same held-out moment, as a small table."""
    from pipelines.modelling.gate import NAIVE

    test = metrics["test"]
    rules = {name: metrics["baselines"][name]["test"] for name in NAIVE if name in metrics["baselines"]}
    best = max(rules, key=lambda name: float(rules[name]["roc_auc"]))
    counted = f"{test['customers']:,} customers, {test['churn_rate']:.1%} left"
    return "\n".join(
        [
            f"How good is it? Held-out moment {test['as_of']}, {definition}: {counted}",
            f"  {'':<18}{'model':>9}   {'best naive rule: ' + best.replace('_', ' '):>32}",
            *(f"  {word:<18}{test[key]:>9.3f}   {rules[best][key]:>32.3f}   {which}" for key, word, which in FIGURES),
            f"  Grade {metrics['grade']['grade']}. {metrics['grade']['text']}",
        ]
    )
