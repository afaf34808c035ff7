from __future__ import annotations

import pyarrow as pa
import pytest

from features.activity import ACTIVITY_NAME, ACTIVITY_ORDER, ACTIVITY_SCHEMA, CUSTOMER_SCHEMA, MOMENT, OUR_ACTIVITIES


def test_the_schema_is_the_contract() -> None:
    contract = {
        "activity_id": (pa.string(), "never null"),
        "customer_id": (pa.string(), "never null"),
        "occurred_at": (pa.timestamp("us", tz="UTC"), "never null"),
        "recorded_at": (pa.timestamp("us", tz="UTC"), ""),
        "activity": (pa.string(), "never null"),
        "value": (pa.float64(), ""),
        "quantity": (pa.float64(), ""),
        "detail": (pa.string(), ""),
        "subject": (pa.string(), ""),
        "user_id": (pa.string(), ""),
        "removed_at": (MOMENT, ""),
        "term_days": (pa.float64(), ""),
    }
    found = {field.name: (field.type, "" if field.nullable else "never null") for field in ACTIVITY_SCHEMA}
    assert found == contract


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("placed_order", True),
        ("a", True),
        ("answered_nps2", True),
        ("", False),
        ("Placed_order", False),
        ("2nd_order", False),
        ("placed order", False),
        ("placed-order", False),
        ("_order", False),
        ("commandé", False),
    ],
)
def test_names(name: str, allowed: bool) -> None:
    assert bool(ACTIVITY_NAME.fullmatch(name)) is allowed


def test_our_own_doings_are_activities_too() -> None:
    assert all(ACTIVITY_NAME.fullmatch(name) for name in OUR_ACTIVITIES)


def test_the_order_names_columns_and_ends_with_what_is_unique() -> None:
    assert set(ACTIVITY_ORDER) <= set(ACTIVITY_SCHEMA.names)
    assert ACTIVITY_ORDER[-1] == "activity_id"


def test_a_customer_needs_nothing_but_an_id() -> None:
    assert [field.name for field in CUSTOMER_SCHEMA if not field.nullable] == ["customer_id"]
    assert {field.type for field in CUSTOMER_SCHEMA if field.nullable} == {MOMENT}
