from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from models.churn_model import ChurnModel
from models.evaluation import bootstrap
from models.training import train
from pipelines.modelling import champion as champions
from pipelines.modelling import promote
from pipelines.modelling.contest import compare_recipes
from pipelines.modelling.tracking import mlflow_store, registry
from pipelines.modelling.tracking.registry import REFUSED, Registry
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from pipelines.settings import params
from pipelines.settings.training import TrainingSettings
from tests.conftest import PROVING
from tests.pipelines.mlflow_servers import environment, free_port

# MLflow's own use of its libraries is not ours to mend.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*Any type hint is inferred:UserWarning"),
]

D = "silent_28d"
CHAMPION = Path("data/champion") / D


def bring(candidate: Path) -> str:
    """Let another candidate take the place of the project's, as the next training would; its digest."""
    for part in ("data/models", "data/evaluation", "data/features", "data/labels", "data/activity", "params.yaml"):
        source, target = candidate / part, Path(part)
        if target.is_dir():
            shutil.rmtree(target)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    return digest(Path("data/models") / D / "shipped")


def digest(folder: Path) -> str:
    return ChurnModel.load(folder).digest


def promoted(**options: bool) -> str:
    settings = params.load()
    return promote.promote(TrainingSettings.of(settings, D), margin=settings.promotion.margin, **options)


def state() -> dict[str, Any]:
    """What the registry says, by version: the history, and where the aliases point."""
    with registry.open_registry(D) as found:
        aliases = {alias: found.with_alias(alias) for alias in ("champion", "challenger")}
        return {
            "versions": [one.number for one in found.versions()],
            "history": [one.number for one in found.versions() if one.turn and not one.rolled_back],
            **{alias: one.number if one else None for alias, one in aliases.items()},
        }


def tags(version: str) -> dict[str, str]:
    with mlflow_store.open_store() as store:
        return dict(store.client.get_model_version(f"churn_{D}", version).tags)


def test_the_first_candidate_that_beats_the_naive_rule_is_the_champion(project: Path) -> None:
    said = promoted()
    shipped = project / "data/models" / D / "shipped"
    champion = promote.champion(D)
    assert said.startswith(f"{D}: {digest(shipped)[:8]} is the champion now (version 1). The first champion: +0.")
    assert champion is not None
    assert (champion["digest"], champion["previous"], champion["version"]) == (digest(shipped), None, "1")
    assert champion["metrics"] == json.loads((project / "data/evaluation" / D / "metrics.json").read_text())
    assert digest(CHAMPION) == digest(shipped)
    assert state() == {"versions": ["1"], "history": ["1"], "champion": "1", "challenger": None}


def test_a_version_carries_what_is_needed_to_understand_it(crowned: Path) -> None:
    kept = tags("1")
    assert {
        "churn.model_digest",
        "churn.data_digest",
        "churn.params_digest",
        "churn.code_version",
        "churn.code_digest",
    } <= set(kept)
    assert (kept["params.model.max_rounds"], kept["params.churn.horizon_days"]) == ("60", "28")
    assert float(kept["test.roc_auc"]) > 0.7
    assert kept["test.as_of"] == "2024-05-20"
    with mlflow_store.open_store() as store:
        card = store.client.get_model_version(f"churn_{D}", "1").description
    assert card.startswith(f"# {D}")
    assert len(card) < 5000
    assert (CHAMPION / "model_card.md").read_text() == card


def test_promoting_the_champion_again_does_nothing_and_needs_no_mlflow(
    crowned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest_of(CHAMPION)
    monkeypatch.setattr(mlflow_store, "open_store", lambda: pytest.fail("MLflow was asked"))
    assert promoted().endswith("is the champion already.")
    assert digest_of(CHAMPION) == before


def test_where_nothing_ranks_there_is_a_champion_all_the_same(project: Path, chance: Path) -> None:
    found = bring(chance)
    said = promoted()
    assert "is the champion now (version 1). The first champion" in said
    assert digest(CHAMPION) == found
    assert state() == {"versions": ["1"], "history": ["1"], "champion": "1", "challenger": None}
    rule = ChurnModel.load(CHAMPION).rule
    scorer = json.loads((CHAMPION / "champion.json").read_text())["metrics"]["scored_by"]["scorer"]
    assert tags("1")["churn.scored_by"] == scorer
    assert (rule.name if rule else "model") == scorer


def test_a_candidate_that_is_no_better_than_the_naive_rule_is_a_challenger(crowned: Path, chance: Path) -> None:
    bring(chance)
    said = promoted()
    assert "was not promoted (version 2, challenger). The champion stays.\n  It is not clearly better" in said
    assert state() == {"versions": ["1", "2"], "history": ["1"], "champion": "1", "challenger": "2"}
    assert tags("2")[REFUSED].startswith("It is not clearly better than the best naive rule")
    assert promoted() == said
    assert state()["versions"] == ["1", "2"]


def test_the_champion_stays_where_the_next_candidate_is_refused(crowned: Path, chance: Path) -> None:
    before = digest_of(CHAMPION)
    bring(chance)
    assert "The champion stays." in promoted()
    assert digest_of(CHAMPION) == before
    assert state()["champion"] == "1"


def test_force_promotes_and_keeps_the_reason(crowned: Path, chance: Path) -> None:
    found = bring(chance)
    promoted()
    assert "Forced, although: It is not clearly better" in promoted(force=True)
    assert digest(CHAMPION) == found
    assert state() == {"versions": ["1", "2"], "history": ["1", "2"], "champion": "2", "challenger": None}
    assert "churn.forced" in tags("2")


def test_promote_and_roll_back_and_forth(project: Path, second: Path) -> None:
    first_digest = digest(Path("data/models") / D / "shipped")
    promoted()
    promoted_first = champion_json()
    second_digest = bring(second)
    promoted()
    champion = promote.champion(D)
    assert champion is not None
    assert (champion["digest"], champion["previous"]) == (second_digest, first_digest)
    assert state()["history"] == ["1", "2"]

    assert promote.rollback(D) == f"{D}: rolled back from version 2 to {first_digest[:8]} (version 1)."
    assert champion_json() == promoted_first | {"rolled_back_from": {"version": "2", "digest": second_digest}}
    assert digest(CHAMPION) == first_digest
    before = digest_of(CHAMPION)
    assert state() == {"versions": ["1", "2"], "history": ["1"], "champion": "1", "challenger": None}

    assert "Version 2 was rolled back." in promoted()  # `churn run` does not undo what a person did
    assert digest_of(CHAMPION) == before
    assert "is the champion now (version 2). Forced" in promoted(force=True)
    assert state()["history"] == ["1", "2"]
    assert digest(CHAMPION) == second_digest
    assert champion_json()["rolled_back_from"] is None


def champion_json() -> dict[str, Any]:
    found = promote.champion(D)
    assert found is not None
    return found


def test_a_new_machine_restores_a_champion_that_was_rolled_back_to(crowned: Path, second: Path) -> None:
    bring(second)
    promoted()
    promote.rollback(D)
    before = digest_of(CHAMPION)
    shutil.rmtree("data")
    promote.restore(D)
    assert digest_of(CHAMPION) == before


def test_the_champion_keeps_its_recipe(crowned: Path) -> None:
    assert champion_json()["recipe"] == json.loads(Path(f"data/models/{D}/recipe.json").read_text())


def test_the_same_recipe_on_newer_data_takes_the_place_without_training(
    crowned: Path, second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(second)
    monkeypatch.setattr(train, "train", lambda *_, **__: pytest.fail("it trained"))
    assert "(version 2). The champion's recipe again: +0." in promoted()


def test_another_recipe_that_is_no_better_is_a_challenger_and_is_compared_once(
    crowned: Path, reseeded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest_of(CHAMPION)
    bring(reseeded)
    said = promoted()
    assert "(version 2, challenger). The champion stays." in said
    assert "It is not better by more than chance and the margin of 0.001 against the champion's recipe" in said
    assert "(seed 7 -> 8), both trained and judged on the same 3 held-out moments up to 2024-04-15: log loss" in said
    assert digest_of(CHAMPION) == before
    assert tags("2")[REFUSED] in said
    with monkeypatch.context() as patch:
        patch.setattr(train, "train", lambda *_, **__: pytest.fail("it trained again"))
        assert promoted() == said
    Path("params.yaml").write_text(Path("params.yaml").read_text() + "promotion: {margin: 0.5}\n")
    assert "the margin of 0.5" in promoted()  # another margin is another verdict
    assert state()["versions"] == ["1", "2"]


def test_a_worse_recipe_is_refused_and_a_better_one_promoted(crowned: Path, first: Path, coarse: Path) -> None:
    bring(coarse)
    assert "It is worse against the champion's recipe (" in promoted()
    promoted(force=True)
    found = bring(first)
    said = promoted()
    assert "is the champion now (version 1). It is better against the champion's recipe" in said
    assert digest(CHAMPION) == found


def test_recipes_are_judged_customer_by_customer_on_the_candidates_moments(
    crowned: Path, first: Path, coarse: Path
) -> None:
    """The champion's recipe predicts what it predicted when it was the candidate, if data are the same."""
    bring(coarse)
    found = compare_recipes(TrainingSettings.of(params.load(), D), champion_json(), CHAMPION, Path("data"))
    mine, other = (
        pq.read_table(folder / f"data/models/{D}/predictions.parquet").to_pandas(date_as_object=False)
        for folder in (coarse, first)
    )
    both = mine[["customer_id", "as_of", "churned", "model"]].assign(champion=other["model"])
    both = both[mine["role"] == "backtest"].reset_index(drop=True)  # the test moment only reports
    assert found.paired == bootstrap.paired(both, "champion", draws=1000, seed=7)
    assert set(found.differing) == {"6 settings, learning_rate 0.03 -> 0.05, leaves 8 -> 2, max_rounds 60 -> 15, ..."}


def test_features_of_another_run_are_refused(crowned: Path, reseeded: Path, second: Path) -> None:
    bring(reseeded)
    for part in ("data/features", "data/labels"):
        shutil.rmtree(part)
        shutil.copytree(second / part, part)
    with pytest.raises(ChurnError, match="they give other customers to judge"):
        promoted()
    shutil.rmtree("data/features")
    with pytest.raises(ChurnError, match=r"data/features/train is not there: the champion's recipe cannot be trained"):
        promoted()
    assert state()["champion"] == "1"


def test_the_first_champion_has_none_before_it(project: Path) -> None:
    with pytest.raises(ChurnError, match="knows no champion"):
        promote.rollback(D)
    promoted()
    with pytest.raises(ChurnError, match="version 1 is the first champion"):
        promote.rollback(D)
    assert state()["champion"] == "1"


def test_a_new_machine_restores_the_champion_from_the_registry(project: Path) -> None:
    with pytest.raises(ChurnError, match="knows no champion"):
        promote.restore(D)
    promoted()
    before = digest_of(CHAMPION)
    shutil.rmtree("data")
    assert "(version 1) is here and scores." in promote.restore(D)
    assert digest_of(CHAMPION) == before


def test_promoting_on_a_new_machine_compares_with_the_champion_of_the_registry(crowned: Path, chance: Path) -> None:
    before = digest_of(CHAMPION)
    shutil.rmtree("data/champion")
    bring(chance)
    assert "The champion stays." in promoted()
    assert digest_of(CHAMPION) == before


def test_files_that_are_not_what_was_registered_are_refused(crowned: Path) -> None:
    before = digest_of(CHAMPION)
    for file in (crowned / "mlartifacts").rglob("payload/model/model.json"):
        file.write_text(file.read_text().replace('"horizon_days": 28', '"horizon_days": 29'))
    with pytest.raises(ChurnError, match="are gone or not the model that was registered"):
        promote.restore(D)
    assert digest_of(CHAMPION) == before


def test_artifacts_that_are_gone_are_told_and_promoting_needs_none(crowned: Path, second: Path) -> None:
    shutil.rmtree("mlartifacts")
    bring(second)
    promoted()
    before = digest_of(CHAMPION)
    with pytest.raises(ChurnError, match="version 1 are gone or not the model"):
        promote.rollback(D)
    assert digest_of(CHAMPION) == before
    assert state()["history"] == ["1", "2"]


class Killed(BaseException):
    """The process ends here."""


CUTS = ["create_model_version", "set_model_version_tag", "set_registered_model_alias", "write_json"]
PLACES = [(step, after) for step in CUTS for after in (False, True)]
# After one step is before the next, but for what the process itself has done in between: `make prove` tries both.
PROMOTING = PLACES if PROVING else [*PLACES[::2], PLACES[-1]]
ROLLING_BACK = PLACES[2:] if PROVING else [*PLACES[2::2], ("set_registered_model_alias", True)]


@pytest.mark.law
@pytest.mark.parametrize(("step", "after"), PROMOTING)
def test_promoting_goes_on_where_it_was_killed(
    crowned: Path, second: Path, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    first_champion, first_bytes = champion_json(), digest_of(CHAMPION)
    found = bring(second)
    with monkeypatch.context() as patch:
        kill(patch, step, after=after)
        with pytest.raises(Killed):
            promoted()
    assert digest_of(CHAMPION) == first_bytes  # whoever scores now, scores with a whole champion
    assert "is the champion now (version 2)" in promoted()
    assert digest(CHAMPION) == found
    assert state() == {"versions": ["1", "2"], "history": ["1", "2"], "champion": "2", "challenger": None}
    promote.rollback(D)
    assert came_back(first_champion)


@pytest.mark.law
@pytest.mark.parametrize(("step", "after"), ROLLING_BACK)
def test_rolling_back_goes_on_where_it_was_killed(
    crowned: Path, second: Path, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    first_champion = champion_json()
    bring(second)
    promoted()
    with monkeypatch.context() as patch:
        kill(patch, step, after=after)
        with pytest.raises(Killed):
            promote.rollback(D)
    if (step, after) != ("set_registered_model_alias", True):  # the last step: all was done
        assert "(version 1)" in promote.rollback(D)
    assert came_back(first_champion)
    assert state() == {"versions": ["1", "2"], "history": ["1"], "champion": "1", "challenger": None}


def came_back(before: dict[str, Any]) -> bool:
    """The champion is the one that it was, and says whose place it took."""
    now = champion_json()
    taken = now["rolled_back_from"]
    return (
        digest(CHAMPION) == before["digest"] and taken["version"] == "2" and now == before | {"rolled_back_from": taken}
    )


def kill(patch: pytest.MonkeyPatch, step: str, *, after: bool) -> None:
    from mlflow import MlflowClient

    place: Any = champions if step == "write_json" else MlflowClient
    real = getattr(place, step)

    def cut(*arguments: Any, **options: Any) -> None:
        if after:
            real(*arguments, **options)
        raise Killed

    patch.setattr(place, step, cut)


def test_a_dead_server_leaves_the_champion_alone(crowned: Path, second: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest_of(CHAMPION)
    bring(second)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    for command in (promoted, lambda: promote.rollback(D), lambda: promote.restore(D)):
        started = time.monotonic()
        with pytest.raises(ChurnError, match="does not answer"):
            command()
        assert time.monotonic() - started < 15
    assert digest_of(CHAMPION) == before


def test_without_a_candidate_it_says_what_is_missing(project: Path) -> None:
    shutil.rmtree(project / "data/evaluation")
    with pytest.raises(ChurnError, match=r"metrics\.json is not there: silent_28d was not trained or not judged yet"):
        promoted()


def test_figures_of_another_model_are_refused(project: Path, second: Path) -> None:
    shutil.rmtree("data/models")
    shutil.copytree(second / "data/models", "data/models")
    with pytest.raises(ChurnError, match="a run was interrupted between the two"):
        promoted()


def test_mlflow_models_predict_scores_a_csv_as_the_pipeline_does(crowned: Path) -> None:
    frame = pq.read_table("data/features/train/2024-05-20.parquet").to_pandas().head(60)
    frame.to_csv("features.csv", index=False)
    command = [sys.executable, "-m", "mlflow", "models", "predict", "-m", f"models:/churn_{D}@champion"]
    command += ["-i", "features.csv", "-t", "csv", "-o", "scores.json", "--env-manager", "local"]
    there = environment(MLFLOW_TRACKING_URI=mlflow_store.store_uri())
    done = subprocess.run(command, env=there, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    scored = pd.DataFrame(json.loads(Path("scores.json").read_text())["predictions"])
    model = ChurnModel.load(CHAMPION)
    assert scored["churn_probability"].tolist() == model.predict(frame).tolist()
    value = model.expected_value(frame)
    assert value is not None
    assert scored["expected_value"].tolist() == value.tolist()


def test_the_registry_ignores_versions_that_are_not_ours(crowned: Path) -> None:
    with mlflow_store.open_store() as store:
        name = f"churn_{D}"
        store.client.create_model_version(name, source=(crowned / "mlartifacts").as_uri())
        assert [one.number for one in Registry(name, store).versions()] == ["1"]
    assert state()["champion"] == "1"
