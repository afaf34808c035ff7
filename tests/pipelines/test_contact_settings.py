"""What the documentation offers for copying is right as it stands, and what may not be set is named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from pipelines.at_risk.policy.contact_rules import RULES
from pipelines.settings import params
from pipelines.settings.campaign.contacts import Campaign, ContactRules, known_channels
from pipelines.settings.messages import in_words
from pipelines.settings.params import Settings
from tests.pipelines.activity_folders import settings_with

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/own-data/contacts.md").read_text(encoding="utf-8")


def settings(**changed: Any) -> Settings:
    return Settings.model_validate({**settings_with().model_dump(exclude_unset=True), **changed})


def faults(**changed: Any) -> list[str]:
    with pytest.raises(ValidationError) as error:
        settings(**changed)
    return in_words(error.value, Settings)


def test_the_blocks_of_the_page_are_settings() -> None:
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.S)]
    assert [list(block) for block in blocks] == [["contacts"], ["campaign"], ["campaign"]]
    for block in blocks:
        settings(**block)


def test_the_page_names_every_rule_in_their_order() -> None:
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    assert re.findall(r"`(\w+)`", "".join(rows)) == list(RULES)


def test_the_shipped_settings_are_the_defaults() -> None:
    shipped = params.load(ROOT / "params.yaml")
    assert shipped.contacts is None
    assert shipped.contact_rules == ContactRules()
    assert shipped.campaign == Campaign()


def test_rules_are_switched_off_one_by_one() -> None:
    off = {"contacted_within_days": 0, "most_per_quarter": None, "open_complaint": None, "cancelled": None}
    assert settings(contact_rules=off).contact_rules.cancelled is None


@pytest.mark.parametrize(
    ("section", "fault"),
    [
        ({"contact_rules": {"missing_consent": "ask"}}, "contact_rules.missing_consent must be hold_back or allow"),
        ({"contact_rules": {"contacted_within": 3}}, "contact_rules.contacted_within is not a setting. Did you mean"),
        (
            {"contact_rules": {"open_complaint": {"activities": []}}},
            "contact_rules.open_complaint.activities must have",
        ),
        (
            {"contact_rules": {"contact_activities": ["E-Mail"]}},
            "contact_rules.contact_activities, entry 1: 'E-Mail' is not a",
        ),
        ({"campaign": {"share": 0.7}}, "campaign.share must be at most 0.5, found 0.7."),
        ({"campaign": {"weeks": 0}}, "campaign.weeks must be at least 1, found 0."),
        ({"campaign": {"name": ""}}, "campaign.name must not be empty"),
    ],
)
def test_what_cannot_be_set_is_named(section: dict[str, Any], fault: str) -> None:
    assert faults(**section)[0].startswith(fault)


def test_a_number_is_a_good_name_for_a_campaign() -> None:
    assert settings(campaign={"name": 2024, "key": 7}).campaign.name == "2024"


def test_a_channel_is_known_once_its_consent_is_mapped() -> None:
    assert known_channels(None) == ("email", "phone", "sms", "post", "push")
    columns = {"customer_id": "id", "consent_fax": "fax", "consent_sms": "text"}
    mapped = settings(contacts={"reader": "csv", "path": "people.csv", "columns": columns}).contacts
    assert known_channels(mapped) == ("email", "phone", "sms", "post", "push", "fax")
