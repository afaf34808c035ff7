from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from models.churn_model import ChurnModel
from pipelines.modelling import sample
from pipelines.modelling.panel import read_panel
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of, read_json
from pipelines.stages import train_model
from tests.models.panels_for_tests import MOMENTS, panel
from tests.pipelines.model_folders_for_tests import D, Folders, fill, settings_with, write_labels

pytestmark = pytest.mark.slow


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return fill(tmp_path)


def trained(folders: Folders, **changes: object) -> Path:
    places = {"features": folders.features, "labels": folders.root / "labels.parquet", "activity": folders.activity}
    train_model.train_model(D, settings_with(**changes), **places, out=folders.model)
    return folders.model


def test_the_folder_holds_both_fits_the_recipe_and_the_predictions(trained_folders: Folders) -> None:
    out = trained_folders.model
    names = ["held_out", "predictions.parquet", "recipe.json", "shipped", "trials.json", "world.json"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert list(read_json(out / "trials.json")) == ["000", "001"]
    recipe = read_json(out / "recipe.json")
    for name in ("shipped", "held_out"):
        assert ChurnModel.load(out / name).digest == recipe["digests"][name] == digest_of(out / name)
    assert recipe["plan"]["test"] == MOMENTS[-1]
    assert recipe["rows"] == 1500
    schema = pq.read_schema(out / "predictions.parquet")
    assert str(schema.field("as_of").type) == "date32[day]"
    assert str(schema.field("churned").type) == "bool"


def test_the_same_in_gives_the_same_bytes_out(
    folders: Folders, trained_folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest_of(trained_folders.model)
    monkeypatch.setattr(train_model, "threads", lambda: 1)
    assert digest_of(trained(folders)) == before


def test_a_family_that_is_off_drops_its_columns_and_a_wrong_one_is_named(folders: Folders) -> None:
    info = [{**one, "family": "noise" if one["measure"] == "noise" else "recency"} for one in panel().columns_info]
    assert train_model.switched_off(info, {"noise": False}) == ["noise_0", "noise_1", "noise_2"]
    with pytest.raises(ChurnError, match=r"features\.families\.nois is not a family.*noise"):
        train_model.switched_off(info, {"nois": False})


def test_labels_without_features_are_named(folders: Folders) -> None:
    path = folders.features / f"{MOMENTS[2]}.parquet"
    rows = pq.read_table(path)
    pq.write_table(rows.slice(2), path)
    with pytest.raises(ChurnError, match=r"2 of 250 labelled customers have no features \(c0000, c0001\)"):
        trained(folders)
    path.unlink()
    with pytest.raises(ChurnError, match="there are labels for 2021-03-01 but no features"):
        trained(folders)


def test_no_labels_is_an_error_in_words_and_leaves_the_old_model(folders: Folders, trained_folders: Folders) -> None:
    shutil.copytree(trained_folders.model, folders.model)
    before = digest_of(folders.model)
    data = panel()
    empty = type(data)(
        data.features.iloc[:0], data.churned[:0], data.value_ahead[:0], data.columns_info, data.activities
    )
    write_labels(folders.root / "labels.parquet", empty)
    with pytest.raises(ChurnError, match="holds no labels"):
        trained(folders)
    assert digest_of(folders.model) == before


def test_the_panel_is_ordered_whatever_the_labels_order(folders: Folders) -> None:
    path = folders.root / "labels.parquet"
    places = (folders.features, path, folders.activity)
    before = read_panel(*places)
    table = pq.read_table(path)
    pq.write_table(table.take(list(range(len(table)))[::-1]), path)
    after = read_panel(*places)
    pd.testing.assert_frame_equal(before.features, after.features)
    assert (before.churned == after.churned).all()


def test_a_panel_larger_than_memory_is_sampled_by_customer_and_said_so(
    folders: Folders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sample, "BYTES_PER_NUMBER", 38_000)  # 1,500 rows become 1.5 times the memory
    out = trained(folders, engine_memory="256MB")
    recipe, again = read_json(out / "recipe.json"), digest_of(out)
    assert 100 < recipe["sampled_customers"] < recipe["labelled_customers"] == 250
    assert recipe["customers"] == recipe["sampled_customers"]
    assert recipe["rows"] == 6 * recipe["sampled_customers"]  # all moments of a customer, or none
    said = capsys.readouterr().out
    assert f"train_model: {recipe['sampled_customers']} of 250 customers, drawn by their ids, fit into" in said
    assert digest_of(trained(folders, engine_memory="256MB")) == again


def test_what_fits_is_not_sampled(trained_folders: Folders) -> None:
    assert "sampled_customers" not in read_json(trained_folders.model / "recipe.json")
