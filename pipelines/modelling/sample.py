"""The customers that a model is trained on, where all of them would not fit into memory.

Customers are chosen by a keyed hash of their id: the same ones at every run and on every machine, whole (all their
moments or none), and those of a smaller sample are among those of a larger one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

BYTES_PER_NUMBER = 24  # as read (float32), joined, and once or twice as doubles


@dataclass(frozen=True)
class Sample:
    """The labelled customers that are trained on.

    Attributes:
        customers: their ids; None where all are taken.
        taken, of: how many they are, and of how many.
    """

    customers: pa.Array | None
    taken: int
    of: int

    def rows(self, path: Path) -> pa.Table:
        """The rows of a Parquet file with a customer_id that belong to the sample, in their order."""
        if self.customers is None:
            return pq.read_table(path)
        import pyarrow.dataset as ds  # it imports pandas

        return ds.dataset(path).to_table(filter=pc.field("customer_id").isin(self.customers))

    def to_json(self) -> dict[str, Any]:
        """For recipe.json and metrics.json: nothing where all are taken."""
        return {} if self.customers is None else {"sampled_customers": self.taken, "labelled_customers": self.of}

    def notes(self, memory: str) -> list[str]:
        """A line that says how many fit into `memory` (`engine_memory`); none where all do."""
        if self.customers is None:
            return []
        some = f"{self.taken:,} of {self.of:,} customers, drawn by their ids, fit into engine_memory {memory}"
        return [f"{some}: the model is trained and judged on those."]


ALL_CUSTOMERS = Sample(None, 0, 0)


def sample_of(labels: Path, *, columns: int, memory: int, seed: int) -> Sample:
    """Draw the customers whose panel fits into memory.

    Args:
        labels: the Parquet file of labels, one row per customer and moment.
        columns: numbers per row.
        memory: bytes that the panel may take.
        seed: another seed chooses others.
    """
    ids = pq.read_table(labels, columns=["customer_id"])["customer_id"]
    labelled = pc.unique(ids).sort()
    share = memory / max(1, len(ids) * columns * BYTES_PER_NUMBER)
    if share >= 1:
        return Sample(None, len(labelled), len(labelled))
    key, limit = str(seed).encode(), int(share * 2**64)

    def position(customer: str) -> int:
        return int.from_bytes(hashlib.blake2b(customer.encode(), digest_size=8, key=key).digest())

    chosen = [customer for customer in labelled.to_pylist() if position(customer) < limit]
    return Sample(pa.array(chosen, labelled.type), len(chosen), len(labelled))
