"""Names of the relations that several modules share through one DuckDB connection, each declared once.

`stream.connect` creates STREAM, REJECTED, DELIVERED, ACCOUNTED, CURRENCIES and NOTES empty. The others are temporary:
the module that is named here creates them, and they hold until it is called again.
"""

from __future__ import annotations

STREAM = "stream"
"""Activity rows and their `source`."""

REJECTED = "rejected"
"""Bad rows, `source`, `file`, `line`, and why: `fault`, `field`, `found`; or without a line, how many: `rows`."""

DELIVERED = "delivered"
"""Rows of each file of a source that a mapping means (all but those it leaves out), and how many of them are `bad`."""

ACCOUNTED = "accounted"
"""How many `rows` of a `source` became what, for which `reason`, by `entry` or `activity` (landing/tally.py)."""

CURRENCIES = "currencies"
"""How many values (`rows`) an `activity` of a `source` has in which `currency`, where a column tells it."""

NOTES = "noted"
"""Notes on sources that a person should read (`said`)."""

KNOWN = "known"
"""STREAM as of a moment, every activity once (landing/as_of.py)."""

IDENTITY = "identity"
"""`identities.table` after merged accounts were followed: `system`, `id`, `customer_id` (identity/resolve.py)."""

MENTIONED = "mentioned"
"""Ids that occur in parts, each once per part: `part`, `source`, `customer_id` (identity/translate.py, contacts)."""

RESOLVED = "resolved"
"""`source`, `source_id` and the `customer_id` that it resolves to; null: no customer (identity/resolve.py)."""

UNMATCHED = "unmatched"
"""Rows whose id is no customer's, as STREAM has them (identity/translate.py)."""

IS_ERASED = "is_erased"
"""SQL macro `is_erased(source, source_id)`: whether a row must not be kept anywhere (identity/settle.py)."""

KEYED_HASH = "keyed_hash"
"""SQL macro `keyed_hash(text)`: the pseudonym of an id (identity/settle.py)."""
