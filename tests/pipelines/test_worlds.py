"""From one shop to another and back: whom a candidate meets, what is said, and that nothing is lost on the way."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from models.churn_model import ChurnModel
from models.sums import SUMS
from pipelines.commands.score.models import champions
from pipelines.modelling import promote
from pipelines.modelling.model_folder import require_known
from pipelines.modelling.tracking import registry
from pipelines.modelling.world import require_own_customers
from pipelines.runtime.errors import ChurnError
from pipelines.settings import params
from tests.conftest import Made
from tests.pipelines.conftest import MEASURES, make_candidate
from tests.pipelines.test_promote import CHAMPION, D, bring, champion_json, digest, promoted, state, tags

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*Any type hint is inferred:UserWarning"),
]


@pytest.fixture(scope="session")
def elsewhere(made_once: Made) -> Path:
    """A candidate of another shop, with the same columns."""
    return made_once("elsewhere", partial(make_candidate, shop="b-", customers=320))


@pytest.fixture(scope="session")
def hopeless_elsewhere(made_once: Made) -> Path:
    """A candidate of the other shop that had nothing to learn from."""
    return made_once("hopeless_elsewhere", partial(make_candidate, shop="b-", customers=320, signal=0.0, scorer="auto"))


@pytest.fixture(scope="session")
def without_visits(made_once: Made) -> Path:
    """A candidate of the first shop after one of its sources was taken out."""
    orders = [name for name in MEASURES if not name.startswith("visited_site")]
    return made_once("without_visits", partial(make_candidate, measures=orders))


def test_another_shop_gets_a_first_champion_and_the_former_one_comes_back(
    crowned: Path, first: Path, elsewhere: Path, chance: Path
) -> None:
    first_digest, files = digest(CHAMPION), folder(CHAMPION)
    found = bring(elsewhere)
    said = promoted()
    assert "is the champion now (version 2). The first champion: +0." in said
    assert "Another shop than that of the champion so far (version 1: 0% of its 300 customers occur here)" in said
    assert f"`churn restore {D} --version 1` brings it back." in said
    assert champion_json()["previous"] is None
    assert tags("2")["churn.world"] == found

    with pytest.raises(ChurnError) as refused:
        promote.rollback(D)
    assert "version 2 is the first champion of this shop" in str(refused.value)
    assert f"churn restore {D} --version 1" in str(refused.value)
    assert digest(CHAMPION) == found

    bring(chance)  # back, with a candidate that is worth nothing: the first shop's champion is the measure
    said = promoted()
    assert "was not promoted (version 3, challenger). The champion stays.\n  It is not clearly better" in said
    assert said.endswith("Version 1 is the champion of this one.")
    assert digest(CHAMPION) == first_digest
    assert state()["champion"] == "1"
    require_known(CHAMPION)

    bring(elsewhere)
    assert f"{found[:8]} scores again (version 2)." in promoted()
    bring(first)
    assert f"{first_digest[:8]} scores again (version 1)." in promoted()
    assert folder(CHAMPION) == files
    with pytest.raises(ChurnError, match="version 1 is the first champion of this shop"):
        promote.rollback(D)


def folder(of: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in of.rglob("*") if path.is_file()}


def test_a_candidate_of_the_other_shop_meets_its_own_champion(
    crowned: Path, elsewhere: Path, hopeless_elsewhere: Path
) -> None:
    found = bring(elsewhere)
    promoted()
    bring(hopeless_elsewhere)
    said = promoted()
    assert "It is not clearly better than the best naive rule, and the champion is" in said
    assert "Another shop" not in said
    assert digest(CHAMPION) == found
    assert tags("3")["churn.world"] == found


def test_another_main_activity_is_another_world(crowned: Path, second: Path) -> None:
    bring(second)
    world = Path("data/models") / D / "world.json"
    content = json.loads(world.read_text())
    world.write_text(json.dumps(content | {"meaning": {"kind": "silence", "activity": "paid_invoice"}}))
    said = promoted()
    assert "its definition was silence, placed_order, here it is silence, paid_invoice" in said
    assert "The first champion" in said


def test_a_former_champion_is_brought_back_by_its_version(crowned: Path, elsewhere: Path) -> None:
    first_digest = digest(CHAMPION)
    bring(elsewhere)
    promoted()
    assert promote.restore(D, "1") == f"{D}: {first_digest[:8]} (version 1) is the champion again."
    assert digest(CHAMPION) == first_digest
    assert state()["champion"] == "1"
    with pytest.raises(ChurnError, match=r"version 9 never was a champion\. Versions that were: 1, 2\."):
        promote.restore(D, "9")


def test_a_champion_of_an_older_version_is_matched_by_its_columns_and_stamped_once(
    crowned: Path, second: Path, chance: Path
) -> None:
    (CHAMPION / "world.json").unlink()
    (CHAMPION / SUMS).unlink()
    content = json.loads((CHAMPION / "champion.json").read_text())
    (CHAMPION / "champion.json").write_text(json.dumps({k: v for k, v in content.items() if k != "sums"}))
    bring(chance)
    assert "The champion stays." in promoted()
    require_known(CHAMPION)
    assert json.loads((CHAMPION / "world.json").read_text())["customers"] == 300
    with registry.open_registry(D) as found:
        crown = found.with_alias("champion")
    assert crown is not None
    assert crown.champion_sums


def test_an_older_champion_with_other_columns_is_of_another_world(
    crowned: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (CHAMPION / "world.json").unlink()
    (CHAMPION / SUMS).unlink()
    learned = [*ChurnModel.load(CHAMPION).learned, *(f"redeemed_coupon_count_{days}d" for days in range(20))]
    monkeypatch.setattr(ChurnModel, "learned", learned)
    content = json.loads((CHAMPION / "champion.json").read_text())
    (CHAMPION / "champion.json").write_text(json.dumps({k: v for k, v in content.items() if k != "sums"}))
    bring(elsewhere)
    assert "of its 26 columns are known here" in promoted()


def test_where_an_activity_vanished_the_recipe_is_the_measure_and_the_candidate_scores(
    crowned: Path, without_visits: Path
) -> None:
    found = bring(without_visits)
    said = promoted()
    assert "The champion cannot score without visited_site: the candidate takes its place. It is not worse" in said
    assert "both trained and judged on the same" in said
    assert digest(CHAMPION) == found


def test_an_added_activity_meets_the_champion_as_any_other_recipe_does(
    project: Path, without_visits: Path, first: Path
) -> None:
    bring(without_visits)
    promoted()
    bring(first)
    assert "against the champion's recipe (new column visited_site_count_28d)" in promoted()


@pytest.mark.usefixtures("crowned")
def test_scoring_somebody_elses_customers_is_refused_in_a_sentence_with_the_way_out() -> None:
    settings = params.load()
    champion = champions(None, D, settings)[0]
    own = [f"{number:04d}" for number in range(300)]
    require_own_customers(D, champion.world, own, champion.where)
    require_own_customers(D, champion.world, own[:40], champion.where)  # a part of the shop
    with pytest.raises(ChurnError, match=r"0% of its 300 occur among the 400 of this activity.*`churn run`"):
        require_own_customers(D, champion.world, (f"b-{number}" for number in range(400)), champion.where)


def test_the_stage_refuses_them_too(trained_folders: Any, tmp_path: Path) -> None:
    from models.world import World
    from pipelines.stages.score_customers import Places, score_customers
    from tests.pipelines.model_folders_for_tests import Folders, settings_with, write_orders

    folders = Folders(shutil.copytree(trained_folders.root, tmp_path / "folders"))
    orders = folders.score_activity / "activity" / "2021-06.parquet"
    own = pd.read_parquet(orders)["customer_id"].tolist()
    model = folders.model / "shipped"
    (model / "world.json").write_text(json.dumps(World.of({"kind": "silence"}, own, "ab").to_json()))
    places = Places(folders.score_activity, folders.score_features, model, tmp_path / "s.parquet", tmp_path / "r.json")
    assert len(score_customers(D, settings_with(), places)) > 0
    write_orders(orders, [f"b-{customer}" for customer in own], days_ago=20)
    with pytest.raises(ChurnError, match="It belongs to another shop"):
        score_customers(D, settings_with(), places)
