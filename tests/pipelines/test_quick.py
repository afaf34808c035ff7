"""`churn run --quick`: a list to look at, and nothing that anybody builds upon."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines.commands.quick import smaller
from pipelines.erasure.stores import forget_in_files
from pipelines.publishing.draft import read_draft
from pipelines.rendering.scorer import QUICK
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json
from pipelines.settings import params

DAY = "2024-12-02"


def content(*places: Path) -> dict[Path, bytes]:
    paths = [path for place in places for path in (place.rglob("*") if place.is_dir() else [place])]
    return {path: path.read_bytes() for path in paths if path.is_file()}


def test_no_search_one_seed_and_the_fewest_moments_on_which_rules_and_model_are_compared() -> None:
    settings = params.load(Path(__file__).resolve().parents[2] / "params.yaml")
    recipe = smaller(settings).model
    assert (recipe.search.trials, recipe.seeds, recipe.backtest_moments) == (0, 1, 2)
    same = {"search", "seeds", "backtest_moments"}
    assert recipe.model_dump(exclude=same) == settings.model.model_dump(exclude=same)
    assert settings.model.seeds == 3, "what was given stays"


@pytest.mark.slow
def test_a_quick_look_leaves_everything_else_as_it_was_and_says_what_it_is(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [shop.folder / name for name in ("data/at_risk", "data/champion", "data/models", "dvc.lock", "mlflow.db")]
    before = content(*kept)
    shutil.rmtree(shop.folder / "data/landing")
    done = shop.churn("run", "--quick")
    assert content(*kept) == before
    folder = shop.folder / "data/quick/at_risk" / DAY
    listed = pd.read_parquet(folder / "at_risk.parquet")
    assert len(listed) > 0
    assert {path.name for path in (shop.folder / "data/quick").iterdir()} == {"at_risk", "champion", "validation"}
    assert QUICK in done.stdout
    assert "data/quick/at_risk" in done.stdout
    for line in ("A quick first look", "no search, one seed"):
        assert line in (folder / "at_risk.html").read_text()
    assert read_json(folder / "manifest.json")["quick"] is True
    with pytest.raises(ChurnError, match="is a quick look"):
        read_draft(folder, DAY, None)
    monkeypatch.chdir(shop.folder)
    forgotten = forget_in_files(frozenset([str(listed["customer_id"].iloc[0])]))
    assert "data/quick" in forgotten.deleted
    assert not folder.exists()


def test_quick_stands_alone(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from pipelines.commands.project import run

    for other in ("--full", "--no-promote"):
        done = CliRunner().invoke(run, ["--quick", other])
        assert done.exit_code == 2
        assert "--quick stands alone" in done.output
