"""Drafts: the folder of a day's list as `make_list` wrote it, checked before it is recorded as published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from models.decision import control_group
from pipelines.ledger.assignment import share_of
from pipelines.ledger.read import ENTRY, FIGURES
from pipelines.ledger.tables import HELD_BACK
from pipelines.ledger.write import Content, Published, content_digest, plain
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of, read_json
from pipelines.runtime.spreadsheet_text import undefused

MANIFEST = "manifest.json"
LIST, CONTROL, HELD = "at_risk.parquet", "control.csv", "held_back.csv"
_AGAIN = "Make the list again: `churn run`."


@dataclass(frozen=True)
class Draft:
    """A list that is sound: `published` still without revision and number, `content` without sinks."""

    folder: Path
    published: Published
    content: Content


def read_draft(folder: Path, as_of: str, campaign: str | None) -> Draft:
    """The list in `folder`, for the day `as_of`; `campaign`: its name where the manifest has none.

    Raises:
        ChurnError: there is none, a file is missing or is not the one of the manifest, the data was not validated,
            nobody is on the list, somebody is on it twice or both on it and held out.
    """
    if not (folder / MANIFEST).is_file():
        raise ChurnError(
            f"{folder}: there is no list for {as_of}. Make it: `churn run` with this observations.score.as_of."
        )
    content = read_json(folder / MANIFEST)
    faults = [*file_faults(folder, content.get("files", {})), *_check_faults(folder, content)]
    if faults:
        raise ChurnError(*faults)
    listed, control = _listed(folder), _apart(folder / CONTROL, ENTRY)
    entries = pd.concat(
        [listed.assign(group=control_group.CONTACT), control.assign(group=control_group.CONTROL)], ignore_index=True
    )
    held = _apart(folder / HELD, HELD_BACK)
    every = pd.concat([entries["customer_id"], held["customer_id"]])
    faults = [*_gaps(folder, entries, held), *_row_faults(folder, listed, every, content, as_of)]
    if faults:
        raise ChurnError(*faults)
    files = {**content["files"], MANIFEST: digest_of(folder / MANIFEST)}
    published = Published(
        as_of=as_of,
        list_id=str(content["list_id"]),
        content=content_digest(rows_of(entries, ENTRY), rows_of(held, HELD_BACK)),
        campaign=_campaign(content, campaign),
        definition=content.get("definition"),
        model_version=content.get("model_version"),
    )
    return Draft(folder, published, Content(entries, held, files, share=share_of(content)))


def rows_of(table: pd.DataFrame, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Rows as SQLite would give them back."""
    return [tuple(map(plain, row)) for row in table[list(columns)].itertuples(index=False, name=None)]


def file_faults(folder: Path, files: dict[str, str]) -> list[str]:
    """Files that are missing or others than their digests say."""
    faults = []
    for name, digest in sorted(files.items()):
        path = folder / name
        if not path.is_file():
            faults.append(f"{path}: is missing, and the list was made with it. {_AGAIN}")
        elif digest_of(path) != digest:
            faults.append(f"{path}: was changed after the list was made (its digest is not the manifest's). {_AGAIN}")
    return faults


def _check_faults(folder: Path, content: dict[str, Any]) -> list[str]:
    path, checks = folder / MANIFEST, content.get("checks") or {}
    missing = [name for name in ("list_id", "files", "definition") if not content.get(name)]
    faults = [f"{path}: says no {name}, so this is no list of `make_list`. {_AGAIN}" for name in missing]
    if LIST not in content.get("files", {}):
        faults.append(f"{path}: does not name {LIST}. {_AGAIN}")
    wanted = ("activity_score", "features_score", f"scores_{content.get('definition')}")
    return faults + [
        f"{path}: the check {name} has not passed, so the data is not validated. {_AGAIN}"
        for name in wanted
        if (checks.get(name) or {}).get("passed") is not True
    ]


def _listed(folder: Path) -> pd.DataFrame:
    table = pd.read_parquet(folder / LIST)
    return table.reindex(columns=list(dict.fromkeys([*ENTRY, "list_id", "as_of"]))).astype({"customer_id": "str"})


def _apart(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """A CSV beside the list, if there is one: ids as they are, numbers as numbers, nothing where a cell is empty."""
    if not path.is_file():
        return pd.DataFrame(columns=list(columns))
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig").reindex(columns=list(columns))
    for name in columns:
        texts = table[name].where(table[name].notna() & (table[name] != ""), None)
        if name in (*FIGURES, "rank"):
            table[name] = pd.to_numeric(texts).astype("Int64" if name == "rank" else "float64")
        else:
            table[name] = texts.map(undefused, na_action="ignore")
    return table


def _gaps(folder: Path, entries: pd.DataFrame, held: pd.DataFrame) -> list[str]:
    needed = ((f"{LIST} and {CONTROL}", entries, ("customer_id", "rank")), (HELD, held, ("customer_id", "rule")))
    return [
        f"{folder}: {int(table[name].isna().sum()):,} rows of {files} have no {name}. {_AGAIN}"
        for files, table, names in needed
        for name in names
        if table[name].isna().any()
    ]


def _row_faults(
    folder: Path, listed: pd.DataFrame, every: pd.Series[str], content: dict[str, Any], as_of: str
) -> list[str]:
    faults = []
    if listed.empty:
        faults.append(f"{folder / LIST}: nobody is on the list. There is nothing to publish.")
    days = sorted({f"{day:%Y-%m-%d}" for day in pd.to_datetime(listed["as_of"].dropna().unique())})
    if days not in ([as_of], []) or content.get("as_of") != as_of:
        faults.append(f"{folder}: the list is for {', '.join(days)}, not for {as_of}. {_AGAIN}")
    ids = sorted(set(listed["list_id"].dropna()))
    if ids not in ([content["list_id"]], []):
        faults.append(f"{folder}: the list is {', '.join(ids)}, its manifest speaks of {content['list_id']}. {_AGAIN}")
    twice = sorted(set(every[every.duplicated()]))
    if twice:
        faults.append(
            f"{folder}: {len(twice):,} customers are in more than one of {LIST}, {CONTROL} and {HELD} "
            f"({', '.join(twice[:5])}). {_AGAIN}"
        )
    return faults


def _campaign(content: dict[str, Any], running: str | None) -> str:
    """The manifest's, else the one that runs, else the definition that ranks the list."""
    entry = content.get("campaign")
    name = entry.get("name") if isinstance(entry, dict) else entry
    return str(name or running or content["definition"])
