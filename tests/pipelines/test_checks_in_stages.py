"""Checks in the stage that pulls: a stream that is wrong as a whole stops it, and what was there before stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of
from pipelines.stages.pull_activity import pull
from tests.pipelines.tables_to_check import Change, activity, settings_with
from tests.pipelines.test_checks import multiplied, stops_at, thinned

pytestmark = pytest.mark.slow


def pulled(change: Change, project: Path) -> None:
    change(activity()).to_csv(project / "shop.csv", index=False)
    pull(settings_with(), "score", project / "data/activity/score", project / "data/validation/activity_score.json")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (stops_at("2024-06-20"), "The stream goes on until the end: at most 3 days without it"),
        (stops_at("2024-06-20", "placed_order"), "placed_order goes on until the end"),
        (thinned(10), "As much placed_order as usual"),
        (multiplied(6), "As much opened_email as usual"),
    ],
    ids=["stream ended", "orders ended", "too few orders", "too many e-mails"],
)
def test_a_stream_that_is_wrong_stops_the_pull(
    change: Change, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pulled(lambda frame: frame, tmp_path)
    before = digest_of(tmp_path / "data/activity")
    with pytest.raises(ChurnError) as problem:
        pulled(change, tmp_path)
    assert said in str(problem.value)
    assert "activity_score.html" in str(problem.value)
    assert digest_of(tmp_path / "data/activity") == before
    report = json.loads((tmp_path / "data/validation/activity_score.json").read_text())
    assert not report["passed"]
    assert said in (tmp_path / "data/validation/activity_score.html").read_text()
