"""Drafts: the folder of a day's list as `make_list` wrote it, checked before it is recorded as published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from models.decision import control_group
from pipelines.ledger.assignment import DRAW, Draws, share_of
from pipelines.ledger.read import ENTRY, FIGURES
from pipelines.ledger.tables import HELD_BACK
from pipelines.ledger.write import Content, Published, content_digest, sqlite_value
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of, read_json
from pipelines.runtime.text.spreadsheet_text import undefused
from pipelines.settings import artifacts

_AGAIN = "Make the list again: `churn run`."


@dataclass(frozen=True)
class Draft:
    """A list that is sound: `published` still without revision and number, `content` without sinks."""

    folder: Path
    published: Published
    content: Content


def read_draft(folder: Path, as_of: str, campaign: str | None, *, published: bool = False) -> Draft:
    """The list in `folder`, for the day `as_of`; `campaign`: its name where the manifest has none.

    A list of a day that was `published` may be empty: erasure took everybody who was on it.

    Raises:
        ChurnError: there is none, a file is missing or is not the one of the manifest, the data was not validated,
            nobody is on the list, somebody is on it twice or both on it and held out.
    """
    if not (folder / artifacts.MANIFEST).is_file():
        raise ChurnError(
            f"{folder}: there is no list for {as_of}. Make it: `churn run` with this observations.score.as_of."
        )
    manifest = read_json(folder / artifacts.MANIFEST)
    faults = [*file_faults(folder, manifest.get("files", {})), *_check_faults(folder, manifest)]
    if faults and (folder.parent / artifacts.FORGETTING).is_dir():
        raise ChurnError(interrupted(folder.parent))
    if faults:
        raise ChurnError(*faults)
    listed, control = _listed(folder), _read_csv(folder / artifacts.CONTROL, ENTRY)
    entries = pd.concat(
        [listed.assign(group=control_group.CONTACT), control.assign(group=control_group.CONTROL)], ignore_index=True
    )
    suppressed = _read_csv(folder / artifacts.SUPPRESSED, HELD_BACK)
    all_ids = pd.concat([entries["customer_id"], suppressed["customer_id"]])
    faults = [
        *_missing_value_faults(folder, entries, suppressed),
        *_row_faults(folder, listed, all_ids, manifest, as_of),
    ]
    if listed.empty and not published:
        faults.append(nobody_on(folder))
    draws = _draws(folder, manifest, set(entries["customer_id"]), faults)
    if faults:
        raise ChurnError(*faults)
    files = {**manifest["files"], artifacts.MANIFEST: digest_of(folder / artifacts.MANIFEST)}
    publication = Published(
        as_of=as_of,
        list_id=str(manifest["list_id"]),
        content=content_digest(rows_of(entries, ENTRY), rows_of(suppressed, HELD_BACK)),
        campaign=_campaign(manifest, campaign),
        definition=manifest.get("definition"),
        model_version=manifest.get("model_version"),
    )
    return Draft(folder, publication, Content(entries, suppressed, files, share=share_of(manifest), draws=draws))


def _draws(folder: Path, manifest: dict[str, Any], customers: set[str], faults: list[str]) -> Draws | None:
    """By which chance everybody on a list came into their group, where its last places were drawn; else None."""
    if artifacts.ASSIGNMENT not in manifest["files"]:
        return None
    table = _read_csv(folder / artifacts.ASSIGNMENT, DRAW)
    if set(table["customer_id"]) != customers or table["customer_id"].duplicated().any():
        faults.append(f"{folder / artifacts.ASSIGNMENT}: speaks of others than those who are listed or not. {_AGAIN}")
        return None
    rows = table.itertuples(index=False, name=None)
    return [(str(one), float(chance), str(drawn_as), int(draws)) for one, chance, drawn_as, draws in rows]


def interrupted(lists: Path) -> str:
    """The fault of lists of which an erasure that was killed has rewritten some files."""
    return (
        f"{lists}: `churn forget` was interrupted before it had rewritten every list. Run it again for that customer, "
        "or finish it with `churn forget --again`. A backup would bring the customer back."
    )


def nobody_on(folder: Path) -> str:
    """The fault of an empty list."""
    return f"{folder / artifacts.LIST}: nobody is on the list. There is nothing to publish."


def rows_of(table: pd.DataFrame, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Rows as SQLite would give them back."""
    return [tuple(map(sqlite_value, row)) for row in table[list(columns)].itertuples(index=False, name=None)]


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


def _check_faults(folder: Path, manifest: dict[str, Any]) -> list[str]:
    path, checks = folder / artifacts.MANIFEST, manifest.get("checks") or {}
    missing = [name for name in ("list_id", "files", "definition") if not manifest.get(name)]
    faults = [f"{path}: says no {name}, so this is no list of `make_list`. {_AGAIN}" for name in missing]
    if manifest.get("quick"):
        faults.append(f"{path}: is a quick look, by a model that nobody tested. `churn run` makes the list to publish.")
    if artifacts.LIST not in manifest.get("files", {}):
        faults.append(f"{path}: does not name {artifacts.LIST}. {_AGAIN}")
    required = ("activity_score", "features_score", f"scores_{manifest.get('definition')}")
    return faults + [
        f"{path}: the check {name} has not passed, so the data is not validated. {_AGAIN}"
        for name in required
        if (checks.get(name) or {}).get("passed") is not True
    ]


def _listed(folder: Path) -> pd.DataFrame:
    table = pd.read_parquet(folder / artifacts.LIST)
    return table.reindex(columns=list(dict.fromkeys([*ENTRY, "list_id", "as_of"]))).astype({"customer_id": "str"})


def _read_csv(path: Path, columns: Sequence[str]) -> pd.DataFrame:
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


def _missing_value_faults(folder: Path, entries: pd.DataFrame, suppressed: pd.DataFrame) -> list[str]:
    required = (
        (f"{artifacts.LIST} and {artifacts.CONTROL}", entries, ("customer_id", "rank")),
        (artifacts.SUPPRESSED, suppressed, ("customer_id", "rule")),
    )
    return [
        f"{folder}: {int(table[name].isna().sum()):,} rows of {files} have no {name}. {_AGAIN}"
        for files, table, names in required
        for name in names
        if table[name].isna().any()
    ]


def _row_faults(
    folder: Path, listed: pd.DataFrame, all_ids: pd.Series[str], manifest: dict[str, Any], as_of: str
) -> list[str]:
    faults = []
    days = sorted({f"{day:%Y-%m-%d}" for day in pd.to_datetime(listed["as_of"].dropna().unique())})
    if days not in ([as_of], []) or manifest.get("as_of") != as_of:
        faults.append(f"{folder}: the list is for {', '.join(days)}, not for {as_of}. {_AGAIN}")
    ids = sorted(set(listed["list_id"].dropna()))
    if ids not in ([manifest["list_id"]], []):
        faults.append(f"{folder}: the list is {', '.join(ids)}, its manifest speaks of {manifest['list_id']}. {_AGAIN}")
    repeated = sorted(set(all_ids[all_ids.duplicated()]))
    if repeated:
        faults.append(
            f"{folder}: {len(repeated):,} customers are in more than one of {artifacts.LIST}, {artifacts.CONTROL} and "
            f"{artifacts.SUPPRESSED} ({', '.join(repeated[:5])}). {_AGAIN}"
        )
    return faults


def _campaign(manifest: dict[str, Any], running: str | None) -> str:
    """The manifest's, else the one that runs, else the definition that ranks the list."""
    entry = manifest.get("campaign")
    name = entry.get("name") if isinstance(entry, dict) else entry
    return str(name or running or manifest["definition"])
