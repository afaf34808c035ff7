from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines.at_risk.policy.contact_rules import RULES, suppressed
from pipelines.ledger.read import FEEDBACK
from pipelines.rendering.language.language import Language
from pipelines.settings.decision import ContactPolicy, ListMoment
from pipelines.settings.params import Settings
from tests.features.oracle import Did
from tests.pipelines.activity_folders import settings_with, write_stream

DAY = pd.Timestamp("2017-12-04", tz="UTC")


@dataclass(frozen=True)
class Reported:
    feedback: pd.DataFrame


def did(customer: str, activity: str, when: str) -> Did:
    return Did(customer, activity, pd.Timestamp(when, tz="UTC").value // 1000)


def reported(*rows: tuple[str, str, str]) -> Reported:
    """customer, what, when."""
    table = pd.DataFrame([{"customer_id": one, "what": what, "occurred_at": when} for one, what, when in rows])
    table = table.reindex(columns=list(FEEDBACK))
    return Reported(table.assign(occurred_at=pd.to_datetime(table["occurred_at"], utc=True)))


def settings(timezone: str = "UTC", churn: dict[str, Any] | None = None, **rules: Any) -> Settings:
    plain = settings_with(timezone=timezone, **({"churn": churn} if churn else {}))
    return Settings.model_validate({**plain.model_dump(exclude_unset=True), "contact_rules": rules})


def by(chosen: Settings) -> dict[str, Any]:
    """What of the settings decides on suppression."""
    moment, policy = ListMoment.of(chosen), ContactPolicy.of(chosen)
    return {"moment": moment, "policy": policy, "language": Language(chosen.language, chosen.currency)}


def people(*rows: dict[str, Any]) -> pd.DataFrame:
    """A contacts table as read_contacts gives it."""
    texts = ["name", "email", "phone", "owner", "language", "timezone", "preferred_channel"]
    table = pd.DataFrame(list(rows))
    consents = [name for name in table if name.startswith("consent_")]
    asked = table["do_not_contact"].eq(True) if "do_not_contact" in table else False
    table = table.reindex(columns=["customer_id", *texts, *consents]).astype(dict.fromkeys(texts, "str"))
    return table.astype(dict.fromkeys(consents, "boolean")).assign(do_not_contact=asked)


def kept_off(
    stream: list[Did],
    folder: Path,
    chosen: Settings | None = None,
    contacts: pd.DataFrame | None = None,
    known: Reported | None = None,
    **columns: list[Any],
) -> dict[str, str]:
    """Customers a to f; who is held back, by which rule. Every sentence is there."""
    chosen = chosen or settings()
    candidates = pd.DataFrame({"customer_id": list("abcdef"), **columns})
    nobody = did("z", "placed_order", "2017-01-01")
    activity = write_stream(folder / "activity", [nobody, *stream], chosen.timezone)
    found = suppressed(candidates, contacts, known or reported(), activity, **by(chosen))
    assert list(found.columns) == ["customer_id", "rule", "said"]
    assert found["said"].str.len().gt(10).all()
    assert set(found["rule"]) <= set(RULES)
    return dict(zip(found["customer_id"], found["rule"], strict=True))


def sentences(stream: list[Did], folder: Path, **other: Any) -> list[str]:
    candidates = pd.DataFrame({"customer_id": list("abcdef")})
    activity = write_stream(folder / "activity", [did("z", "placed_order", "2017-01-01"), *stream])
    known = other.get("known", reported())
    found = suppressed(candidates, other.get("contacts"), known, activity, **by(settings()))
    return list(found["said"])


def test_without_contacts_ledger_or_campaigns_nobody_is_kept_off(tmp_path: Path) -> None:
    assert kept_off([did("a", "placed_order", "2017-11-30")], tmp_path) == {}


CONSENTS = people(
    {"customer_id": "a", "consent_email": True, "email": "a@x.org", "do_not_contact": True},
    {"customer_id": "b", "consent_email": None, "email": "b@x.org"},
    {"customer_id": "c", "consent_email": False, "email": "c@x.org"},
    {"customer_id": "d", "consent_email": True},
    {"customer_id": "e", "consent_email": True, "email": "e@x.org"},
)


def test_missing_consent_means_no_contact(tmp_path: Path) -> None:
    assert kept_off([], tmp_path, contacts=CONSENTS) == {
        "a": "do_not_contact",
        "b": "no_consent_known",
        "c": "no_consent",
        "d": "no_address",
        "f": "no_consent_known",
    }


def test_unless_params_say_otherwise(tmp_path: Path) -> None:
    found = kept_off([], tmp_path, settings(missing_consent="allow"), CONSENTS)
    # c refused e-mail alone; what she thinks of the telephone nobody knows, which is allowed here.
    assert found == {"a": "do_not_contact"}


def test_a_table_without_any_consent_keeps_everybody_off(tmp_path: Path) -> None:
    table = people(*({"customer_id": one, "name": "N"} for one in "abcdef"))
    assert set(kept_off([], tmp_path, contacts=table).values()) == {"no_consent_known"}
    assert kept_off([], tmp_path / "allow", settings(missing_consent="allow"), table) == {}


def test_an_action_needs_a_channel_that_is_permitted(tmp_path: Path) -> None:
    table = people(*({"customer_id": one, "consent_email": True, "consent_phone": False} for one in "abcdef"))
    channels = ["email", "phone", None, "", float("nan"), "fax"]
    assert kept_off([], tmp_path, contacts=table, channel=channels) == dict.fromkeys("bf", "channel_not_permitted")


@pytest.mark.parametrize(
    ("when", "days", "kept"),
    [
        ("2017-12-03 23:59", 1, True),
        ("2017-11-27 00:00", 7, True),  # windows are half open: the seventh day before counts from its midnight
        ("2017-11-26 23:59", 7, False),
        ("2017-12-03 12:00", 0, False),
    ],
)
def test_nobody_is_contacted_twice_within_some_days(when: str, days: int, kept: bool, tmp_path: Path) -> None:
    rules = settings(contacted_within_days=days)
    wanted = {"a": "contacted_lately"} if kept else {}
    assert kept_off([did("a", "received_campaign", when)], tmp_path / "stream", rules) == wanted
    assert kept_off([], tmp_path / "ledger", rules, known=reported(("a", "reached", when))) == wanted


def test_which_activities_are_contacts_is_a_choice(tmp_path: Path) -> None:
    stream = [did("a", "received_campaign", "2017-12-01"), did("b", "opened_email", "2017-12-01")]
    assert kept_off(stream, tmp_path / "1", settings(contact_activities=["opened_email"])) == {"b": "contacted_lately"}
    assert kept_off(stream, tmp_path / "2", settings(contact_activities=[])) == {}


def test_a_report_that_was_wrong_is_no_contact(tmp_path: Path) -> None:
    known = reported(("a", "wrong", "2017-12-01"), ("b", "contacted", "2017-12-01"), ("z", "contacted", "2017-12-01"))
    assert kept_off([], tmp_path, known=known) == {"b": "contacted_lately"}


def test_at_most_so_many_days_with_a_contact_in_a_quarter(tmp_path: Path) -> None:
    days = ["2017-09-04", "2017-10-01", "2017-10-20", "2017-11-10"]
    stream = [did("a", "received_campaign", day) for day in days]
    stream += [did("b", "received_campaign", day) for day in ["2017-09-03", *days[1:]]]  # one too long ago
    stream += [did("c", "received_campaign", f"2017-10-01 {hour}:00") for hour in range(10, 18)]  # all on one day
    known = reported(*(("d", "contacted", day) for day in days[:2]), *(("d", "reached", day) for day in days[1:]))
    assert kept_off(stream, tmp_path / "4", known=known) == dict.fromkeys("ad", "contacted_often")
    assert kept_off(stream, tmp_path / "3", settings(most_per_quarter=3), known=known).keys() == set("abd")
    assert kept_off(stream, tmp_path / "never", settings(most_per_quarter=None), known=known) == {}


def test_days_are_those_of_the_place(tmp_path: Path) -> None:
    # 23:30 UTC on the 26th is the 27th in Berlin, seven days before the 4th.
    stream = [did("a", "received_campaign", "2017-11-26 23:30")]
    assert kept_off(stream, tmp_path / "utc") == {}
    assert kept_off(stream, tmp_path / "berlin", settings("Europe/Berlin")) == {"a": "contacted_lately"}


def test_a_complaint_is_open_until_an_order_or_a_solution_or_for_some_days(tmp_path: Path) -> None:
    stream = [did(one, "complained", "2017-11-20 12:00") for one in "abcd"]
    stream += [did("b", "placed_order", "2017-11-21"), did("c", "resolved_complaint", "2017-11-22")]
    stream += [did("d", "placed_order", "2017-11-19"), did("e", "complained", "2017-11-05 23:59")]
    assert kept_off(stream, tmp_path / "open") == dict.fromkeys("ad", "open_complaint")
    assert kept_off(stream, tmp_path / "off", settings(open_complaint=None)) == {}
    longer = settings(open_complaint={"within_days": 60, "settled_by": []})
    assert kept_off(stream, tmp_path / "longer", longer) == dict.fromkeys("acde", "open_complaint")


def test_whoever_is_to_be_apologised_to_stays_on_the_list(tmp_path: Path) -> None:
    stream = [did(one, "complained", "2017-11-20") for one in "abc"]
    actions = ["apology", "personal call", None, None, None, None]
    assert kept_off(stream, tmp_path, action=actions) == dict.fromkeys("bc", "open_complaint")


def test_who_cancelled_and_did_not_come_back_is_kept_off(tmp_path: Path) -> None:
    stream = [did("a", "cancelled_subscription", "2016-01-01"), did("b", "announced_cancellation", "2017-12-01")]
    stream += [did("c", "cancelled_subscription", "2017-11-01"), did("c", "started_subscription", "2017-11-02")]
    stream += [did("d", "cancelled_subscription", "2017-11-01"), did("d", "started_subscription", "2017-11-01")]
    assert kept_off(stream, tmp_path / "on") == dict.fromkeys("ab", "cancelled")
    assert kept_off(stream, tmp_path / "off", settings(cancelled=None)) == {}


def test_what_a_definition_calls_a_cancellation_is_one(tmp_path: Path) -> None:
    ends = {"kind": "cancellation", "starts": "joined_club", "ends": "left_club", "horizon_days": 28}
    silent = {"kind": "silence", "active_within_days": 56, "horizon_days": 28}
    stream = [did("a", "left_club", "2017-11-01"), did("b", "left_club", "2017-11-01")]
    stream += [did("b", "joined_club", "2017-11-20")]
    chosen = settings(churn={"silent_28d": silent, "club": ends})
    assert kept_off(stream, tmp_path, chosen) == {"a": "cancelled"}


def test_the_first_rule_that_fits_is_told_and_everyone_once_in_the_order_of_the_ranking(tmp_path: Path) -> None:
    stream = [did(one, "received_campaign", "2017-12-01") for one in "fedcba"]
    stream += [did("f", "complained", "2017-12-01")]
    found = kept_off(stream, tmp_path, contacts=CONSENTS)
    assert list(found) == list("abcdef")
    assert (found["a"], found["e"], found["f"]) == ("do_not_contact", "contacted_lately", "no_consent_known")


def test_what_is_said_is_plain(tmp_path: Path) -> None:
    stream = [did("a", "received_campaign", "2017-12-01"), did("b", "complained", "2017-11-20")]
    stream += [did("c", "cancelled_subscription", "2017-11-01")]
    stream += [did("d", "received_campaign", f"2017-10-{day:02d}") for day in (1, 8, 15, 22)]
    assert sentences(stream, tmp_path / "stream") == [
        "Was contacted on 1 December 2017; nobody is contacted twice within 7 days.",
        "Complained on 20 November 2017, and nothing shows that it was settled.",
        "Cancelled, or said that they would, on 1 November 2017.",
        "Was contacted on 4 days in the last quarter; the limit is 4.",
    ]
    assert sentences([], tmp_path / "contacts", contacts=CONSENTS) == [
        "Asked not to be contacted.",
        "Nobody knows whether this customer agreed to be contacted.",
        "Has not agreed to be contacted in any way.",
        "Agreed to be contacted (e-mail), but no address or number for that is known.",
        "Nobody knows whether this customer agreed to be contacted.",
    ]


def test_nobody_to_judge_is_no_fault(tmp_path: Path) -> None:
    activity = write_stream(tmp_path, [did("z", "placed_order", "2017-01-01")])
    nobody = pd.DataFrame({"customer_id": pd.Series([], dtype="str")})
    assert suppressed(nobody, CONSENTS, reported(), activity, **by(settings())).empty
