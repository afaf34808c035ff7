"""Which stages run again for which edit, and what DVC's own commands say, tried in a real project folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.pipelines.spark_for_tests import require_spark

pytestmark = pytest.mark.slow

SCORING = [
    "pull_activity@score",
    "build_features@score",
    "validate_features@score",
    "score_customers@silent_28d",
    "make_list",
]


def ran(output: str) -> list[str]:
    """The stages that `churn run` says it ran, without the one that always runs."""
    names = [words[0] for line in output.splitlines() if len(words := line.split()) == 3 and words[2] == "s"]
    return [name for name in names if name != "watch_sources"]


def hashes(project: Any) -> dict[str, str]:
    """Every output's hash as dvc.lock has it."""
    lock = yaml.safe_load((project.folder / "dvc.lock").read_text())
    return {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage.get("outs", [])}


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_first_run_runs_every_stage_and_ends_with_the_list(shop_run: Any) -> None:
    output = (shop_run.folder / "first_run.txt").read_text()
    assert len(ran(output)) == 11
    for word in ("ROC AUC", "log loss", "at_risk.html", "data/validation/index.html", "checks passed"):
        assert word in output


def test_nothing_to_do_runs_nothing_and_still_shows_the_list(shop: Any) -> None:
    before = hashes(shop)
    output = shop.churn("run").stdout
    assert ran(output) == []
    assert "at_risk.html" in output
    assert hashes(shop) == before


def test_one_week_on_runs_the_scoring_branch_alone_and_back_again_restores_the_list(
    shop_run: Any, next_week: Any, tmp_path: Path
) -> None:
    first, lock = content(shop_run.folder / "data/at_risk/2024-12-02"), hashes(shop_run)
    shop = next_week.copy_to(tmp_path / "project")
    lists = shop.folder / "data/at_risk"
    assert ran((shop.folder / "second_run.txt").read_text()) == SCORING
    later = content(lists / "2024-12-09")
    assert content(lists / "2024-12-02") == first

    shop.edit("params.yaml", 'as_of: "2024-12-09"', 'as_of: "2024-12-02"')
    shop.churn("run")
    assert content(lists / "2024-12-02") == first
    assert content(lists / "2024-12-09") == later
    assert hashes(shop) == lock


def add_order(project: Any, when: str) -> None:
    with (project.folder / "shop.csv").open("a") as orders:
        orders.write(f"N-{when},00001,{when}T12:00:00+01:00,33.00\n")


def test_an_edit_after_both_moments_is_pulled_and_changes_nothing(shop: Any) -> None:
    add_order(shop, "2024-12-20")
    assert shop.stale() == {"pull_activity@train", "pull_activity@score"}
    shop.dvc("repro", "pull_activity")
    assert shop.stale() == set()


def test_an_edit_before_until_reaches_both_branches(shop: Any) -> None:
    add_order(shop, "2024-11-30")
    assert shop.stale() == {"pull_activity@train", "pull_activity@score"}
    shop.dvc("repro", "pull_activity")
    stale = shop.stale()
    assert {"build_features@train", "label_churn@silent_28d", "train_model@silent_28d", "build_features@score"} <= stale
    assert {*SCORING, "evaluate_model@silent_28d"} <= shop.behind(stale | {"pull_activity@score"})


def test_an_edit_between_until_and_as_of_leaves_the_training_branch_alone(next_week: Any, tmp_path: Path) -> None:
    shop = next_week.copy_to(tmp_path / "project")
    add_order(shop, "2024-12-05")
    stale = shop.stale()
    assert stale == {"pull_activity@score"}
    assert shop.behind(stale) == set(SCORING)


def test_a_capacity_changes_the_list_and_the_figures_at_that_capacity(shop: Any) -> None:
    shop.edit("params.yaml", "capacity: 300", "capacity: 20")
    stale = {"evaluate_model@silent_28d", "make_list"}
    assert shop.stale() == stale
    shop.dvc("repro", "--single-item", *sorted(stale))
    assert shop.stale() == set()
    metrics = json.loads((shop.folder / "data/evaluation/silent_28d/metrics.json").read_text())
    assert metrics["capacity"]["customers"] == 20
    assert len(pd.read_parquet(shop.folder / "data/at_risk/2024-12-02/at_risk.parquet")) == 20


def test_what_only_the_list_reads_makes_the_list_alone_again(shop: Any) -> None:
    since, at_risk = shop.folder / "since.csv", shop.folder / "data/at_risk/2024-12-02/at_risk.parquet"
    since.write_text("")
    shop.edit("params.yaml", "suppress: null", "suppress: since.csv")
    assert shop.stale() == {"make_list"}
    shop.dvc("repro", "--single-item", "make_list")
    came = pd.read_parquet(at_risk)["customer_id"][0]
    since.write_text(f"{came}\n")
    assert ran(shop.churn("run").stdout) == ["make_list"]
    assert came not in set(pd.read_parquet(at_risk)["customer_id"])


def test_publishing_a_list_runs_nothing_again_and_is_told_by_the_next(next_week: Any, tmp_path: Path) -> None:
    shop = next_week.copy_to(tmp_path / "project")
    listed = content(shop.folder / "data/at_risk/2024-12-02")
    shop.churn("publish", "--as-of", "2024-12-02")
    assert shop.stale() == {"make_list"}, "the list of 9 December says what it says of the one before"
    shop.churn("run")
    change = pd.read_parquet(shop.folder / "data/at_risk/2024-12-09/at_risk.parquet")["change"]
    assert change.str.endswith("2 weeks in a row").any()
    assert set(change[~change.str.endswith("in a row")]) <= {"New on the list"}
    assert content(shop.folder / "data/at_risk/2024-12-02") == listed
    shop.churn("publish")
    assert shop.stale() == set()


def test_an_experiment_ends_at_evaluation(shop: Any) -> None:
    champion = content(shop.folder / "data/champion/silent_28d")
    listed = content(shop.folder / "data/at_risk/2024-12-02")
    as_somebody = ("git", "-c", "user.name=Shop", "-c", "user.email=shop@example.org")
    shop.call(*as_somebody, "add", "dvc.lock")
    shop.call(*as_somebody, "commit", "-qm", "The first run")
    shop.edit("params.yaml", "  seed: 7", "  scorer: model\n  seed: 7")  # of a rule no seed changes a figure
    output = shop.dvc("exp", "run", "-S", "model.seed=8").stdout
    assert "train_model@silent_28d" in output
    assert content(shop.folder / "data/champion/silent_28d") == champion
    assert content(shop.folder / "data/at_risk/2024-12-02") == listed
    assert "silent_28d" in shop.dvc("exp", "show", "--md").stdout
    changed = json.loads(shop.dvc("metrics", "diff", "--json").stdout)
    assert any("log_loss" in json.dumps(figures) for figures in changed.values())
    shop.dvc("plots", "diff", "HEAD")


def test_dvc_commands_of_a_new_user(shop: Any) -> None:
    assert "evaluate_model@silent_28d" in shop.dvc("dag").stdout
    assert "roc_auc" in shop.dvc("metrics", "show").stdout
    shop.dvc("repro")
    shop.dvc("push")
    shop.call("rm", "-rf", ".dvc/cache", "data/features", "data/models")
    shop.dvc("pull")
    assert shop.stale() == set()


@pytest.mark.java
def test_another_engine_computes_the_same_bytes_and_nothing_behind_them_runs_again(shop: Any) -> None:
    require_spark()
    before, listed = hashes(shop), content(shop.folder / "data/at_risk/2024-12-02")
    files = {path.name for path in shop.folder.iterdir()}
    shop.edit("params.yaml", "engine: duckdb", "engine: spark")
    shop.edit("params.yaml", "master: local[*]", "master: local[2]")
    output = shop.churn("run").stdout
    assert set(ran(output)) == {"build_features@train", "build_features@score", "score_customers@silent_28d"}
    assert hashes(shop) == before
    assert content(shop.folder / "data/at_risk/2024-12-02") == listed
    assert "WARN" not in output
    assert {path.name for path in shop.folder.iterdir()} == files
    shop.edit("params.yaml", "master: local[2]", "master: local[1]")
    assert shop.stale() == set()
