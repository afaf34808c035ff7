"""`churn backfill` in project folders: what it reads, writes and says, and that it changes nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines.modelling import backfill
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from pipelines.settings import params
from pipelines.settings.params import Settings
from pipelines.settings.training import TrainingSettings
from tests.pipelines.conftest import DEFINITION, MOMENTS

pytestmark = pytest.mark.slow


def judged(settings: Settings, weeks: int) -> str:
    training, as_of = TrainingSettings.of(settings, DEFINITION), settings.observations.score.as_of
    return backfill.backfill(training, weeks, capacity=settings.at_risk.capacity, newest_list=as_of)


@pytest.fixture
def trained(first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The present folder is a project with a candidate."""
    shutil.copytree(first, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setattr("pipelines.modelling.backfill.threads", lambda: 1)
    return tmp_path / "project"


def test_every_list_that_can_be_judged_and_those_that_cannot(trained: Path) -> None:
    before = {place: digest_of(Path("data") / place) for place in ("features", "labels", "models", "activity")}
    said = judged(params.load(), 3)
    table = pd.read_csv(f"data/backfill/{DEFINITION}.csv")
    assert table["as_of"].tolist() == list(MOMENTS[-3:])
    assert (table["listed"] == 300).all()
    assert (table["hits"] <= table["left"]).all()
    assert "2024-06-10  not known yet: its window ends on 2024-07-08" in said
    assert "2024-07-01  not known yet: its window ends on 2024-07-29" in said
    assert "2024-06-03  not" not in said
    assert "2024-07-08  not" not in said
    assert f"Picture data/backfill/{DEFINITION}.png" in said
    assert {place: digest_of(Path("data") / place) for place in before} == before
    kept = digest_of(Path("data/backfill"))
    assert judged(params.load(), 3) == said
    assert digest_of(Path("data/backfill")) == kept


def test_a_list_of_a_capacity_beats_drawing_lots_where_there_is_something_to_learn(trained: Path) -> None:
    settings = params.load()
    small = settings.model_copy(update={"at_risk": settings.at_risk.model_copy(update={"capacity": 40})})
    judged(small, 8)
    table = pd.read_csv(f"data/backfill/{DEFINITION}.csv")
    assert len(table) == 4, "at the first moment nothing was known"
    assert (table["listed"] == 40).all()
    assert table["hits_by_risk"].sum() > 1.4 * table["chance_hits"].sum()
    assert table["hits_by_risk"].sum() > table["rule_hits"].sum()


def test_without_a_model_or_with_another_one_it_says_what_to_do(trained: Path) -> None:
    settings = params.load()
    other = settings.model_copy(update={"model": settings.model.model_copy(update={"seeds": 2})})
    with pytest.raises(ChurnError, match=r"was trained with another settings than params.yaml has. Run `churn run`"):
        judged(other, 3)
    shutil.rmtree(f"data/models/{DEFINITION}")
    with pytest.raises(ChurnError, match=r"silent_28d was not trained yet. Run `churn run`"):
        judged(settings, 3)
    assert not Path("data/backfill").exists()


def test_the_command_in_a_finished_project(shop: Any) -> None:
    lock = (shop.folder / "dvc.lock").read_bytes()
    said = shop.churn("backfill", "--weeks", "3").stdout
    table = pd.read_csv(shop.folder / "data/backfill/silent_28d.csv")
    days = pd.to_datetime(table["as_of"])
    assert days.diff().dropna().dt.days.tolist() == [7, 7]
    assert days.max() == pd.Timestamp("2024-11-04"), "the newest list whose 28 days were over on 2024-12-02"
    for day in ("2024-11-11", "2024-11-18", "2024-11-25", "2024-12-02"):
        assert f"{day}  not known yet" in said
    assert "What the last 3 lists of silent_28d would have said" in said
    assert (shop.folder / "data/backfill/silent_28d.png").stat().st_size > 5_000
    assert (shop.folder / "dvc.lock").read_bytes() == lock
    wrong = shop.churn("backfill", "silent_28", check=False)
    assert wrong.returncode == 1
    assert "Did you mean silent_28d?" in wrong.stderr
