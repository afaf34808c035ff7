from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from models.sums import digest_of_file
from pipelines.rendering.manifest import PARAMETERS, STAGE
from pipelines.runtime import code
from pipelines.runtime.files import digest_of, read_json
from pipelines.stages.make_list import make_list
from tests.pipelines.lists_for_tests import DAY, DEFINITION, settings, shop

ROOT = Path(__file__).parents[2]


def test_the_manifest_ties_the_list_to_data_parameters_code_and_model(tmp_path: Path) -> None:
    small = shop(tmp_path)
    make_list(settings(), small.inputs, small.out)
    found = read_json(small.out / "manifest.json")
    assert found["as_of"] == DAY
    assert found["model_version"] == small.model.digest == digest_of_model(small.data / "champion" / DEFINITION)
    assert found["model_sums"] == digest_of_file(small.data / "champion" / DEFINITION / "SHA256SUMS")
    assert found["code"] == code.digest(STAGE)
    assert found["parameters"]["at_risk"]["capacity"] == 12
    assert found["parameters"]["observations"] == {"score": {"as_of": DAY}}
    assert found["inputs"]["activity"] == {"digest": "ab" * 32, "rows": 40, "customers": 40}
    assert found["inputs"]["scores"] == {DEFINITION: digest_of(small.data / f"scores/{DEFINITION}.parquet")}
    assert found["files"] == {
        path.name: digest_of(path) for path in small.out.iterdir() if path.name != "manifest.json"
    }
    assert all(check["passed"] for check in found["checks"].values())


def digest_of_model(folder: Path) -> str:
    """The champion's digest leaves out what is written beside the model."""
    copy = folder.parent / "copy"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("champion.json", "SHA256SUMS"))
    return digest_of(copy)


def test_the_figures_are_those_of_the_list_and_of_everyone(tmp_path: Path) -> None:
    small = shop(tmp_path)
    make_list(settings(), small.inputs, small.out)
    found = read_json(small.out / "manifest.json")["figures"]
    assert (found["listed"], found["eligible"], found["bound"]) == (12, 37, "capacity")
    assert found["base_rate"] == round(float(small.scores["churn_probability"].mean()), 6)
    assert sum(tier["listed"] for tier in found["tiers"].values()) == 12
    assert found["value_at_risk_listed"] < found["value_at_risk"]


def test_a_list_that_holds_everyone_says_so(tmp_path: Path) -> None:
    small = shop(tmp_path)
    make_list(settings(capacity=500, stop_when_unprofitable=False), small.inputs, small.out)
    assert read_json(small.out / "manifest.json")["figures"]["bound"] == "everyone"


def test_code_and_parameters_are_what_the_stage_depends_on() -> None:
    # Otherwise an edit would change the manifest without the stage running, and a rerun from nothing would differ.
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["make_list"]
    assert {dep for dep in stage["deps"] if not dep.startswith("data/")} == set(code.units_of(STAGE))
    pinned, *others = stage["params"]
    assert pinned[code.PINS] == list(code.libraries_of(STAGE))
    assert set(others) == {*PARAMETERS, "observations.score"}
