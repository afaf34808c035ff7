"""Telephone numbers leave the house only where they are valid, written alike, and the others are counted."""

from __future__ import annotations

import pandas as pd
import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from pipelines.publishing.sinks.audiences import meta
from pipelines.publishing.sinks.crm import klaviyo
from pipelines.publishing.sinks.fields import phones
from pipelines.settings.campaign.publish import Klaviyo, Meta


def digits(text: str, calling_code: str | None) -> str:
    return str(phones(pd.DataFrame({"phone": [text]}), calling_code)[0])


@pytest.mark.parametrize(
    ("text", "calling_code", "read"),
    [
        ("66 81 234 5678", "66", "66812345678"),
        ("081 234 5678", "66", "66812345678"),
        ("4.91512E+11", "49", ""),
        ("4,91512E+11", "49", ""),
        ("+49 30 1234567 ext. 12", "49", "49301234567"),
        ("030 1234567 x12", "49", "49301234567"),
        ("06 698 12345", "39", "390669812345"),
        ("+39 06 698 12345", None, "390669812345"),
        ("0049 171 2345678", None, "491712345678"),
        ("0171 2345678", None, ""),
        ("(416) 555-0123", "1", "14165550123"),
        ("+44 (0)20 7946 0958", None, "442079460958"),
        ("+49 171 23", "49", ""),
        ("112", "49", ""),
        ("n/a", "49", ""),
        ("030 1234567", "999", ""),
    ],
)
def test_numbers_as_people_write_them(text: str, calling_code: str | None, read: str) -> None:
    assert digits(text, calling_code) == read


_REGIONS = sorted(region for region in phonenumbers.SUPPORTED_REGIONS if phonenumbers.example_number(region))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(_REGIONS), st.sampled_from(["international", "national", "bare", "zeros", "extension"]))
def test_a_valid_number_is_the_same_however_it_is_written(region: str, way: str) -> None:
    number = phonenumbers.example_number(region)
    assert number is not None
    code = str(number.country_code)
    main = phonenumbers.region_code_for_country_code(number.country_code)
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    text = {
        "international": phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL),
        "national": phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL),
        "bare": e164,
        "zeros": "00" + e164[1:],
        "extension": e164 + " ext. 7",
    }[way]
    if way != "national" or region == main:
        assert digits(text, code) == e164[1:]


@settings(max_examples=60, deadline=None)
@given(st.text("0123456789 +-()/.eExn", max_size=24), st.sampled_from(["1", "39", "49", "66", None]))
def test_nothing_but_valid_numbers_leaves(text: str, calling_code: str | None) -> None:
    found = digits(text, calling_code)
    assert found == "" or phonenumbers.is_valid_number(phonenumbers.parse("+" + found))


def test_what_is_left_out_is_counted_and_said() -> None:
    table = pd.DataFrame({"email": ["a@x.org", "b@x.org", "c@x.org"], "phone": ["0171 2345678", "4.91512E+11", None]})
    said = [
        klaviyo(table, Klaviyo(kind="klaviyo", folder="x", calling_code="49"), "sink")[1],
        meta(table, Meta(kind="meta", folder="x", calling_code="49"), "sink")[1],
        meta(table, Meta(kind="meta", folder="x"), "sink")[1],
    ]
    assert said == [
        "3 customers; 1 telephone number is left out: not valid",
        "3 customers; 1 telephone number is left out: not valid",
        "3 customers; 2 telephone numbers are left out: not valid, or without a country (calling_code is not set)",
    ]
