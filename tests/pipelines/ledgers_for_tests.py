"""Lists as tables on paper, put into a real ledger."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.ledger import write
from pipelines.ledger.read import ENTRY, FILE
from pipelines.ledger.tables import HELD_BACK
from tests.pipelines.lists_for_tests import settings


def entries(text: str) -> pd.DataFrame:
    """`customer group rank probability` per line; the rest is the same for everybody or null."""
    rows = [line.split() for line in text.strip().splitlines()]
    table = pd.DataFrame([row[:4] for row in rows], columns=["customer_id", "group", "rank", "churn_probability"])
    table = table.astype({"rank": "int64", "churn_probability": "float64"})
    table = table.assign(risk_tier="high", reason_1="Last order 30 days ago", channel="phone", value_at_risk=12.5)
    return table.reindex(columns=list(ENTRY))


def put(as_of: str, text: str, path: Path = FILE, **other: Any) -> int:
    """Publish a list without its files."""
    told = {"list_id": f"list-{as_of}", "content": "c", "campaign": "spring", **other}
    held = pd.DataFrame(columns=list(HELD_BACK))
    with write.writing(path) as con:
        return write.publish(con, write.Published(as_of=as_of, **told), write.Content(entries(text), held, {}))


def tell(customer: str, when: str, what: str, channel: str | None = "phone", path: Path = FILE, **other: Any) -> None:
    """Feedback; `when` is ISO with its offset."""
    at = round(datetime.fromisoformat(when).timestamp() * 1_000_000)
    row = (customer, other.get("list_id", "list-2024-03-04"), at, what, channel, other.get("note"))
    with write.writing(path) as con:
        write.add_report(con, f"{row}", [row], 1)


SETTINGS = settings()
