"""A changed setting, from the match to the list that says who scored it, with the commands that a person types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.runtime.files import read_json

pytestmark = pytest.mark.slow

LIST = Path("data/at_risk/2024-12-02")


def champion_of_the_list(project: Any) -> dict[str, Any]:
    return dict(read_json(project.folder / LIST / "manifest.json")["champion"])


def test_a_setting_is_refused_forced_and_taken_back_and_each_list_says_who_scored_it(shop: Any) -> None:
    assert champion_of_the_list(shop)["version"] == "1"
    shop.edit("params.yaml", "  seed: 7", "  seed: 8")
    said = shop.churn("run").stdout
    assert "was not promoted (version 2, challenger). The champion stays." in said
    assert "against the champion's recipe (seed 7 -> 8), both trained and judged on the same" in said
    assert "Scored by version 1 of the model, which learned from what was known before 2 December 2024." in said
    assert champion_of_the_list(shop)["version"] == "1"

    assert "is the champion now (version 2). Forced, although: It is" in shop.churn("promote", "--force").stdout
    assert "Scored by version 2 of the model" in shop.churn("run").stdout

    assert "rolled back from version 2 to" in shop.churn("rollback").stdout
    said = shop.churn("run").stdout
    assert "Version 2 was rolled back. To have it again: churn promote silent_28d --force" in said
    back = "It was brought back in place of version 2."
    assert back in " ".join(said.split()), "a terminal's lines are wrapped"
    assert back in (shop.folder / LIST / "at_risk.html").read_text()
    found = champion_of_the_list(shop)
    assert (found["version"], found["rolled_back_from"]["version"]) == ("1", "2")
