"""What lists achieved: planted truths come out as the sentences that are true, and nothing else is claimed."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from features.churn.labels import label
from models.effect import verdicts
from pipelines.at_risk.achieved import achieved
from pipelines.at_risk.policy.learnt import learnt, taught_lines
from pipelines.ledger.assigned import campaigns
from pipelines.outcomes.labels import Stream
from pipelines.outcomes.refresh import Target, published, refresh
from pipelines.outcomes.report import Question, report, terms_by_day
from pipelines.outcomes.terms import TodaysTerms
from pipelines.publishing.feedback import ReportReading, feedback
from pipelines.rendering.campaign_sentences import campaign_lines
from pipelines.rendering.language.language import Language
from pipelines.runtime.errors import ChurnError
from pipelines.settings.campaign.contacts import Campaign
from pipelines.settings.campaign.outcomes import Outcomes
from pipelines.settings.campaign.playbook import PlaybookRule
from pipelines.settings.churn import Silence, definition_of
from pipelines.settings.model import Value
from pipelines.settings.privacy import Privacy
from tests.pipelines.planted_campaigns import Planted, World, publish_lists, report_rows, world, write_activity

ENDED, HALF, TOO_EARLY = "2024-05-20", "2024-04-15", "2024-03-25"
CHURN = {"silent_28d": Silence(kind="silence", activity="placed_order", active_within_days=56, horizon_days=28)}
ENGLISH = Language()


def question(**setting: Any) -> Question:
    today = TodaysTerms(CHURN, Campaign(name="spring", share=0.2, weeks=8), Value(), ())
    return Question(today, Outcomes(**setting), ("received_campaign",), "UTC", "USD", Path("data/ledger/published"))


def live(plan: Planted, until: str, *, reported: bool = True) -> World:
    """A campaign in this folder, and the activity that is known when `until` begins."""
    made = world(plan)
    publish_lists(made)
    if reported:
        report_rows(made).to_csv("report.csv", index=False)
        feedback(
            Path("report.csv"), ReportReading("UTC", Privacy()), lambda _: None, now=datetime(2025, 1, 1, tzinfo=UTC)
        )
    write_activity(made, Path("data/activity/score"), until)
    return made


def outcome(until: str, **setting: Any) -> dict[str, Any]:
    """The figures, without their files."""
    ledger, asked = published(), question(**setting)
    stream = Stream.of(Path("data/activity/score"))
    return report(ledger, terms_by_day(ledger, asked), asked, known_until=until, stream=stream)


def written(until: str, *, language: Language = ENGLISH) -> dict[str, Any]:
    """The figures, and their files."""
    target = Target(Path("data/outcomes"), language)
    score = Path("data/activity/score")
    return refresh(published(), question(), lambda: Stream.of(score), target, lambda _: None, known_until=until)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Planted], tuple[Path, World]]:
    """Campaigns that are only looked at, each made once."""
    found: dict[Planted, tuple[Path, World]] = {}

    def make(plan: Planted) -> tuple[Path, World]:
        if plan not in found:
            folder = tmp_path_factory.mktemp("campaign")
            with contextlib.chdir(folder):
                found[plan] = folder, live(plan, ENDED)
        return found[plan]

    return make


HELPED, NOTHING, HARMED = Planted(effect=0.14), Planted(effect=0.0), Planted(effect=-0.15, base=0.35)


@pytest.fixture
def looked_at(made_once: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Planted], World]:
    """Go to a campaign's folder."""

    def go(plan: Planted) -> World:
        folder, made = made_once(plan)
        monkeypatch.chdir(folder)
        return made

    return go


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_planted_effect_is_found_and_told(looked_at: Any) -> None:
    made = looked_at(HELPED)
    found = outcome(ENDED)["campaigns"][0]
    assert found["verdict"] == verdicts.FEWER_LEAVE
    assert found["share_left"]["low"] <= 0.14 <= found["share_left"]["high"]
    assert found["share_left"]["low"] > 0
    assert all(gate["passed"] for gate in found["gates"])
    first = pd.concat(made.lists).drop_duplicates("customer_id")
    contacted = first[first["group"] == "contact"]["customer_id"]
    left = sum(made.left[one] for one in contacted)
    assert found["share_left"]["contact"] == {
        "customers": len(contacted),
        "left": left,
        "share": round(left / len(contacted), 6),
    }
    taught = found["evidence"]
    assert {row["action"] for row in taught} == {"call", "letter"}
    assert round(sum(row["contacted"] for row in taught)) == len(contacted)
    assert round(sum(row["contacted_left"] for row in taught)) == left
    lines = campaign_lines(found, ENGLISH)
    assert re.match(r"Contacting helped: of the contacted, [\d.]+ points fewer left .* That is proven\.", lines[0])
    assert found["cost"]["per_kept"]["low"] <= found["cost"]["per_kept"]["effect"] <= found["cost"]["per_kept"]["high"]
    assert found["reached"]["effect"] > found["share_left"]["effect"], "fewer were reached than were to be"


@pytest.mark.parametrize("sure_holdout", [0.0, 0.1])
def test_of_a_lottery_only_those_count_who_could_have_gone_either_way(sure_holdout: float) -> None:
    made = live(Planted(effect=0.2, lottery=80, weekly=160, sure_holdout=sure_holdout), ENDED)
    publish_manifest({"design": "lottery", "sure": 40, "sure_holdout": sure_holdout})
    found = outcome(ENDED)["campaigns"][0]
    assert found["verdict"] == verdicts.FEWER_LEAVE
    assert found["share_left"]["low"] <= 0.2 <= found["share_left"]["high"]
    first = {one: chance for day in reversed(made.draws) for one, chance, _, _ in made.draws[day]}
    sure = sum(chance == 1 for chance in first.values())
    counted = sum(found["share_left"][arm]["customers"] for arm in ("contact", "control"))
    assert found["not_measurable"] == sure
    assert counted == len(first) - sure
    assert all(gate["passed"] for gate in found["gates"]), "carried and drawn again: the arms are those of the draw"
    lines = campaign_lines(found, ENGLISH)
    ranks = "Of the first 40 ranks 10% are kept out" if sure_holdout else "Not measured for the first 40 ranks"
    assert any(line.startswith(ranks) for line in lines)
    assert sum("were sure to be contacted" in line for line in lines) == (not sure_holdout)


def publish_manifest(campaign: dict[str, Any]) -> None:
    """What the first list said of its campaign, in its archived copy."""
    folder = Path("data/ledger/published/2024-03-04")
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"campaign": {"weeks": 8, **campaign}}))


@pytest.mark.parametrize(("plan", "truth"), [(HELPED, 0.14 / 0.4), (NOTHING, 0.0), (HARMED, -0.15 / 0.35)])
def test_what_was_planted_is_what_the_next_list_learns(looked_at: Any, plan: Planted, truth: float) -> None:
    looked_at(plan)
    written(ENDED)
    assert achieved(ENDED) is None, "what is known when a day begins is of no use to the list of that day"
    rules = [PlaybookRule(action="call", success=0.3), PlaybookRule(action="letter", success=0.1)]
    found = learnt(achieved("2024-05-21"), rules, Value())
    assert found is not None
    for one in found.taught:
        assert one.low <= truth <= one.high
        assert abs(one.mean - truth) < abs(one.stated - truth) + 0.03, "nearer to the truth than what was stated"
    lines = taught_lines(found.taught, ENGLISH, applied=True)
    assert any("provably makes customers leave" in line for line in lines) == (plan is HARMED)


def test_no_effect_is_not_claimed(looked_at: Any) -> None:
    looked_at(NOTHING)
    found = outcome(ENDED)["campaigns"][0]
    assert found["verdict"] == verdicts.NOT_PROVEN
    assert found["share_left"]["low"] < 0 < found["share_left"]["high"]
    lines = campaign_lines(found, ENGLISH)
    assert lines[0].startswith("Not proven: of the contacted, anything between")
    assert any("cannot be said: it may be that none was kept" in line for line in lines)
    assert not any("proven." in line for line in lines)


def test_harm_is_claimed_as_harm(looked_at: Any) -> None:
    looked_at(HARMED)
    found = outcome(ENDED)["campaigns"][0]
    assert found["verdict"] == verdicts.MORE_LEAVE
    assert found["share_left"]["high"] < 0
    assert campaign_lines(found, ENGLISH)[0].startswith("Contacting did harm: of the contacted, ")


def test_half_way_it_says_what_will_be_provable_and_when(looked_at: Any) -> None:
    looked_at(NOTHING)
    found = outcome(HALF)["campaigns"][0]
    assert found["verdict"] == verdicts.NOT_PROVABLE_YET
    assert found["outlook"]["weeks"] == 5
    line = campaign_lines(found, ENGLISH)[0]
    assert re.fullmatch(r"Not provable yet: with 5 more weeks an effect of [\d.]+ points would be\.", line)
    assert [look["fraction"] for look in found["looks"]] == sorted(look["fraction"] for look in found["looks"])


def test_nothing_matured_is_an_answer_and_no_ledger_an_error() -> None:
    with pytest.raises(ChurnError, match=r"nothing was ever published.*churn publish"):
        published()
    live(Planted(weekly=30), TOO_EARLY)
    found = written(TOO_EARLY)
    assert found["campaigns"][0]["verdict"] == verdicts.NOTHING_MATURED
    assert found["next_matures_on"] == "2024-04-01"
    assert "the first one does on 1 April 2024." in Path("data/outcomes/outcomes.html").read_text()


def test_outcomes_are_the_labels_of_training() -> None:
    made = live(Planted(weekly=40, weeks=3), ENDED)
    entries = campaigns()
    assert entries is not None
    events = pd.read_parquet("data/activity/score/activity/all.parquet")
    labels = label(events, definition_of(CHURN["silent_28d"]), list(made.lists), "UTC", ENDED)
    labels["as_of"] = labels["as_of"].dt.strftime("%Y-%m-%d")
    joined = entries.entries.merge(labels, on=["as_of", "customer_id"])
    for row in outcome(ENDED)["lists"]:
        own = joined[(joined["as_of"] == row["as_of"]) & (joined["arm"] == "contact")]
        assert row["hits"]["left"] == int(own["churned"].sum())
        assert row["hits"]["customers"] == len(own)


def test_customers_count_once_and_a_revision_replaces() -> None:
    plan = Planted(weekly=60, weeks=2, stay_on=1.0)
    made = live(plan, ENDED, reported=False)
    found = outcome(ENDED)["campaigns"][0]
    assert sum(found["assigned"].values()) == 120, "60 of the second list were on the first"
    from pipelines.ledger import write
    from pipelines.ledger.read import ENTRY
    from pipelines.ledger.tables import HELD_BACK

    day, table = next(iter(made.lists.items()))
    told = write.Published(
        as_of=day, list_id="other", content="d", campaign="spring", definition="silent_28d", revision=2
    )
    fewer = table.head(20).reindex(columns=list(ENTRY))
    with write.writing() as con:
        write.publish(con, told, write.Content(fewer, pd.DataFrame(columns=list(HELD_BACK)), {}, share=plan.share))
    again = outcome(ENDED)
    assert again["lists"][0]["list_id"] == "other"
    assert again["lists"][0]["customers"]["contact"] + again["lists"][0]["customers"]["control"] == 20
    assert sum(again["campaigns"][0]["assigned"].values()) == 120


def test_a_contacted_control_group_qualifies_and_a_lost_arm_withholds() -> None:
    made = live(Planted(effect=0.14, contaminated=0.3), ENDED)
    found = outcome(ENDED)["campaigns"][0]
    lines = campaign_lines(found, ENGLISH)
    assert "in the control group were contacted all the same" in lines[0], "a failed gate is said first"
    assert found["verdict"] == verdicts.FEWER_LEAVE
    first = pd.concat(made.lists).drop_duplicates("customer_id")
    gone = set(first[first["group"] == "control"]["customer_id"].iloc[::3])
    path = Path("data/activity/score/activity/all.parquet")
    events = pd.read_parquet(path)
    events[~events["customer_id"].isin(gone)].to_parquet(path, index=False)
    facts = json.loads(Path("data/activity/score/facts.json").read_text())
    Path("data/activity/score/facts.json").write_text(json.dumps(facts | {"digest": "other"}))
    lost = outcome(ENDED)["campaigns"][0]
    assert lost["verdict"] == verdicts.WITHHELD
    lines = campaign_lines(lost, ENGLISH)
    assert lines[0].startswith("The outcome is not known of ")
    assert "Nothing is claimed of this campaign." in lines
    assert not any("proven" in line or "cost" in line for line in lines)


def test_without_a_planned_end_the_intervals_are_a_confidence_sequence(looked_at: Any) -> None:
    looked_at(HELPED)
    found, planned = (outcome(ENDED, looks=looks)["campaigns"][0] for looks in ("any_time", "planned"))
    assert found["verdict"] == verdicts.FEWER_LEAVE
    assert found["looks"][-1]["fraction"] is None
    width = {
        name: one["share_left"]["high"] - one["share_left"]["low"]
        for name, one in (("any", found), ("planned", planned))
    }
    assert width["any"] > width["planned"], "what holds at any time is wider"


def test_nobody_held_out_is_said() -> None:
    live(Planted(share=0.0, weekly=40, weeks=2), ENDED)
    found = outcome(ENDED)["campaigns"][0]
    assert found["verdict"] == verdicts.NO_CONTROL
    assert campaign_lines(found, ENGLISH)[0].startswith("Nobody was held out who could be compared")


def test_groups_are_named_as_many_comparisons_and_pooled(looked_at: Any) -> None:
    looked_at(HELPED)
    found = outcome(ENDED)["campaigns"][0]["by_group"]
    assert found["comparisons"] == len(found["groups"]) == 4, "two actions, two segments; one channel is no comparison"
    whole = [group["effect"] for group in found["groups"]]
    believed = [group["believed"]["effect"] for group in found["groups"]]
    assert max(believed) - min(believed) <= max(whole) - min(whole)
    assert all(group["low"] < group["effect"] < group["high"] for group in found["groups"])


def test_a_list_that_was_acted_upon_is_judged_by_its_control_group(looked_at: Any) -> None:
    looked_at(HELPED)
    content = outcome(ENDED)
    judged = content["lists"][0]["judged"]
    assert judged["by"] == "control_group"
    deciles = content["calibration"][0]["deciles"]
    assert len(deciles) == 10
    assert all(one["low"] <= one["observed"] <= one["high"] for one in deciles)
    said, was = (sum(one[name] * one["customers"] for one in deciles) for name in ("predicted", "observed"))
    assert abs(said - was) / sum(one["customers"] for one in deciles) < 0.1


def test_nothing_is_done_twice_and_the_same_gives_the_same_bytes() -> None:
    live(Planted(weekly=40, weeks=3), ENDED)
    calls = []

    def stream() -> Stream:
        calls.append(1)
        return Stream.of(Path("data/activity/score"))

    def made(*, only_if_matured: bool = False) -> dict[str, bytes]:
        target = Target(Path("data/outcomes"), ENGLISH)
        ledger, quiet = published(), lambda _: None
        refresh(ledger, question(), stream, target, quiet, known_until=ENDED, only_if_matured=only_if_matured)
        return {path.name: path.read_bytes() for path in Path("data/outcomes").rglob("*") if path.is_file()}

    first = made()
    stamps = {path.name: path.stat().st_mtime_ns for path in Path("data/outcomes").iterdir()}
    assert made() == first
    assert {path.name: path.stat().st_mtime_ns for path in Path("data/outcomes").iterdir()} == stamps
    assert len(calls) == 2
    made(only_if_matured=True)
    assert len(calls) == 2, "nothing matured since: the activity is not even looked at"
    shutil.rmtree("data/outcomes")
    assert made() == first


def test_files_hold_no_ids_and_the_page_asks_for_nothing() -> None:
    made = live(Planted(effect=0.1, weekly=60, weeks=4), ENDED)
    content = written(ENDED, language=Language("th", "THB"))
    page = Path("data/outcomes/outcomes.html").read_text()
    assert "รายชื่อที่ผ่านมาได้ผลอย่างไร" in page
    assert "default-src &#39;none&#39;; style-src &#39;sha256-" in page
    assert not re.search(r"<script|src=|href=\"(?!data:)", page)
    book = openpyxl.load_workbook("data/outcomes/outcomes.xlsx")
    cells = [str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row]
    csv = Path("data/outcomes/outcomes.csv").read_bytes().decode("utf-8-sig")
    assert csv.splitlines()[0] == "kind,name,figure,value,low,high"
    said = "\n".join([page, csv, *cells, Path("data/outcomes/effects.json").read_text()])
    assert not [one for one in made.left if one in said]
    assert json.loads(Path("data/outcomes/effects.json").read_text()) == content


def test_an_activity_that_knows_too_little_is_refused() -> None:
    live(Planted(weekly=30, weeks=2), HALF)
    with pytest.raises(ChurnError, match=r"ends at 2024-04-15, 2024-05-20 is asked for"):
        written(ENDED)
    assert written(HALF)["known_until"] == HALF


def test_after_the_planned_end_new_customers_are_not_counted() -> None:
    live(Planted(weekly=40, weeks=10), "2024-06-17")
    found = outcome("2024-06-17")["campaigns"][0]
    assert found["ended"]
    assert found["after_the_end"] == 80
    assert sum(found["matured"].values()) == 320
