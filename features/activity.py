"""The activity contract: one row is one thing that a customer did. Append-only; everything downstream reads only this.

| column | meaning |
|---|---|
| `activity_id` | unique in the stream |
| `customer_id` | text, leading zeros and all |
| `occurred_at` | when the customer did it, UTC, microseconds |
| `recorded_at` | when the source learned it; null where the source does not say |
| `activity` | verb_noun in the past: `placed_order`, `opened_email` |
| `value` | money, minutes or score, whatever the activity counts in; null where it has none |
| `quantity` | pieces or pages; null where it has none |
| `detail` | store, page, topic or tier; null where it has none |
| `subject` | what it is about: a subscription, contract or policy of the customer; null where it names none |
| `user_id` | who of the account did it; null where the source does not say |
| `removed_at` | from when on it is as if it had never been: taken back, deleted; null where it stands |
| `term_days` | days that a start or renewal pays for; null where the churn definition's `term_days` hold |

Ids, times and names are never null. The last four came with version 2 of the contract: a file holds them where a row
of it fills one, and is read as if it had them where none does. `removed_at` mirrors `recorded_at`: a row is seen at
moments after it was recorded and before it was removed. The shape is Activity Schema 2.0 (activityschema.com) with
plainer names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

MOMENT = pa.timestamp("us", tz="UTC")

ACTIVITY_SCHEMA = pa.schema(
    [
        pa.field("activity_id", pa.string(), nullable=False),
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("occurred_at", MOMENT, nullable=False),
        pa.field("recorded_at", MOMENT),
        pa.field("activity", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("quantity", pa.float64()),
        pa.field("detail", pa.string()),
        pa.field("subject", pa.string()),
        pa.field("user_id", pa.string()),
        pa.field("removed_at", MOMENT),
        pa.field("term_days", pa.float64()),
    ]
)

SINCE_VERSION_2 = ("subject", "user_id", "removed_at", "term_days")
"""Columns that a file holds only where one of its rows fills one of them."""

VERSION_1 = pa.schema([column for column in ACTIVITY_SCHEMA if column.name not in SINCE_VERSION_2])
"""The contract's first version, which is that of files without them."""

CUSTOMER_SCHEMA = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("joined_at", MOMENT),
        pa.field("valid_from", MOMENT),
    ]
)
"""What a customers table may say besides its attributes, which are text. Only `customer_id` must be there."""

ACTIVITY_ORDER = ("occurred_at", "customer_id", "activity", "activity_id")
"""How a stream is sorted where it is written."""

ACTIVITY_NAME = re.compile(r"[a-z][a-z0-9_]*")
"""What an activity may be called, matched in full: names become parts of column names."""

WAS_LISTED, WAS_HELD_OUT, WAS_CONTACTED = "was_listed", "was_held_out", "was_contacted"
OUR_ACTIVITIES = (WAS_LISTED, WAS_HELD_OUT, WAS_CONTACTED)
"""What we did to the customer, out of the ledger. They serve rules and outcomes and are no features by default."""


def telling(facts: Mapping[str, Any], *names: str) -> list[str]:
    """The columns `names`, and those of the stream that say what was known when, and of which subject.

    Args:
        facts: facts.json of the stream; those of older versions lack what they did not know.
        names: further columns.
    """
    return [
        *names,
        *(name for name in ("recorded_at", "removed_at", "subject", "term_days") if facts.get(f"has_{name}")),
    ]
