"""Another playbook on past lists: planted truths come out as the sentences that are true, and the rest is refused."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from pipelines.commands.app import main
from pipelines.ledger.assigned import campaigns
from pipelines.outcomes.effect import comparable
from pipelines.outcomes.labels import Stream
from pipelines.outcomes.tried.rules import Customer, action_for, customers_of, playbooks
from pipelines.outcomes.tried.sentences import tried_lines
from pipelines.outcomes.tried.value import Log, require_people, tried
from pipelines.outcomes.uplift.campaign import matured_people
from pipelines.rendering.language.language import Language
from pipelines.runtime.errors import ChurnError
from pipelines.settings.campaign.playbook import PlaybookRule
from pipelines.settings.campaign.tried import read_playbook
from tests.pipelines.planted_campaigns import Planted, project_in, publish_lists, world, write_activity
from tests.pipelines.test_outcomes import ENDED, question

ENGLISH = Language()
CALL = {"when": {"reason_about": "complained"}, "action": "call"}
LETTER = {"action": "letter"}
NOT_REGULAR = {"when": {"segment": "regular"}, "action": "leave alone"}
NOBODY = {"action": "leave alone"}
FORMER = [CALL, LETTER]


def rules(*entries: dict[str, Any]) -> list[PlaybookRule]:
    return [PlaybookRule.model_validate(one) for one in entries]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Log]:
    """Campaigns in which contacting helped, and in which it drove away; with a half held out."""
    found = {}
    for name, effect in (("helped", 0.25), ("harmed", -0.25)):
        with contextlib.chdir(tmp_path_factory.mktemp(name)):
            made = world(Planted(effect=effect, share=0.5, weeks=4, weekly=200))
            publish_lists(made)
            stream = Stream.of(write_activity(made, Path("activity"), ENDED))
            ledger = campaigns()
            assert ledger is not None
            _, terms, people = matured_people(None, ledger, question(), lambda s=stream: s, known_until=ENDED)
            archived = playbooks(dict.fromkeys(terms, FORMER))
            found[name] = Log(comparable(people), archived, 0.25, has_contacts=False)
    return found


def test_what_contacting_kept_is_lost_where_it_is_left_out_and_the_other_way_round(logs: dict[str, Log]) -> None:
    helped, harmed = (tried(logs[name], rules(NOBODY)) for name in ("helped", "harmed"))
    assert helped["stayed"]["gain_high"] < 0 < harmed["stayed"]["gain_low"]
    assert tried_lines(helped, ENGLISH)[0] == "More would have left than did: that is proven."
    assert tried_lines(harmed, ENGLISH)[0] == "Fewer would have left than did: that is proven."
    assert harmed["money"]["value"] > harmed["money"]["logged"]


def test_a_value_is_near_what_happened_to_those_who_were_treated_so(logs: dict[str, Log]) -> None:
    log = logs["helped"]
    found = tried(log, rules(NOT_REGULAR, *FORMER))
    arm, left = log.people["contacted_arm"], log.people["left"]
    as_wanted = arm != (log.people["segment"] == "regular")
    assert found["stayed"]["value"] == pytest.approx(1 - left[as_wanted].mean(), abs=0.04)
    assert found["stayed"]["low"] < found["stayed"]["value"] < found["stayed"]["high"]
    assert found["former"]["value"] == pytest.approx(1 - left[arm].mean(), abs=0.03)
    assert found["stayed"]["effective"] == pytest.approx(as_wanted.sum(), rel=0.02)
    lines = tried_lines(found, ENGLISH)
    assert any("customers of equal weight" in line for line in lines)
    assert lines[-1].startswith("Judged on ")


def test_what_was_never_done_or_cannot_be_known_is_refused_in_words(logs: dict[str, Log]) -> None:
    other = tried(logs["helped"], rules(CALL, {"action": "visit"}))
    assert (other["refusal"], other["new_action"], other["money"]) == ("never_done", "visit", None)
    assert tried_lines(other, ENGLISH)[1].endswith("(most often: visit), so there is nothing to learn from.")
    unknown = tried(logs["helped"], rules({"when": {"unused_points": True}, "action": "call"}, LETTER))
    assert unknown["refusal"] == "unknown"
    assert "ask for what the ledger does not keep" in tried_lines(unknown, ENGLISH)[1]
    few = logs["helped"].people.head(60)
    small = tried(Log(few, logs["helped"].archived, 0.25, has_contacts=False), rules(NOBODY))
    assert small["refusal"] == "too_little_overlap"
    assert "are needed" in tried_lines(small, ENGLISH)[1]
    with pytest.raises(ChurnError, match="could have been contacted or not by chance"):
        require_people("spring", few.head(0))


@pytest.mark.parametrize(
    ("taken_by", "wanted", "action"),
    [
        (0, [CALL, LETTER], "call"),
        (1, [CALL, LETTER], "letter"),
        (None, [CALL, LETTER], None),
        (1, [LETTER | {"action": "visit"}], "visit"),
        (None, [NOT_REGULAR], "leave alone"),
        (0, [{"when": {"segment": "hibernating"}, "action": "call"}], "leave alone"),
        (0, [{"when": {"min_value": 100}, "action": "call"}, {"action": "sms"}], "sms"),
        (0, [{"when": {"max_value": 100, "risk_tier": "high"}, "action": "call"}], "call"),
        (0, [{"when": {"top_value_at_risk_share": 0.1}, "action": "call"}], None),
    ],
)
def test_which_rule_takes_a_customer(taken_by: int | None, wanted: list[dict[str, Any]], action: str | None) -> None:
    one = Customer("regular", "high", 50.0, "phone", taken_by)
    assert action_for(one, rules(*wanted), rules(*FORMER), has_contacts=False) == action


def test_a_channel_that_may_be_forbidden_is_not_guessed() -> None:
    one = Customer("regular", "high", np.nan, "phone", None)
    by_mail, by_phone = rules({"action": "letter", "channel": "email"}), rules({"action": "call", "channel": "phone"})
    assert action_for(one, by_mail, (), has_contacts=True) is None
    assert action_for(one, by_mail, (), has_contacts=False) == "letter"
    assert action_for(one, by_phone, (), has_contacts=True) == "call"


def test_an_action_of_two_rules_says_of_neither_that_it_held(logs: dict[str, Log]) -> None:
    both = rules(CALL, {"when": {"segment": "hibernating"}, "action": "call"}, LETTER)
    found = customers_of(logs["helped"].people, dict.fromkeys(logs["helped"].archived, both))
    assert {one.rule for one in found} == {None, 2}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("actions: [call]", "holds no playbook"),
        ("playbook: [{action: call, chanel: phone}]", r"other\.yaml: playbook, rule 1 \(call\)"),
        ("- {action: call}\n- {action: letter}", "can never match"),
        ("playbook: [", "is not YAML"),
    ],
)
def test_a_file_that_is_no_playbook_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(text)
    with pytest.raises(ChurnError, match=said):
        read_playbook(tmp_path / "other.yaml", has_contacts=False)


def test_at_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = project_in(tmp_path, monkeypatch)
    (project / "other.yaml").write_text("playbook: [{action: leave alone}]")

    def said(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(main, ["playbook", "--try", *arguments])
        assert done.exit_code == code, done.output
        return done.output

    assert "nothing was ever published" in said("other.yaml", code=1)
    made = world(Planted(weekly=120, share=0.5, weeks=3, effect=0.3))
    publish_lists(made)
    write_activity(made, project / "data/activity/score", "2024-04-22")
    assert "no list has matured by 2024-03-25" in said("other.yaml", code=1)
    found = said("other.yaml", "--as-of", "2024-04-22")
    assert found.startswith("More would have left than did: that is proven.")
    assert "there is no" not in found
    assert "cannot be read" in said("nowhere.yaml", code=1)
