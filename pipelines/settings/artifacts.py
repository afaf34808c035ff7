"""What stages hand to each other and to people: folders below `data/` and the names of files in them, declared once.

dvc.yaml names the same folders. Programs outside build on the names of a list's files: they stay.
"""

from __future__ import annotations

from pathlib import Path

from pipelines.runtime.closed import Stores

DATA = Path("data")
LANDING = DATA / "landing"
CHAMPIONS = DATA / "champion"
EVALUATIONS = DATA / "evaluation"
LISTS = DATA / "at_risk"
REPORTS = DATA / "validation"
WEEKLY = DATA / "weekly"
OUTCOMES = DATA / "outcomes"
KPIS = DATA / "kpi"
QUICK = DATA / "quick"
"""Of `churn run --quick`: a look, nothing that anybody builds upon."""

STORES = Stores(
    data=DATA,
    kept=(
        LANDING,
        *(DATA / name for name in ("activity", "features", "labels", "models", "scores")),
        LISTS,
        WEEKLY,
        OUTCOMES,
        KPIS,
    ),
    beside=(Path("mlartifacts"),),
    owners=(Path(".dvc/cache"), Path(".dvc/storage"), Path(".dvc/tmp/exps"), DATA / "vault"),
)
"""Where personal data lies. The ledger's folder was always its owner's alone and says nothing of a project's age."""

FACTS = "facts.json"
"""Beside a stream of activity: what it holds, counted."""
CUSTOMERS = "customers.parquet"
"""Beside a stream of activity: the table of customers."""
LISTED = "listed.parquet"
"""Beside the stream that trains: who was on our own lists, and by which chance to be contacted."""
COLUMNS = "columns.json"
"""Beside a table of features: each column's meaning and bounds."""

RECIPE = "recipe.json"
WORLD = "world.json"
PREDICTIONS = "predictions.parquet"
TRIALS = "trials.json"
METRICS = "metrics.json"
COMPARISON = "comparison.csv"
CHAMPION = "champion.json"
MODEL_CARD = "model_card.md"

MANIFEST = "manifest.json"
LIST = "at_risk.parquet"
LIST_CSV = "at_risk.csv"
LIST_WORKBOOK = "at_risk.xlsx"
LIST_PAGE = "at_risk.html"
CONTROL = "control.csv"
ASSIGNMENT = "assignment.csv"
"""Of a list whose last places are drawn by lot: by which chance each customer came into their group."""
SUPPRESSED = "held_back.csv"
WIN_BACK = "win_back.csv"

FORGETTING = ".forgetting"
"""In a folder of lists: copies without somebody who is being forgotten, until they are in place."""
WRITTEN = DATA / "written_elsewhere.jsonl"
"""Which files with customers were written outside `data/`: erasure goes there too."""

EFFECTS = "effects.json"
KNOWN = "known"
"""In the folder of outcomes: what was known when a day began, a file for each day."""
UPLIFT = "uplift.json"
UPLIFT_PAGE = "uplift.html"
OUTCOMES_PAGE = "outcomes.html"
OUTCOMES_CSV = "outcomes.csv"
OUTCOMES_WORKBOOK = "outcomes.xlsx"

KPI = "kpi.parquet"
KPI_CSV = "kpi.csv"
KPI_WORKBOOK = "kpi.xlsx"
KPI_PAGE = "kpi.html"
KPI_COHORTS = "cohorts.csv"
KPI_MOVES = "moves.csv"
KPI_TARGETS = "targets.csv"
