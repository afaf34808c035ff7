"""Attributes of customers as features, as they were known before a moment.

Today's tier or status would leak into yesterday's observation, so an attribute is used only where the table says from
when each row is valid (`valid_from`), or is declared never to change.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.activity import CUSTOMER_SCHEMA
from features.windows import midnight
from pipelines.runtime.errors import ChurnError, did_you_mean
from pipelines.settings import artifacts
from pipelines.settings.sources import Customers

KIND = pa.dictionary(pa.int32(), pa.string())


class Attributes:
    """The columns `customer_{attribute}` for `names`; none where `features.attributes` is empty."""

    def __init__(self, names: list[str], table: pa.Table | None, timezone: str) -> None:
        self.names, self.timezone = names, timezone
        self._table = table
        self._known: dict[str, pa.Table] = {}

    @property
    def fields(self) -> list[pa.Field]:
        """The columns' names and types."""
        return [pa.field(f"customer_{name}", KIND) for name in self.names]

    def of(self, customers: pa.Array, moment: str) -> list[pa.Array]:
        """One array per attribute, null where nothing is known of a customer before the moment."""
        if self._table is None:
            return []
        if moment not in self._known:
            self._known[moment] = _known(self._table, midnight(moment, self.timezone))
        known = self._known[moment]
        row = pc.index_in(customers, known["customer_id"].combine_chunks())
        return [known[name].combine_chunks().take(row).dictionary_encode().cast(KIND) for name in self.names]


def _known(table: pa.Table, moment: int) -> pa.Table:
    """The latest row of every customer that was valid before a moment (microseconds UTC)."""
    if "valid_from" not in table.column_names:
        return table
    import pandas as pd

    frame = table.to_pandas()
    since = frame["valid_from"]
    frame = frame[since.isna() | (since < pd.Timestamp(moment, unit="us", tz="UTC"))]
    frame = frame.sort_values("valid_from", kind="stable", na_position="first").drop_duplicates(
        "customer_id", keep="last"
    )
    return pa.Table.from_pandas(frame.drop(columns="valid_from"), preserve_index=False)


def attributes_of(
    names: list[str],
    activity: Path,
    *,
    customers: Customers | None,
    timezone: str,
    asked_by: str = "features.attributes",
) -> Attributes:
    """Read attributes from an activity folder's customers.parquet.

    Args:
        names: `features.attributes`.
        activity: the folder.
        customers: `customers` of params.yaml, which says whether attributes may change.
        timezone: in which days begin.
        asked_by: the setting that names them, for messages.

    Raises:
        ChurnError: there is no customers table, an attribute is not in it, or it could have changed since.
    """
    path = activity / artifacts.CUSTOMERS
    if not names:
        return Attributes([], None, timezone)
    if not path.exists():
        raise ChurnError(
            f"params.yaml: {asked_by}: {', '.join(names)} are wanted, but there is no customers table. "
            "Add `customers:` or empty the list."
        )
    table = pq.read_table(path)
    present = [name for name in table.column_names if name not in CUSTOMER_SCHEMA.names]
    faults = [
        f"params.yaml: {asked_by}: {name} is not in the customers table.{did_you_mean(name, present)}"
        for name in names
        if name not in present
    ]
    dated = "valid_from" in table.column_names
    if customers is not None and not customers.static and not dated:
        faults.append(
            f"params.yaml: {asked_by}: today's attributes would leak into yesterday's observations. "
            "Give the customers table a valid_from column, or declare `customers: {static: true}` if they never change."
        )
    if faults:
        raise ChurnError(*faults)
    table = table.select(["customer_id", *(["valid_from"] if dated else []), *names])
    for name in names:
        index = table.schema.get_field_index(name)
        table = table.set_column(index, name, table[name].cast(pa.string()))
    return Attributes(list(names), table, timezone)
