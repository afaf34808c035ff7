"""The list under the customers' own ids, where alone the vault opens; and a customer taken out of a real list."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipelines.erasure.stores import forget_in_files
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from pipelines.settings.params import Settings
from pipelines.settings.privacy import Privacy
from pipelines.sources.privacy import vault
from pipelines.sources.privacy.pseudonyms import internal_id, keyed
from pipelines.stages.make_list import make_list
from tests.pipelines.lists_for_tests import DAY, settings, shop
from tests.pipelines.sections_for_tests import export

KEY = "a key for tests only, never used"


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The present folder is a project with a list; the ids on it."""
    monkeypatch.chdir(tmp_path)
    small = shop(tmp_path)
    make_list(settings(), small.inputs, Path("data/at_risk", DAY))
    return list(pq.read_table(f"data/at_risk/{DAY}/at_risk.parquet")["customer_id"].to_pylist())


def private() -> Settings:
    return settings().model_copy(update={"privacy": Privacy(pseudonymise=True)})


def test_an_export_has_the_customers_own_ids_and_is_its_owners_alone(listed: list[str]) -> None:
    vault.add({one: f"own-{one}" for one in listed})
    (said,) = export(private())
    folder = Path("data/exports", DAY)
    assert "12 customers under their own ids" in said
    assert list(pd.read_csv(folder / "at_risk.csv", dtype=str)["customer_id"]) == [f"own-{one}" for one in listed]
    assert pq.read_table(folder / "at_risk.parquet")["customer_id"].to_pylist() == [f"own-{one}" for one in listed]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert not any("own-" in path.read_bytes().decode("latin-1") for path in Path("data/at_risk", DAY).iterdir())


def test_a_vault_that_lacks_somebody_is_an_error_and_writes_nothing(listed: list[str]) -> None:
    vault.add({one: f"own-{one}" for one in listed[1:]})
    with pytest.raises(ChurnError, match="does not know 1 of 12 customers"):
        export(private())
    assert not Path("data/exports").exists()


def test_without_pseudonyms_an_export_is_the_list(listed: list[str], tmp_path: Path) -> None:
    export(settings(), tmp_path / "elsewhere")
    assert pq.read_table(tmp_path / "elsewhere/at_risk.parquet")["customer_id"].to_pylist() == listed


def test_a_customer_is_asked_for_by_the_own_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHURN_ID_KEY", KEY)
    assert internal_id("anna-1", private().privacy) == keyed(KEY.encode(), "anna-1")
    assert internal_id("anna-1", settings().privacy) == "anna-1"
    monkeypatch.delenv("CHURN_ID_KEY")
    assert internal_id("anna-1", private().privacy) == "anna-1"


def test_a_customer_is_taken_out_of_every_file_of_a_list(listed: list[str]) -> None:
    folder, gone = Path("data/at_risk", DAY), listed[2]
    kept = [one for one in listed if one != gone]
    rewritten = forget_in_files(frozenset({gone})).rewritten
    assert {path.as_posix() for path in folder.glob("at_risk.*")} < set(rewritten)
    assert pq.read_table(folder / "at_risk.parquet")["customer_id"].to_pylist() == kept
    assert list(pd.read_csv(folder / "at_risk.csv", dtype=str)["customer_id"]) == kept
    rows = list(openpyxl.load_workbook(folder / "at_risk.xlsx").worksheets[0].iter_rows(values_only=True))
    assert [row[1] for row in rows if row[1] not in (None, "Customer")] == kept
    page = (folder / "at_risk.html").read_text().partition('id="data">')[2].partition("</script>")[0]
    content = json.loads(page)
    assert [row[content["fields"].index("customer_id")] for row in content["rows"]] == kept
    files = json.loads((folder / "manifest.json").read_text())["files"]
    assert files == {name: digest_of(folder / name) for name in files}
