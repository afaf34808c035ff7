"""What an activity means and is called: as declared here, by somebody, or by its name."""

from __future__ import annotations

import pytest

from features.catalogue.activities import ACTIVITIES, Activity, activity_of
from features.catalogue.catalogue import catalogue, role_of
from features.catalogue.described import described
from pipelines.rendering.language.english import sentence

ALL = {"has_value": True, "has_quantity": True, "has_detail": True}


@pytest.mark.parametrize(
    ("name", "noun", "nouns", "bearing"),
    [
        ("watched_video", "video watched", "videos watched", "good"),
        ("signed_up", "sign-up", "sign-ups", "good"),
        ("topped_up", "top-up", "top-ups", "good"),
        ("moved_out", "move-out", "move-outs", "good"),
        ("wrote_email", "email written", "emails written", "good"),
        ("had_meeting", "meeting", "meetings", "good"),
        ("purchased", "time purchased", "times purchased", "good"),
        ("page_viewed", "page viewed", "pages viewed", "good"),
        ("video_view", "video view", "video views", "good"),
        ("shared_story", "story shared", "stories shared", "good"),
        ("attended_class", "class attended", "classes attended", "good"),
        ("failed_transfer", "transfer failed", "transfers failed", "burden"),
        ("payment_failed", "payment failed", "payments failed", "burden"),
        ("opened_dispute", "dispute opened", "disputes opened", "burden"),
        ("resolved_dispute", "dispute resolved", "disputes resolved", "good"),
        ("received_sms", "sms received", "sms received", "neither"),
    ],
)
def test_what_nobody_declares_follows_from_the_name(name: str, noun: str, nouns: str, bearing: str) -> None:
    assert activity_of(name) == Activity(noun, nouns, bearing)


@pytest.mark.parametrize(
    "name",
    [
        "missed_payment",
        "failed_payment",
        "paused_subscription",
        "downgraded_plan",
        "announced_cancellation",
        "cancelled_subscription",
        "complained",
        "declined_offer",
        "unsubscribed_email",
    ],
)
def test_what_troubles_a_customer_is_no_engagement(name: str) -> None:
    assert role_of(name, "paid_invoice") == "support"
    columns = {feature.name: feature for feature in catalogue({"paid_invoice": ALL, name: ALL}, "paid_invoice")}
    assert columns[f"{name}_count_91d"].higher_is_worse is True
    assert columns[f"{name}_days_since_last"].higher_is_worse is False


def test_one_s_own_words_come_first() -> None:
    own = {"logged_in": Activity("visit", "visits", "burden")}
    assert activity_of("logged_in", own) == own["logged_in"]
    assert activity_of("complained", own) == ACTIVITIES["complained"]


def test_a_model_s_columns_are_described_by_today_s_words() -> None:
    own = {"rang_bell": Activity("ring", "rings", "burden")}
    before = [feature.column() for feature in catalogue({"placed_order": ALL, "rang_bell": ALL}, "placed_order")]
    before.append({"name": "customer_age", "activity": None, "measure": None, "days": None, "sentence": "old"})
    after = {column["name"]: column for column in described(before, "placed_order", own)}
    assert after["rang_bell_count_28d"]["sentence"] == "{rang_bell_count_28d:.0f} rings in the last 28 days"
    assert after["rang_bell_count_28d"]["higher_is_worse"] is True
    assert after["customer_age"]["sentence"] == "old"
    plain = described(before, "placed_order")
    assert plain == before, "nothing is declared: nothing changes"


def test_every_unknown_name_makes_a_sentence() -> None:
    columns = catalogue({"placed_order": ALL, "logged_in": ALL, "watched_video": ALL}, "placed_order")
    template = {feature.name: feature.sentence for feature in columns}
    numbers = {"logged_in_count_28d": 4.0, "watched_video_days_since_last": 9.0, "watched_video_count_28d": 1.0}
    assert sentence(template["logged_in_count_28d"], numbers) == "4 log-ins in the last 28 days"
    assert sentence(template["watched_video_days_since_last"], numbers) == "Last video watched 9 days ago"
    assert sentence(template["watched_video_count_28d"], numbers) == "1 video watched in the last 28 days"
