from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.modelling.tracking.candidate import Candidate, _figures, _leaves
from pipelines.runtime.errors import ChurnError
from pipelines.settings.params import load
from pipelines.settings.training import TrainingSettings

FIGURES = [
    # metrics.json                                              what MLflow gets: name, step, value
    ({"test": {"roc_auc": 0.8, "as_of": "2024-05-20"}}, [("test/roc_auc", 0, 0.8)]),
    ({"test": {"customers": 300}}, [("test/customers", 0, 300.0)]),
    ({"test": {"roc_auc": None, "clear": True}}, []),
    (
        {"backtest": {"2024-03-11": {"ece": 0.2}, "2024-02-05": {"ece": 0.1}}},
        [("backtest/ece", 0, 0.1), ("backtest/ece", 1, 0.2)],
    ),
    ({"paired": {"rfm": {"moments": {"2024-02-05": 0.3}}}}, [("paired/rfm/moments", 0, 0.3)]),
    ({"a/b%": 1}, [("a_b_", 0, 1.0)]),
    ({"never_seen": {}}, []),
]


@pytest.mark.parametrize(("tree", "points"), FIGURES)
def test_figures_have_flat_names_and_moments_are_steps(tree: Any, points: list[tuple[str, int, float]]) -> None:
    assert list(_figures(tree)) == points


def test_settings_have_flat_names() -> None:
    assert dict(_leaves({"model": {"seed": 7, "rounds": "auto"}, "notes": ["a"], "off": {}})) == {
        "model.seed": 7,
        "model.rounds": "auto",
        "notes": '["a"]',
        "off": "{}",
    }


SOURCES = """
sources: {{shop: {{reader: csv, path: {secret}, activity: placed_order}}}}
observations: {{train: {{until: "2024-07-01"}}, score: {{as_of: "2024-07-01"}}}}
churn: {{a: {{kind: silence, active_within_days: 56, horizon_days: {days}}},
         b: {{kind: silence, active_within_days: 56, horizon_days: 14}}}}
at_risk: {{definition: a}}
"""


def candidate(folder: Path, *, secret: str = "shop.csv", days: int = 28) -> Candidate:
    folder.mkdir(exist_ok=True)
    (folder / "params.yaml").write_text(SOURCES.format(secret=secret, days=days))
    settings = TrainingSettings.of(load(folder / "params.yaml"), "a")
    return Candidate(settings, folder / "model", folder / "evaluation", folder / "activity")


def test_where_the_data_come_from_and_other_definitions_stay_out_of_mlflow(tmp_path: Path) -> None:
    params = candidate(tmp_path, secret="hidden-place.csv").params()
    assert not any("hidden-place" in value for value in params.values())
    assert params["churn.horizon_days"] == "28"
    assert "14" not in params.values()


def test_what_is_missing_is_named_all_at_once(tmp_path: Path) -> None:
    settings = candidate(tmp_path).settings
    with pytest.raises(ChurnError) as told:
        Candidate.of(settings, tmp_path / "model", tmp_path / "evaluation", tmp_path / "activity")
    assert [fault.split(" is not there")[0].removeprefix(f"{tmp_path}/") for fault in told.value.faults] == [
        "model/shipped",
        "evaluation/metrics.json",
        "activity/facts.json",
    ]
