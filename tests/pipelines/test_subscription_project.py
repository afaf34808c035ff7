"""A whole run of another business: subscriptions cancelled for a planted cause, and two horizons of silence."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.churn_model import ChurnModel
from models.evaluation import metrics as evaluate
from tests.conftest import Project, new_project
from tests.subscriptions import CHURN, SOURCE, UNTIL, subscriptions

pytestmark = pytest.mark.slow

NAMES = ("cancelled_30d", "unusual_silence", "silent_14d", "silent_28d")


@pytest.fixture(scope="module")
def club(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Project:
    """A project in which `churn run` has ended well."""
    project = new_project(tmp_path_factory.mktemp("club") / "project", subscriptions())
    shutil.copy(empty_store, project.folder / "mlflow.db")
    text = (project.folder / "params.yaml").read_text()
    text = re.sub(r"^sources:.*?(?=^customers:)", SOURCE, text, flags=re.S | re.M)
    text = re.sub(r"^churn:.*?(?=^features:)", CHURN, text, flags=re.S | re.M)
    text = text.replace("definition: silent_28d", "definition: cancelled_30d").replace("2024-12-02", UNTIL)
    (project.folder / "params.yaml").write_text(text.replace("Europe/Berlin", "UTC"))
    project.churn("run", check=False)
    project.churn("promote", "--force")  # silence is by chance here, no model can beat the rules; scored it shall be
    (project.folder / "run.txt").write_text(project.churn("run").stdout)
    return project


def scores(club: Any, name: str) -> pd.Series[float]:
    table = pd.read_parquet(club.folder / f"data/scores/{name}.parquet")
    return table.set_index("customer_id")["churn_probability"]


def test_every_definition_has_labels_model_evaluation_and_scores(club: Any) -> None:
    data = club.folder / "data"
    for name in NAMES:
        for place in (f"labels/{name}.parquet", f"models/{name}/recipe.json", f"evaluation/{name}/metrics.json"):
            assert (data / place).exists()
        assert len(scores(club, name)) > 50
    listed = pd.read_parquet(data / f"at_risk/{UNTIL}/at_risk.parquet")
    assert {"churn_probability_silent_14d", "churn_probability_silent_28d"} <= set(listed.columns)


def test_the_planted_cause_is_found(club: Any) -> None:
    metrics = json.loads((club.folder / "data/evaluation/cancelled_30d/metrics.json").read_text())
    assert metrics["test"]["roc_auc"] > 0.75
    model = ChurnModel.load(club.folder / "data/champion/cancelled_30d")
    features = pd.read_parquet(club.folder / f"data/features/score/{UNTIL}.parquet")
    scored = features[features["customer_id"].isin(scores(club, "cancelled_30d").index)].reset_index(drop=True)
    contributions = model.contributions(scored)
    names = {info["name"]: info["activity"] for info in model.columns_info}
    strength = contributions.abs().mean().groupby(names).sum()
    assert strength.idxmax() == "complained", strength.sort_values()
    listed = pd.read_parquet(club.folder / f"data/at_risk/{UNTIL}/at_risk.parquet").head(20)
    said = listed[["reason_1", "reason_2", "reason_3"]].agg(" ".join, axis=1)
    assert said.str.contains("omplaint").mean() > 0.7, said.tolist()


def test_the_future_agrees(club: Any) -> None:
    """What the list's own moment promised, judged by the days that follow, which the pipeline never saw."""
    stream = pd.read_csv(club.folder / "shop.csv")
    stream["occurred_at"] = pd.to_datetime(stream["occurred_at"], utc=True)
    ahead = stream[stream["occurred_at"].between(pd.Timestamp(UNTIL, tz="UTC"), pd.Timestamp("2024-12-25", tz="UTC"))]
    left = set(ahead.loc[ahead["activity"] == "cancelled_subscription", "customer_id"])
    found = scores(club, "cancelled_30d")
    churned = np.array([who in left for who in found.index], dtype=float)
    assert churned.sum() > 5
    assert (evaluate.roc_auc(found.to_numpy(), churned) or 0) > 0.7


def test_nobody_who_has_left_or_is_leaving_is_scored(club: Any) -> None:
    stream = pd.read_csv(club.folder / "shop.csv")
    past = stream[
        (pd.to_datetime(stream["occurred_at"], utc=True) < UNTIL) & stream["activity"].str.contains("_subscr")
    ]
    latest = past.drop_duplicates("customer_id", keep="last").set_index("customer_id")
    scored = scores(club, "cancelled_30d").index
    assert not latest.loc[scored, "activity"].eq("cancelled_subscription").any()
    paid = pd.to_datetime(latest.loc[scored, "occurred_at"], utc=True).dt.normalize()
    assert ((pd.Timestamp(UNTIL, tz="UTC") - paid).dt.days <= 33).all()
    said = (club.folder / "run.txt").read_text() + club.dvc("repro", "-f", "-s", "score_customers@cancelled_30d").stdout
    assert "have cancelled while what they paid for still runs: leaving, not at risk" in said


def test_a_longer_silence_is_never_more_probable(club: Any) -> None:
    longer, shorter = scores(club, "silent_28d"), scores(club, "silent_14d")
    both = longer.index.intersection(shorter.index)
    assert len(both) > 50
    assert (longer[both] <= shorter[both]).all()


def test_every_user_of_a_definition_speaks_of_it(club: Any) -> None:
    page = (club.folder / f"data/at_risk/{UNTIL}/at_risk.html").read_text()
    assert "the subscription is cancelled, or not renewed within 30 days and 3 of grace, in the next 30 days" in page
    doctor = " ".join(club.churn("doctor").stdout.split())
    assert "subscribers who have not cancelled and are not overdue" in doctor
    assert f"On {UNTIL}:" in doctor
    stream = pd.read_csv(club.folder / "shop.csv")
    past = stream[pd.to_datetime(stream["occurred_at"], utc=True) < UNTIL]
    ended = past.loc[past["activity"] == "cancelled_subscription", "customer_id"]
    assert "leaving, not at risk" in club.churn("explain", ended.iloc[-1]).stdout
    assert "cancelled, or not renewed in time" in club.churn("explain", ended.iloc[0]).stdout


def test_with_nothing_to_do_nothing_runs(club: Any) -> None:
    assert "score_customers" not in club.churn("run").stdout
