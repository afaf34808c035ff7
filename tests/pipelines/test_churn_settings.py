"""The definitions that the documentation offers for copying are right as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from pipelines.rendering.wording import leaving, staying
from pipelines.settings.churn import definition_of
from pipelines.settings.params import Settings

PAGE = Path(__file__).resolve().parents[2] / "docs/own-data/churn.md"
BLOCKS = re.findall(r"```yaml\nchurn:\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S)
ENTRIES = {name: entry for block in BLOCKS for name, entry in yaml.safe_load(block).items()}


WINDOW = "next 30 days that begin in 7 days"


def of_page(name: str) -> Settings:
    return Settings.model_validate(
        {
            "sources": {"shop": {"reader": "csv", "path": "shop.csv", "activity": "placed_order"}},
            "observations": {"train": {"until": "2024-12-02"}, "score": {"as_of": "2024-12-02"}},
            "churn": {name: ENTRIES[name]},
            "at_risk": {"definition": name},
        }
    )


def test_the_page_shows_every_kind() -> None:
    assert {entry["kind"] for entry in ENTRIES.values()} == {"silence", "cancellation", "rhythm"}


@pytest.mark.parametrize(
    ("name", "ahead_days", "leaves", "stays"),
    [
        ("silent_28d", 28, "no order in the next 28 days", "at least one order in the 56 days before"),
        (
            "cancelled_30d",
            37,
            f"the subscription is cancelled, or not renewed within 30 days and 5 of grace, in the {WINDOW}",
            "subscribers who have not cancelled and are not overdue",
        ),
        (
            "unusual_silence",
            60,
            "no order for longer than 90% of the customer's own pauses, or for 60 days where those are longer",
            "at least one order in the 90 days before, 5 pauses or more, and a silence no longer than 90% of them",
        ),
    ],
)
def test_its_entries_are_settings_and_have_words(name: str, ahead_days: int, leaves: str, stays: str) -> None:
    entry = of_page(name).churn[name]
    assert definition_of(entry).lead.ahead_days == ahead_days
    assert leaving(entry) == leaves
    assert staying(entry) == stays
