"""Ids that ordered since the data ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.at_risk.policy.suppression import suppressed_ids, suppression_digest
from pipelines.runtime.errors import ChurnError
from pipelines.settings.params import Settings
from pipelines.settings.privacy import Privacy
from pipelines.sources.privacy.pseudonyms import keyed
from tests.pipelines.lists_for_tests import settings

KEY = "a key for tests only, never used"


def suppressed_in(chosen: Settings) -> frozenset[str]:
    return suppressed_ids(chosen.at_risk, chosen.privacy)


def named(tmp_path: Path, content: str | bytes) -> Settings:
    path = tmp_path / "since.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return settings(suppress=str(path))


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        ("0042\n7\n", {"0042", "7"}),
        ("customer_id\n0042\n7\n", {"0042", "7"}),
        ("\ufeffCustomer_ID,when\n 0042 ,2024-03-04\n7,\n,2024-03-04\n", {"0042", "7"}),
        ("when,customer_id\r\n2024-03-04,0042\r\n", {"0042"}),
        ("", set()),
        ("\n\n", set()),
    ],
)
def test_ids_in_a_list_or_a_table(tmp_path: Path, content: str, ids: set[str]) -> None:
    assert suppressed_in(named(tmp_path, content)) == ids


def test_none_is_named() -> None:
    assert suppressed_in(settings()) == frozenset()
    assert suppression_digest(settings().at_risk) is None


def test_content_counts_for_the_digest(tmp_path: Path) -> None:
    first = suppression_digest(named(tmp_path, "1\n").at_risk)
    assert suppression_digest(named(tmp_path, "2\n").at_risk) != first
    assert suppression_digest(named(tmp_path, "1\n").at_risk) == first


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b\n1,2\n", r"several columns and none is called customer_id. Name it so. Its columns: a, b"),
        (b"\xff\xfe1", "not UTF-8"),
    ],
)
def test_a_file_that_says_no_ids(tmp_path: Path, content: str | bytes, said: str) -> None:
    with pytest.raises(ChurnError, match=said):
        suppressed_in(named(tmp_path, content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChurnError, match=r"at_risk\.suppress: there is no file .*gone\.csv\. Write it"):
        suppressed_in(settings(suppress=str(tmp_path / "gone.csv")))


def test_with_pseudonyms_the_file_still_has_the_own_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHURN_ID_KEY", KEY)
    private = named(tmp_path, "anna\n").model_copy(update={"privacy": Privacy(pseudonymise=True)})
    assert suppressed_in(private) == {keyed(KEY.encode(), "anna")}
