from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.decision import ranking
from models.sums import write_sums
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of, read_json
from pipelines.settings import params
from pipelines.settings.campaign.contacts import Campaign
from pipelines.settings.params import ScoreMoment, Settings
from pipelines.stages.make_list import make_list
from tests.pipelines.ledgers_for_tests import put, tell
from tests.pipelines.lists_for_tests import DAY, DEFINITION, Shop, fingerprint, settings, shop
from tests.pipelines.sections_for_tests import publish

LISTS = ["at_risk.csv", "at_risk.html", "at_risk.parquet", "at_risk.xlsx", "control.csv", "held_back.csv"]
FILES = [*LISTS, "manifest.json", "win_back.csv"]


@pytest.fixture
def small(tmp_path: Path) -> Shop:
    return shop(tmp_path)


def at_risk(small: Shop, **changes: Any) -> pd.DataFrame:
    """The list, made with these settings of `at_risk`."""
    make_list(settings(**changes), small.inputs, small.out)
    return pq.read_table(small.out / "at_risk.parquet").to_pandas()


def read_csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig").filter(regex="^[a-z_0-9]+$")


def ids_in(path: Path) -> list[str]:
    return list(read_csv(path)["customer_id"])


def rewrite_scores(small: Shop, table: pd.DataFrame) -> None:
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), small.data / f"scores/{DEFINITION}.parquet")


def test_the_whole_folder_is_written(small: Shop) -> None:
    make_list(settings(), small.inputs, small.out)
    assert sorted(path.name for path in small.out.iterdir()) == FILES
    table = pq.read_table(small.out / "at_risk.parquet").to_pandas()
    assert list(table.columns) == list(ranking.LIST_COLUMNS)
    assert len(table) == 12
    assert table["expected_net_value"].is_monotonic_decreasing
    assert (table["expected_net_value"] > 0).all()


def test_every_eligible_customer_stands_in_one_place_at_most(small: Shop) -> None:
    since = small.data.parent / "since.csv"
    since.write_text("".join(f"{one}\n" for one in at_risk(small)["customer_id"][:2]))
    wanted = settings(suppress=str(since)).model_copy(update={"campaign": Campaign(share=0.3)})
    make_list(wanted, small.inputs, small.out)
    told = {name: ids_in(small.out / f"{name}.csv") for name in ("at_risk", "control", "held_back", "win_back")}
    assert all(told.values())
    everyone = [one for ids in told.values() for one in ids]
    assert len(everyone) == len(set(everyone))
    content = read_json(small.out / "manifest.json")
    counts = {"listed": 12, "control": len(told["control"]), "win_back": 3, "held_back": {"ordered_since": 2}}
    assert content["counts"] == counts
    assert content["cut"]["bound"] == "capacity"
    assert content["cut"]["said"].startswith("The list ends at its capacity of 12 customers. Contacting the next ")
    assert content["cut"]["next"]["customers"] > 0
    assert content["campaign"]["said"][0].startswith("With 12 a week, 30% held out and 8 weeks, ")


def test_the_control_group_has_the_lists_columns_and_id(small: Shop) -> None:
    make_list(settings().model_copy(update={"campaign": Campaign(share=0.3)}), small.inputs, small.out)
    listed, control = (read_csv(small.out / f"{name}.csv") for name in ("at_risk", "control"))
    assert list(control.columns) == [name for name in listed.columns if name in ranking.LIST_COLUMNS]
    assert set(control["group"]) == {"control"}
    assert set(listed["group"]) == {"contact"}
    assert listed["rank"].tolist() == [str(place) for place in range(1, 13)]
    assert set(control["list_id"]) == set(listed["list_id"])


def test_one_list_however_many_definitions(small: Shop) -> None:
    longer = {"kind": "silence", "active_within_days": 56, "horizon_days": 56}
    wanted = settings().model_dump() | {}
    wanted["churn"] = {**wanted["churn"], "silent_56d": longer}
    other = small.scores.iloc[::2].assign(churn_probability=0.125)
    pq.write_table(pa.Table.from_pandas(other, preserve_index=False), small.data / "scores/silent_56d.parquet")
    small.report("scores_silent_56d")
    make_list(Settings.model_validate(wanted), small.inputs, small.out)
    table = pq.read_table(small.out / "at_risk.parquet").to_pandas()
    assert table["customer_id"].is_unique
    assert list(table["customer_id"]) == list(at_risk(small)["customer_id"])
    also = table.set_index("customer_id")["churn_probability_silent_56d"]
    assert also.notna().tolist() == also.index.isin(other["customer_id"]).tolist()


def test_publishing_a_list_changes_later_ones_and_never_itself(
    small: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own, later = settings(), settings()
    later = later.model_copy(
        update={"observations": later.observations.model_copy(update={"score": ScoreMoment(as_of="2024-03-11")})}
    )
    make_list(own, small.inputs, small.out)
    before, prints = digest_of(small.out), [fingerprint(one) for one in (own, later)]
    publish(DAY, own, print, folder=small.out)
    assert fingerprint(own) == prints[0]
    assert fingerprint(later) != prints[1]
    make_list(own, small.inputs, small.out)
    assert digest_of(small.out) == before


def test_the_same_inputs_give_the_same_bytes(small: Shop) -> None:
    make_list(settings(), small.inputs, small.out)
    first = {path.name: path.read_bytes() for path in small.out.iterdir()}
    make_list(settings(), small.inputs, small.out)
    assert {path.name: path.read_bytes() for path in small.out.iterdir()} == first


def test_reasons_are_sentences_with_the_customers_own_numbers(small: Shop) -> None:
    table = at_risk(small, capacity=40)
    own = small.features.set_index("customer_id")
    silent = [row for row in table.to_dict("records") if row["reason_1"].startswith("Last order")]
    assert silent
    for row in silent:
        days = own.loc[row["customer_id"], "placed_order_days_since_last"]
        assert row["reason_1"].startswith(f"Last order {days:.0f} days ago")


def test_no_customer_is_told_two_things_that_do_not_go_together(small: Shop) -> None:
    table = at_risk(small, capacity=40, stop_when_unprofitable=False)
    assert len(table) > 20
    for row in table.to_dict("records"):
        said = [row[name] for name in ranking.REASONS if row[name]]
        about = [" ".join(re.findall("[a-z]+", text.lower())) for text in said]
        assert len(about) == len(set(about)), said
        assert not [one for one in said if one in row["change"]]  # new here: nothing to compare with


def test_without_money_the_list_is_ranked_by_probability(tmp_path: Path) -> None:
    poor = shop(tmp_path, money=False)
    make_list(settings(), poor.inputs, poor.out)
    table = pq.read_table(poor.out / "at_risk.parquet").to_pandas()
    assert table["churn_probability"].is_monotonic_decreasing
    assert table["value_at_risk"].isna().all()
    assert table["expected_net_value"].isna().all()
    assert read_json(poor.out / "manifest.json")["figures"]["value_at_risk"] is None


@pytest.mark.parametrize("name", ["activity_score", "features_score", f"scores_{DEFINITION}"])
def test_no_list_without_a_passed_report_and_the_earlier_list_is_untouched(small: Shop, name: str) -> None:
    make_list(settings(), small.inputs, small.out)
    before = digest_of(small.out)
    small.report(name, passed=False)
    with pytest.raises(ChurnError, match=rf"{name}.json: 2 of 7 checks failed. No list was written"):
        make_list(settings(), small.inputs, small.out)
    (small.data / "validation" / f"{name}.json").unlink()
    with pytest.raises(ChurnError, match=rf"{name}.json: there is no such report"):
        make_list(settings(), small.inputs, small.out)
    assert digest_of(small.out) == before


def test_a_list_says_which_version_scored_and_whose_place_it_took_back(small: Shop) -> None:
    file = small.data / "champion" / DEFINITION / "champion.json"
    crowned = read_json(file) | {"version": "3", "previous": None, "recipe": {"until": "2024-02-01"}}
    told = "Scored by version 3 of the model, which learned from what was known before 1 February 2024."
    for back, more in ((None, ""), ({"version": "4", "digest": "ab"}, " It was brought back in place of version 4.")):
        file.write_text(json.dumps(crowned | {"rolled_back_from": back}))
        write_sums(file.parent)
        make_list(settings(), small.inputs, small.out)
        assert (told + more in (small.out / "at_risk.html").read_text()) is True
        champion = read_json(small.out / "manifest.json")["champion"]
        assert champion == {"version": "3", "previous": None, "rolled_back_from": back}


def test_scores_of_another_model_or_day_are_refused(small: Shop) -> None:
    rewrite_scores(small, small.scores.assign(model_version="f" * 64))
    with pytest.raises(ChurnError, match="were made by model ffffffffffff, the champion is"):
        make_list(settings(), small.inputs, small.out)
    rewrite_scores(small, small.scores.assign(as_of=pd.Timestamp("2024-02-26").date()))
    with pytest.raises(ChurnError, match=f"the scores are for 2024-02-26, the list is for {DAY}"):
        make_list(settings(), small.inputs, small.out)
    assert not small.out.exists()


def test_a_scored_customer_without_features_is_named(small: Shop) -> None:
    stranger = small.scores.head(1).assign(customer_id="new-1")
    rewrite_scores(small, pd.concat([small.scores, stranger]))
    with pytest.raises(ChurnError, match=r"1 scored customers have none \(new-1\)"):
        make_list(settings(), small.inputs, small.out)


def test_tiers_must_fall(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text.replace("{very_high: 6, high: 3,", "{very_high: 2, high: 3,"))
    with pytest.raises(
        ChurnError, match=r"at_risk\.tiers.*very_high must be above high, and high above medium; found 2, 3, 1"
    ):
        params.load(tmp_path / "params.yaml")


def test_missing_inputs_say_what_to_do(small: Shop) -> None:
    (small.data / f"features/score/{DAY}.parquet").unlink()
    with pytest.raises(ChurnError, match=r"there are no features for this day\. Run `churn run`"):
        make_list(settings(), small.inputs, small.out)
    (small.data / f"scores/{DEFINITION}.parquet").unlink()
    with pytest.raises(ChurnError, match=r"there are no scores\. Run `churn run`"):
        make_list(settings(), small.inputs, small.out)


def test_a_failure_while_writing_leaves_the_earlier_list(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    make_list(settings(), small.inputs, small.out)
    before = digest_of(small.out)

    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("pipelines.rendering.page.list_page.write_page", full)
    with pytest.raises(OSError, match="No space left"):
        make_list(settings(capacity=3), small.inputs, small.out)
    assert digest_of(small.out) == before
    assert [path.name for path in small.out.parent.iterdir()] == [DAY]


@pytest.mark.slow
def test_the_command_that_dvc_runs(small: Shop) -> None:
    text = f"""
sources: {{shop: {{reader: csv, path: shop.csv, activity: placed_order}}}}
observations: {{train: {{until: "{DAY}"}}, score: {{as_of: "{DAY}"}}}}
churn: {{{DEFINITION}: {{kind: silence, active_within_days: 56, horizon_days: 28}}}}
at_risk: {{definition: {DEFINITION}, capacity: 5}}
"""
    project = small.data.parent
    (project / "params.yaml").write_text(text)
    command = [
        sys.executable,
        "-m",
        "pipelines.stages.make_list",
        "--scores",
        "data/scores",
        "--features",
        "data/features/score",
    ]
    command += ["--activity", "data/activity/score", "--champion", "data/champion", "--reports", "data/validation"]
    command += ["--out", f"data/at_risk/{DAY}"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(pq.read_table(small.out / "at_risk.parquet")) == 5
    small.report("activity_score", passed=False)
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "No list was written; earlier lists are untouched." in done.stderr
    assert "Traceback" not in done.stderr


def test_nobody_invites_back_whom_the_campaign_leaves_alone(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small.data.parent)
    put("2024-02-26", "0038 control 1 0.7\n0037 contact 2 0.6", campaign=settings().campaign.name)
    at_risk(small)
    assert sorted(ids_in(small.out / "win_back.csv")) == ["0037", "0039"]


def test_whom_a_rule_keeps_off_takes_no_place_of_the_win_backs(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small.data.parent)
    at_risk(small)
    first, second, _ = ids_in(small.out / "win_back.csv")
    put("2024-02-26", f"{first} contact 1 0.7")
    tell(first, "2024-03-01T12:00:00+00:00", "contacted", list_id="list-2024-02-26")
    at_risk(small, win_back={"most": 1})
    assert ids_in(small.out / "win_back.csv") == [second]
