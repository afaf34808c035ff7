"""What `churn score` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CHUNK_CUSTOMERS = 50_000


@dataclass(frozen=True)
class Request:
    """What is to be scored: `activity`, `features` or both (then activity only tells who is a customer), and by what.

    `model`, `definition`: as of models.champions. `every_row`: each row of `features` is a customer.
    """

    out: Path
    activity: Path | None = None
    features: Path | None = None
    model: str | None = None
    definition: str | None = None
    chunk_customers: int = CHUNK_CUSTOMERS
    every_row: bool = False
