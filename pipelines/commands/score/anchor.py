"""The moment of a feature table: each model is anchored to it by everybody eligible, before the first chunk is scored.

The table may be larger than memory: ids are read first, then the features of those who tell the level.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.commands.score.chunks import Customers, chunks
from pipelines.commands.score.request import CHUNK_CUSTOMERS
from pipelines.modelling import scoring

if TYPE_CHECKING:
    from models.churn_model import ChurnModel


def anchored_to_rows(model: ChurnModel, table: Path, customers: Customers, day: str) -> ChurnModel:
    """The model, anchored to the moment of these customers.

    Args:
        model: is returned as it is where it has no level.
        table: of features, one row per customer.
        customers: everybody eligible by the model's definition.
        day: of the table.
    """
    if model.level is None:
        return model
    from models.learners import level

    ids = list(ids_of(table, customers, day))
    taken = pa.array([customer for customer, some in zip(ids, level.sample(ids), strict=True) if some], pa.string())
    parts = [
        chunk.rows.filter(pc.is_in(chunk.rows["customer_id"], value_set=taken))
        for chunk in chunks(table, model.columns, day, CHUNK_CUSTOMERS, set())
    ]
    return scoring.anchored(model, pa.concat_tables(parts).to_pandas()) if parts else model


def ids_of(table: Path, customers: Customers, day: str) -> Iterator[str]:
    """Ids of the customers among a table's rows."""
    column = getattr(customers, "column", None)
    for chunk in chunks(table, [column] if column else [], day, CHUNK_CUSTOMERS, set()):
        yield from chunk.rows.filter(customers.among(chunk.rows))["customer_id"].to_pylist()
