"""Rules that are wrong, or can never match, are named before any work starts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.runtime.errors import ChurnError
from pipelines.settings.campaign.playbook import LEAVE_ALONE, PlaybookRule, never_matching
from pipelines.settings.params import load

ROOT = Path(__file__).parents[2]


def rules(*entries: dict[str, Any]) -> list[PlaybookRule]:
    return [PlaybookRule.model_validate({"action": f"do {place}"} | entry) for place, entry in enumerate(entries)]


def idle(*entries: dict[str, Any], contacts: bool = False) -> list[str]:
    """The names of the rules that can never match."""
    return [fault.split(":")[0] for fault in never_matching(rules(*entries), has_contacts=contacts)]


def when(**conditions: Any) -> dict[str, Any]:
    return {"when": conditions}


@pytest.mark.parametrize(
    "entries",
    [
        [when(), when(segment="new")],
        [when(segment=["new", "regular"]), when(segment="new", risk_tier="high")],
        [when(min_value=50), when(min_value=80)],
        [when(min_value=50), when(max_value=50), when(segment="new")],
        [when(risk_tier=["very high", "high"]), when(risk_tier=["medium", "low"]), when()],
        [when(risk_tier="high", max_value=9), when(risk_tier="high", min_value=9), when(risk_tier="high")],
        [when(reason_about=["complained", "placed_order"]), when(reason_about="complained")],
        [when(not_back_since="complained"), when(not_back_since="complained", segment="new")],
        [when(unused_points=True), when(unused_points=True)],
        [{"channel": "phone"}, {"channel": "email"}],  # without contacts every customer takes the first
    ],
)
def test_a_rule_whose_customers_earlier_ones_take_can_never_match(entries: list[dict[str, Any]]) -> None:
    last = len(entries) - 1
    assert idle(*entries) == [f"playbook, rule {last + 1} (do {last})"]


@pytest.mark.parametrize(
    "entries",
    [
        [when(segment="new"), when()],
        [when(segment="new"), when(risk_tier="high")],
        [when(min_value=80), when(min_value=50)],
        [when(max_value=50), when(min_value=51), when(segment="new")],
        [when(reason_about="complained"), when(reason_about=["complained", "placed_order"])],
        [when(unused_points=True), when(unused_points=False), when()],
        [when(not_back_since="complained", segment="new"), when(not_back_since="complained")],
    ],
)
def test_a_rule_to_which_somebody_is_left_can_match(entries: list[dict[str, Any]]) -> None:
    assert idle(*entries) == []


def test_what_contacts_tell() -> None:
    by_phone_then_email = [{"channel": "phone"}, {"channel": "email"}]
    assert idle(*by_phone_then_email, contacts=True) == []
    assert idle({"channel": ["phone", "email"]}, {"channel": "email"}, contacts=True) == ["playbook, rule 2 (do 1)"]
    assert idle({"channel": "email"}, when(channel="email"), contacts=True) == ["playbook, rule 2 (do 1)"]
    asks = [when(channel="email"), when(contact={"language": "th"}), when(contact={"language": ["th", "en"]})]
    assert idle(*asks, contacts=True) == []
    assert idle(*asks) == ["playbook, rule 1 (do 0)", "playbook, rule 2 (do 1)", "playbook, rule 3 (do 2)"]
    assert idle(asks[2], asks[1], contacts=True) == ["playbook, rule 2 (do 1)"]


def test_the_sentence_says_who_comes_first_and_what_to_do() -> None:
    (fault,) = never_matching(rules({"action": "call"}, {"action": "write"}), has_contacts=False)
    assert fault == (
        "playbook, rule 2 (write): can never match: rule 1 (call) comes first and takes all its customers. "
        "Move it up or take it out"
    )


def faults(tmp_path: Path, playbook: list[dict[str, Any]]) -> list[str]:
    content = yaml.safe_load((ROOT / "params.yaml").read_text()) | {"playbook": playbook}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ChurnError) as problem:
        load(tmp_path / "params.yaml")
    return [fault.removeprefix("params.yaml: ") for fault in problem.value.faults]


def test_every_wrong_rule_is_named_at_once(tmp_path: Path) -> None:
    assert faults(
        tmp_path,
        [
            {"action": "a", "when": {"segment": "nwe"}},
            {"actoin": "b", "when": {"segmnt": "new", "risk_tier": ["extreme"]}},
            {"action": LEAVE_ALONE, "cost": 3},
            {"action": "c", "when": {"min_value": 5, "max_value": 3}},
            {"action": "d", "when": {"segment": []}, "success": 2},
            {"action": "e", "when": {"contact": {"vip": True}}},
        ],
    ) == [
        (
            "playbook, rule 1 (a), when.segment: 'nwe' can never match. Did you mean new? Allowed: new, high value, "
            "regular, at risk, hibernating, needs attention, occasional, "
            "growing, steady, shrinking."
        ),
        "playbook, rule 2, when.risk_tier: 'extreme' can never match. Allowed: very high, high, medium, low.",
        "playbook, rule 2, when.segmnt is not a setting. Did you mean segment?",
        "playbook, rule 2, action is missing. Add it.",
        "playbook, rule 2, actoin is not a setting. Did you mean action?",
        "playbook, rule 3 (leave alone): the action is to leave alone, so cost must not be set.",
        (
            "playbook, rule 4 (c), when: min_value 5 is not below max_value 3: this can never match. Set min_value "
            "lower or take one of them out."
        ),
        "playbook, rule 5 (d), when.segment must have at least 1 entries, found [].",
        "playbook, rule 5 (d), success must be at most 1, found 2.",
        (
            "playbook, rule 6 (e), when.contact.vip must be a list, found True (for YAML a bare yes, no, on or off; "
            "a word needs quotes)."
        ),
    ]


def test_rules_that_can_never_match_keep_the_settings_from_loading(tmp_path: Path) -> None:
    found = faults(tmp_path, [{"action": "a"}, {"action": "b"}, {"action": "c"}])
    assert found[0].startswith("playbook, rule 2 (b): can never match: rule 1 (a) comes first")
    assert "playbook, rule 3 (c): can never match" in found[0]


def test_the_playbook_that_ships_is_whole() -> None:
    found = load(ROOT / "params.yaml").playbook
    actions = [rule.action for rule in found]
    assert {"personal call", "points reminder", "apology", "win-back offer", LEAVE_ALONE} <= set(actions)
    assert never_matching(found, has_contacts=True) == never_matching(found, has_contacts=False) == []


def test_the_rule_that_the_page_offers_for_copying_is_right() -> None:
    (block,) = re.findall(
        r"```yaml\nplaybook:\n(.*?)```", (ROOT / "docs/own-data/playbook.md").read_text(encoding="utf-8"), flags=re.S
    )
    found = [PlaybookRule.model_validate(rule) for rule in yaml.safe_load(block)]
    assert never_matching(found, has_contacts=True) == []
