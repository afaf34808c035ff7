"""`churn run`: the whole graph, the promotion between its two branches, and what came out; then the figures beside it.

DVC decides what must run again; this module only drives it, one run at a time, follows the journal that the stages
write meanwhile (runtime/journal.py), and reads the results. What DVC itself prints goes to a log file.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any

from pipelines.commands.effect.kpi import page_of, refresh_beside_list
from pipelines.commands.plan import Places, scoring_branch
from pipelines.commands.stopping import end
from pipelines.modelling.champion import require_champions
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json
from pipelines.runtime.journal import RUN, Event, Follower
from pipelines.runtime.run_lock import STATE, Say, note_dvc
from pipelines.settings import artifacts
from pipelines.settings.params import Settings

DVC_LOG = STATE / "dvc.log"
POLL_SECONDS = 0.1
TAIL_LINES = 12
WARNINGS_SHOWN = 5
_BAD_LOCK = re.compile(r"dvc\.lock' (is invalid|validation failed)|unable to read: '[^']*dvc\.lock'")
LOCK_ADVICE = (
    "dvc.lock is damaged, or not of this project. Take it back with `git checkout dvc.lock`, or delete it: the next "
    "run looks at everything once, takes from DVC's cache what is there, and writes it anew."
)


def run(settings: Settings, say: Say = print, *, promote: bool = True, full: bool = False) -> None:
    """Training branch, promotion where the gate says so, scoring branch, result. Raises ChurnError where one fails.

    `full`: forget what was read from the sources before, and read all of it again.
    """
    require_ready(settings, full=full)
    try:
        if full:
            discard_landing(say)
        reproduce(["evaluate_model"], say)
        if promote and settings.promotion.automatic:
            promote_candidates(settings, say)
        require_champions(settings.churn)
        reproduce([scoring_branch(settings, Places())[-1].name], say)
        refresh_beside_list(settings, Places().activity, say)
    finally:
        write_overview()


def require_ready(settings: Settings, *, full: bool = False) -> None:
    """Look at engine and sources before any work. Raises ChurnError with every fault that shows.

    `full`: nothing that was read before counts.
    """
    from pipelines.engines.spark_session import missing_requirements
    from pipelines.settings.reading import Reading
    from pipelines.sources.registry import check_sources
    from pipelines.stages.watch_sources import places_of

    days = settings.observations.train.until, settings.observations.score.as_of
    places = [] if full else places_of(settings, artifacts.LANDING, *days)
    faults = [*missing_requirements(settings.engine), *check_sources(Reading.of(settings), *places)]
    if faults:
        raise ChurnError(*faults)


def discard_landing(say: Say) -> None:
    """Pull both branches from nothing: the landing store goes, and DVC is told not to spare the pulls."""
    for source in artifacts.LANDING.glob("*/"):
        shutil.rmtree(source)
    reproduce(["watch_sources"], say)
    reproduce(["--force", "--single-item", "pull_activity"], say)


def reproduce(targets: list[str], say: Say) -> None:
    """`dvc repro` of some stages and all that they need, with one line for each stage that ran.

    Raises:
        ChurnError: a stage failed, or DVC did.
    """
    # DVC runs each command in a shell: the stages must find the same Python as this process.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", RUN: str(os.getpid())}
    command = [sys.executable, "-m", "pipelines.commands.repro", *targets]
    follower, progress = Follower(environment[RUN]), Progress(say)
    with (
        DVC_LOG.open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as dvc,
    ):
        # A pipe, not the file itself: where this process is killed it breaks, and DVC stops at its next stage.
        copy = Thread(target=shutil.copyfileobj, args=(dvc.stdout, log))
        copy.start()
        try:
            note_dvc(dvc.pid)
            while not _ended(dvc):
                progress.report(follower.new_events())
        except BaseException:
            end(dvc)  # it and its stage hold DVC's locks: they go before us
            raise
        finally:
            copy.join()
    progress.report(follower.new_events())
    note_dvc(None)
    if dvc.returncode:
        raise ChurnError("The run stopped; earlier lists are untouched.", *(progress.failure() or _tail(DVC_LOG)))


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _tail(log: Path) -> list[str]:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = [line for line in lines if line.strip()]
    return said[-TAIL_LINES:] + [LOCK_ADVICE] * any(map(_BAD_LOCK.search, said))


class Progress:
    """Turns what the stages write into one line per stage, below what it printed, and keeps what a failed one said."""

    def __init__(self, say: Say) -> None:
        self._say, self._running, self._faults = say, "", list[str]()

    def report(self, events: list[Event]) -> None:
        """Say what happened since the last call."""
        for event in events:
            self._running = event.stage if event.event in ("began", "note") else ""
            if event.event == "note":
                self._say(f"      {event.text}")
            elif event.event == "ended":
                self._say(f"  {event.stage:<32} {event.seconds:5.1f} s")
            elif event.event == "failed":
                self._faults = [f"{event.stage}: {fault}" for fault in event.faults]
                for fault in self._faults:
                    self._say(f"      {fault}")

    def failure(self) -> list[str]:
        """The faults of the stage that failed, or that one was killed; empty where none did."""
        if self._faults or not self._running:
            return self._faults
        killed = (
            f"{self._running}: was killed before it ended. {DVC_LOG} has what it printed. Run again and it goes on."
        )
        return [killed]


def promote_candidates(settings: Settings, say: Say) -> None:
    """Put every definition's candidate before the gate, and say what it decided."""
    from pipelines.modelling.promote import promote
    from pipelines.settings.training import TrainingSettings

    for definition in settings.churn:
        training = TrainingSettings.of(settings, definition)
        for line in promote(training, margin=settings.promotion.margin).splitlines():
            say(f"  {line}")


def write_overview() -> None:
    """data/validation/index.html: every report there is, on one page."""
    from pipelines.checks.page import write_page

    reports = reports_of(artifacts.REPORTS)
    if reports:
        write_page(reports, artifacts.REPORTS / "index.html")


def reports_of(folder: Path) -> list[dict[str, Any]]:
    """The reports of the data checks, in order of name; accounts of rows lie beside them."""
    contents = [read_json(path) for path in sorted(folder.glob("*.json"))]
    return [content for content in contents if "suite" in content]


def result(settings: Settings) -> str:
    """The list's first rows, the model beside the best naive rule, the checks' verdict, and where to look."""
    import pandas as pd

    from pipelines.checks.page import checks_summary
    from pipelines.rendering.highlights import leavers_in_words
    from pipelines.rendering.language.language import Language
    from pipelines.rendering.terminal import list_preview, trust_lines

    folder = artifacts.LISTS / settings.observations.score.as_of
    at_risk = pd.read_parquet(folder / artifacts.LIST)
    content = read_json(folder / artifacts.MANIFEST)
    definition = settings.at_risk.definition
    language = Language(settings.language, settings.currency, settings.activities)
    kpis = page_of(settings)
    metrics = read_json(artifacts.EVALUATIONS / definition / artifacts.METRICS)
    reports = reports_of(artifacts.REPORTS)
    return "\n".join(
        [
            "",
            list_preview(at_risk, rows=10, language=language, width=width(), colour=sys.stdout.isatty()),
            leavers_in_words(content["figures"], language),
            "",
            headline(metrics, definition),
            "",
            *trust_lines(content["trust"], language, width()),
            "",
            checks_summary(reports),
            *(f"  ! {line}" for line in _warnings(reports)),
            f"List   {folder / artifacts.LIST_PAGE}  (also .csv, .xlsx, .parquet: {len(at_risk):,} customers)",
            f"Checks {artifacts.REPORTS / 'index.html'}",
            *([f"KPIs   {kpis}"] if kpis else []),
        ]
    )


def _warnings(reports: list[dict[str, Any]]) -> list[str]:
    """What the checks warn of, each once: both branches see the same activity."""
    lines = list(dict.fromkeys(line for report in reports for line in report.get("warnings", ())))
    more = len(lines) - WARNINGS_SHOWN
    return lines[:WARNINGS_SHOWN] + ([f"and {more:,} more, on the page of checks"] if more > 0 else [])


def width() -> int:
    """Columns of the list on the terminal: as wide as that is, within reason; elsewhere as wide as a page."""
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
    from models.learners.rule_names import NAIVE
    from pipelines.rendering.scorer import is_rule

    test = metrics["test"]
    rules = {name: metrics["baselines"][name]["test"] for name in NAIVE if name in metrics["baselines"]}
    best = max(rules, key=lambda name: float(rules[name]["roc_auc"]))
    counted = f"{test['customers']:,} customers, {test['churn_rate']:.1%} left"
    ours = "rule" if is_rule(metrics.get("scored_by")) else "model"
    return "\n".join(
        [
            f"How good is it? Held-out moment {test['as_of']}, {definition}: {counted}",
            f"  {'':<18}{ours:>9}   {'best naive rule: ' + best.replace('_', ' '):>32}",
            *(f"  {word:<18}{test[key]:>9.3f}   {rules[best][key]:>32.3f}   {which}" for key, word, which in FIGURES),
            f"  Grade {metrics['grade']['grade']}. {metrics['grade']['text']}",
        ]
    )
