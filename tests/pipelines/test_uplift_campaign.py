"""`churn uplift` on a campaign of the ledger: by intention, by recorded probabilities, on matured lists only."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from pipelines.commands.app import main
from tests.pipelines.planted_campaigns import Planted, project_in, publish_lists, world, write_activity


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return project_in(tmp_path, monkeypatch)


def said(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, ["uplift", *arguments])
    assert done.exit_code == code, done.output
    return done.output


def test_a_campaign_is_judged_by_whom_it_assigned(project: Path) -> None:
    made = world(Planted(effect=0.2, weekly=300, weeks=3))
    publish_lists(made)
    write_activity(made, project / "data/activity/score", "2024-04-22")
    told = said("--as-of", "2024-04-22")
    content = json.loads((project / "data/outcomes/uplift.json").read_text())
    first = pd.concat(made.lists).drop_duplicates("customer_id")
    contacted = first[first["group"] == "contact"]["customer_id"]
    assert content["arms"]["treated"] == len(contacted)
    assert content["arms"]["treated_good"] == len(contacted) - sum(made.left[one] for one in contacted)
    assert content["source"]["used"] == len(first)
    assert content["verdict"] != "too_few"
    assert content["average"]["low"] > 0
    assert "On average treating helps: of a hundred, " in told
    assert "fewer have left" in told
    assert "Campaign spring: 3 of 3 lists have matured; 0 customers were sure" in told
    assert "What was known before is what the ledger keeps of each entry" in told
    assert {"churn_probability", "segment", "action"} <= set(content["features"])


def test_before_anything_can_be_said_it_says_when_and_how_many(project: Path) -> None:
    assert "nothing was ever published" in said(code=1)
    made = world(Planted(weekly=60, weeks=3))
    publish_lists(made)
    assert "campaign spring: no list has matured by 2024-03-25; the first does on 2024-04-01" in said(code=1)
    assert "--campaign sprin: the ledger has no such campaign. Did you mean spring?" in said(
        "--campaign", "sprin", code=1
    )
    write_activity(made, project / "data/activity/score", "2024-04-08")
    told = said("--as-of", "2024-04-08", "--campaign", "spring")
    assert told.startswith("Nothing can be said of whom to treat: in one group only ")
    assert "Campaign spring: 2 of 3 lists have matured" in told
    assert "Asked again every week until it is proven" in told


def test_options_of_a_table_are_of_a_table(project: Path) -> None:
    assert "--features, --outcome-is: of a table." in said("--features", "a", "--outcome-is", "bad", code=2)
    assert "--table needs --treatment and --outcome as well." in said("--table", "t.csv", code=2)
    told = said("--table", "t.csv", "--treatment", "a", "--outcome", "b", "--as-of", "2024-04-08", code=2)
    assert "--campaign and --as-of are of the ledger" in told
