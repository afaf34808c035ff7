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

Ids, times and names are never null. The shape is Activity Schema 2.0 (activityschema.com) with plainer names.
"""

from __future__ import annotations

import re

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
    ]
)

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
