"""May I trust this list? Five answers, each from what was measured before its day."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from models.learners.rule_names import BASE_RATE, MODEL
from models.training.contest import Contest
from pipelines.at_risk.achieved import FOLDER, achieved, achieved_digest
from pipelines.rendering.language.language import Language
from pipelines.rendering.terminal import trust_lines
from pipelines.rendering.trust import GOOD, MIND, OPEN, Evidence, answers
from pipelines.runtime.files import read_json, write_json
from pipelines.sources import quarantine
from pipelines.stages.make_list import make_list
from tests.pipelines.lists_for_tests import DAY, METRICS, fingerprint, settings, shop

ABOUT = ["scored_by", "calibration", "drift", "effect", "rows_left_out"]


def told(language: str = "en", **evidence: Any) -> dict[str, tuple[str, str]]:
    found = answers(Evidence(**evidence), Language(language))
    assert [one["about"] for one in found] == ABOUT
    return {one["about"]: (one["state"], one["said"]) for one in found}


def scored(name: str, *, ranks: bool = True) -> dict[str, Any]:
    contest = Contest(name, ranks, {MODEL: 0.3, "bg_nbd": 0.4}, ("2024-01-01",), "time", 0.6, 0.7)
    return METRICS | {"scored_by": contest.to_json()}


def judged(predicted: float, observed: float, customers: int = 400, by: str = "control_group") -> dict[str, Any]:
    found = {"by": by, "customers": customers, "predicted": predicted, "observed": observed}
    return {"newest": {"as_of": "2024-03-04", "list_id": "L1", "judged": found}, "campaigns": []}


def test_with_nothing_measured_nothing_is_claimed() -> None:
    found = told()
    assert {about: state for about, (state, _) in found.items()} == {
        "scored_by": MIND,
        "calibration": OPEN,
        "drift": GOOD,
        "effect": OPEN,
        "rows_left_out": GOOD,
    }
    assert found["calibration"][1] == "Not measured yet: nothing was tested, and no list has matured."


@pytest.mark.parametrize(
    ("metrics", "state"),
    [
        (METRICS, GOOD),
        (scored(MODEL), GOOD),
        (scored("bg_nbd"), MIND),
        (scored(BASE_RATE, ranks=False), MIND),
        ({"scored_by": scored(MODEL)["scored_by"]}, MIND),
    ],
)
def test_a_model_that_was_tested_and_ranks_is_nothing_to_mind(metrics: dict[str, Any], state: str) -> None:
    found, said = told(metrics=metrics, version="Scored by version 3.")["scored_by"]
    assert found == state
    assert said.startswith("Scored by version 3.")
    assert "log loss" not in said


def test_the_newest_measured_calibration_is_a_matured_list_where_there_is_one() -> None:
    state, said = told(metrics=METRICS)["calibration"]
    assert state == GOOD
    assert "Off by 1.5 points on average, for the 400 customers of 1 April 2024" in said
    assert told(metrics=METRICS | {"test": METRICS["test"] | {"ece": 0.051}})["calibration"][0] == MIND
    state, said = told(metrics=METRICS, achieved=judged(0.40, 0.44))["calibration"]
    assert (state, "40% were expected to leave and 44% did (400 in the control group)" in said) == (GOOD, True)
    assert said.endswith("That is within chance.")
    state, said = told(metrics=METRICS, achieved=judged(0.40, 0.46, by="everybody"))["calibration"]
    assert (state, said.endswith("That is more than chance.")) == (MIND, True)
    assert "400 customers, contacted by nobody" in said
    assert told(metrics=METRICS, achieved=judged(0.0, 0.0, customers=0))["calibration"][1].startswith("Off by 1.5")


def test_drift_effect_and_rows() -> None:
    said = "Not as it was when the model learned, or hardly plausible: 2 checks warn of it."
    assert told(drift=2)["drift"] == (MIND, said)
    for proven, state in ((True, GOOD), (False, MIND), (None, OPEN)):
        assert told(effect=["It is so."], proven=proven)["effect"] == (state, "It is so.")
    few = {"orders": {"bad": 10, "rows": 10_000}}
    assert told(set_aside=few)["rows_left_out"] == (
        GOOD,
        "10 of 10,000 rows could not be used (orders 10); quarantine_score.csv lists them.",
    )
    more = few | {"returns": {"bad": 1, "rows": 100}}
    state, said = told(set_aside=more)["rows_left_out"]
    assert (state, "11 of 10,100" in said, "orders 10, returns 1" in said) == (MIND, True, True)


def test_every_sentence_is_there_in_thai() -> None:
    given = {"metrics": METRICS, "drift": 1, "set_aside": {"orders": {"bad": 1, "rows": 9}}}
    for evidence in ({}, given, given | {"achieved": judged(0.1, 0.4)}):
        for _, said in told("th", **evidence).values():
            assert "{" not in said
            assert not re.search(r"[a-z]{3,} [a-z]{3,}", said), said


def test_what_was_known_before_the_day_counts_and_nothing_later(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert achieved("2024-05-06") is None
    for day in ("2024-04-22", "2024-04-29", "2024-05-06"):
        write_json(FOLDER / f"{day}.json", {"known_until": day, "newest": None, "campaigns": []})
    before = achieved_digest("2024-05-06")
    assert (achieved("2024-05-06") or {})["known_until"] == "2024-04-29"
    write_json(FOLDER / "2024-05-13.json", {"known_until": "2024-05-13", "newest": None, "campaigns": []})
    assert achieved_digest("2024-05-06") == before != achieved_digest("2024-05-07")
    assert achieved("2024-04-22") is None


def test_the_answers_stand_on_page_workbook_and_manifest(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    made = shop(tmp_path)
    earlier = fingerprint(settings())
    known = judged(0.40, 0.46)
    write_json(FOLDER / "2024-02-26.json", {"known_until": "2024-02-26", **known})
    assert fingerprint(settings()) != earlier, "make_list is asked again"
    facts = read_json(made.data / "activity/score/facts.json")
    aside = {"orders": {"bad": 3, "rows": 100}}
    write_json(made.data / "activity/score/facts.json", facts | {"set_aside": aside})
    make_list(settings(), made.inputs, made.out)
    content = read_json(made.out / "manifest.json")
    found = {one["about"]: one for one in content["trust"]["answers"]}
    assert list(found) == ABOUT
    assert content["trust"]["verdict"] == "Good"
    assert (found["calibration"]["state"], found["rows_left_out"]["state"]) == (MIND, MIND)
    assert content["inputs"]["outcomes"] == achieved_digest(DAY)
    page = (made.out / "at_risk.html").read_text(encoding="utf-8")
    book = openpyxl.load_workbook(made.out / "at_risk.xlsx")
    cells = {str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row}
    assert "May I trust this list?" in page
    lines = trust_lines(content["trust"])
    assert lines[0] == "May I trust this list? Good"
    assert [line[2] for line in lines[1:] if line[2] != " "] == ["+", "!", "+", "?", "!"]
    for one in found.values():
        assert html.escape(one["said"], quote=False) in page.replace("&#39;", "'")
        assert one["said"] in cells


def test_rows_that_were_set_aside_are_counted_by_source() -> None:
    con = duckdb.connect()
    con.execute(f"create table {quarantine.DELIVERED} (source text, rows bigint, bad bigint)")
    con.execute(f"insert into {quarantine.DELIVERED} values ('orders', 100, 0), ('orders', 20, 0), ('visits', 7, 0)")
    assert quarantine.set_aside(con) == {}
    con.execute(f"insert into {quarantine.DELIVERED} values ('orders', 3, 1)")
    assert quarantine.set_aside(con) == {"set_aside": {"orders": {"bad": 1, "rows": 123}}}
