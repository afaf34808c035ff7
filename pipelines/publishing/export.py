"""`churn export`: the list with the customers' own ids, where the pipeline itself knows only pseudonyms.

It reads the vault, as `churn publish` does for its sinks. What it writes lies outside DVC and
git, and only its owner may read it.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from pipelines.publishing.written import note_written
from pipelines.rendering.files import write_csv, write_list_parquet
from pipelines.runtime import closed
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import atomic_folder
from pipelines.settings import artifacts
from pipelines.sources.privacy import vault

FOLDER = artifacts.DATA / "exports"


def export(day: str, to: Path | None = None, *, pseudonymised: bool) -> list[str]:
    """Write the list of a day as CSV and Parquet, under the customers' own ids.

    Args:
        day: the list's, like `2017-12-04`.
        to: the folder, made anew; `data/exports/{day}` where it is not given.
        pseudonymised: whether its customers stand under pseudonyms.

    Returns:
        What was written, for people.

    Raises:
        ChurnError: there is no list for this day, or the vault does not know everybody on it.
    """
    path = artifacts.LISTS / day / artifacts.LIST
    if not path.is_file():
        raise ChurnError(f"{path}: there is no list for this day yet. Run `churn run`.")
    table: pd.DataFrame = pq.read_table(path).to_pandas()
    if pseudonymised:
        table = table.assign(customer_id=_own_ids(list(table["customer_id"])))
    folder = to or FOLDER / day
    note_written(folder)
    with atomic_folder(folder) as partial:
        closed.folder(partial)
        write_csv(table, partial / artifacts.LIST_CSV)
        write_list_parquet(table, partial / artifacts.LIST)
        for file in partial.iterdir():
            closed.settle(file, 0o600)
    return [f"{len(table):,} customers under their own ids: {folder / artifacts.LIST_CSV}, {folder / artifacts.LIST}."]


def _own_ids(hashed: list[str]) -> list[str]:
    known = vault.originals(hashed)
    unknown = [one for one in hashed if one not in known]
    if unknown:
        raise ChurnError(
            f"{vault.FOLDER / vault.FILE}: does not know {len(unknown):,} of {len(hashed):,} customers on the list "
            f"({', '.join(unknown[:3])}). Bring the vault of the machine that pulled, or delete data/activity here and "
            "run `churn run` with the same key: the pull fills it."
        )
    return [known[one] for one in hashed]
