"""Several settings side by side, as the documentation tells a new user to do it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
HEADLINE = "data/evaluation/silent_28d/headline.json"


def compare_command() -> str:
    """What `make compare` runs."""
    found = re.search(r"^compare:.*\n\t@(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert found
    return found[1].replace("$$", "$")


def table(markdown: str) -> list[dict[str, str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in markdown.splitlines() if line[:1] == "|"]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def test_several_settings_are_tried_and_compared(shop: Any) -> None:
    for key, who in (("name", "Shop"), ("email", "shop@example.org")):  # DVC commits on the way
        shop.call("git", "config", f"user.{key}", who)
    shop.call("git", "add", "dvc.lock")
    shop.call("git", "commit", "-qm", "The first run")
    champion = (shop.folder / "data/champion/silent_28d/champion.json").read_bytes()
    # A rule may do as well as the model here, whatever the model's settings; they are what is compared.
    shop.edit("params.yaml", "  seed: 7", "  scorer: model\n  seed: 7")
    before = yaml.safe_load((shop.folder / "params.yaml").read_text())["model"]
    queued = shop.dvc("exp", "run", "evaluate_model", "--queue", "-S", "model.rounds=5,40").stdout
    assert queued.count("Queued experiment") == 2
    shop.dvc("exp", "run", "--run-all")
    shop.dvc("exp", "run", "evaluate_model", "-n", "slow", "-S", "model.learning_rate=0.01")

    shown = table(shop.call("bash", "-c", compare_command()).stdout)
    columns = set(shown[0])
    assert {"Experiment", "model.rounds", "model.learning_rate", "backtest.log_loss", "test.roc_auc"} <= columns
    assert len(columns) <= 11, "a person can read it"
    assert {row["model.rounds"] for row in shown} == {"auto", "5", "40"}
    assert len({row["backtest.log_loss"] for row in shown}) == 4

    changed = json.loads(shop.dvc("metrics", "diff", "HEAD", "slow", "--json").stdout)
    assert set(changed) == {HEADLINE}
    assert {"backtest.log_loss", "backtest.roc_auc"} <= set(changed[HEADLINE])
    shop.dvc("plots", "diff", "HEAD", "slow")
    page = (shop.folder / "dvc_plots/index.html").read_text()
    for curve in ("roc", "precision_recall", "calibration", "gains"):
        assert f"silent_28d_{curve}_csv" in page

    assert (shop.folder / "data/champion/silent_28d/champion.json").read_bytes() == champion
    assert runs_recorded(shop) == 4  # the queued ones too, though they ran in a folder of their own
    best = min(shown[2:], key=lambda row: float(row["backtest.log_loss"]))["Experiment"]
    shop.dvc("exp", "apply", re.findall(r"\[(.*)\]", best)[0])
    settings = yaml.safe_load((shop.folder / "params.yaml").read_text())["model"]
    assert {key for key in settings if settings[key] != before[key]} <= {"rounds", "learning_rate"}
    assert settings != before


def runs_recorded(project: Any) -> int:
    """Runs of training; the trials of the search are runs under them."""
    program = (
        "from pipelines.modelling.tracking import mlflow_store\n"
        "with mlflow_store.open_store() as store:\n"
        "    found = store.client.search_experiments(filter_string=\"name = 'churn_silent_28d'\")\n"
        "    runs = store.client.search_runs([one.experiment_id for one in found])\n"
        "    print(sum('mlflow.parentRunId' not in run.data.tags for run in runs))\n"
    )
    return int(project.call("python", "-c", program).stdout)
