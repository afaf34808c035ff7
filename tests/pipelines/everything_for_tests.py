"""A project with customers in every store that there is, and what each holds, read by other code than erasure's."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd

from pipelines.checks.page import write_page
from pipelines.commands.score.resume import Parts
from pipelines.publishing.written import note_written
from pipelines.runtime import journal
from pipelines.runtime.files import write_json
from pipelines.runtime.text.spreadsheet_text import defused, undefused
from pipelines.settings.params import Settings
from pipelines.sources.privacy import vault
from pipelines.stages.make_list import make_list
from tests.pipelines import lists_for_tests
from tests.pipelines.sections_for_tests import export, feedback, publish

IDS = (
    *("0", "-", "7", "07", "77", "-7", "'-7", "''-7", "0.0", "1e5", "inf", "nan", "None", "null", "true", "a", "a-1"),
    *("a-12", "cust-1", "cust-12", "..", "../data", "*", "%", "_", "low", "contact", "manifest", "files", "list_id"),
    *("customer_id", "at_risk.csv", "2024-03-04", "=1+1", "'=1+1", "x,y", 'x"y', "x;y", "<b>", "</script>", "Ünal Ö"),
    *(" a", "'", '"', "\\", "script", "data", "silent_28d", "4711", "+49 170", "a b c", "zoë@example.org", "x'y"),
)
"""Numbers, words of the files, punctuation, beginnings of others, what spreadsheets and SQL take for something else."""
OUTSIDE = Path("elsewhere/scores.parquet")
WITHOUT_DVC = "[core]\n    no_scm = true\n    analytics = false\n"
Rows = dict[str, list[str]]


def settings() -> Settings:
    return lists_for_tests.settings(capacity=60)


def build() -> None:
    """In the present folder, which is empty."""
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text(WITHOUT_DVC)
    shop = lists_for_tests.shop(Path(), ids=IDS)
    make_list(settings(), shop.inputs, shop.out)
    publish(lists_for_tests.DAY, settings(), lambda _: None)
    _reports(shop.data / "validation")
    everybody = pd.DataFrame({"customer_id": IDS, "value": range(len(IDS))})
    for place in ("labels/silent_28d", "models/silent_28d/predictions", "weekly/2024-02-26/scores/silent_28d"):
        _table(everybody, shop.data / f"{place}.parquet")
    vault.add({hashlib.sha256(one.encode()).hexdigest()[:32]: one for one in IDS})
    _told_by_the_team()
    export(settings())
    export(settings(), Path("outbox"))
    note_written(OUTSIDE)
    _table(everybody, OUTSIDE)
    _table(everybody, Parts(OUTSIDE).folder / "scores/000-100.parquet")
    Path("mlartifacts").mkdir()
    everybody.to_csv("mlartifacts/rows.csv", index=False)
    _of_sources(everybody)
    _cache(shop.data)


def _reports(folder: Path) -> None:
    rows = [{"customer_id": one, "value": str(place)} for place, one in enumerate(IDS)]
    entry = {"statement": "s", "passed": False, "observed": "o", "allowed": "a", "offending": rows}
    entry |= {"unexpected_count": len(rows), "unexpected_share": 1.0, "expectation": "e", "column": "value"}
    report = {"suite": "activity", "subject": "train", "passed": False, "rows": 9, "checks": 1, "failed": 1}
    report |= {"notes": [f"Without a customer: {one}" for one in IDS], "expectations": [entry]}
    write_json(folder / "activity_train.json", report)
    write_page([report], folder / "activity_train.html")


def _table(table: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path, index=False)


def _told_by_the_team() -> None:
    listed = pd.read_parquet(f"data/at_risk/{lists_for_tests.DAY}/at_risk.parquet")["customer_id"]
    ids = [defused(one) for one in listed if one == one.strip()]
    told = pd.DataFrame({"customer_id": ids, "when": "2024-03-12", "what": "reached", "note": "called 0 - low a-1 7"})
    told.to_csv("team.csv", index=False)
    feedback(Path("team.csv"), settings(), lambda _: None, now=datetime(2024, 4, 1, tzinfo=UTC))
    Path("team.csv").unlink()


def _of_sources(everybody: pd.DataFrame) -> None:
    """Texts of sources: they go, whoever is forgotten."""
    _table(everybody.rename(columns={"customer_id": "who"}), Path("data/landing/shop/ab/2024-02.parquet"))
    everybody.assign(source="shop").to_csv("data/validation/unmatched_train.csv", index=False)
    Path("data/validation/quarantine_train.csv").write_text("source,file,line,reason\nshop,x,1,'0'\n")
    (vault.FOLDER / vault.FAULTS).write_text("0 is two customers\n")
    journal.FILE.parent.mkdir(parents=True, exist_ok=True)
    journal.FILE.write_text('{"run": "", "stage": "pull", "event": "note", "text": "customer 0 is new"}\n')


def _cache(data: Path) -> None:
    """Objects of every kind, a folder of them, and one that speaks of nobody."""
    for path in [
        *sorted(data.glob("at_risk/*/*")),
        *sorted(data.glob("validation/*")),
        data / "scores/silent_28d.parquet",
    ]:
        digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        place = Path(".dvc/cache/files/md5", digest[:2], digest[2:])
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    nobody = Path(".dvc/cache/files/md5/aa/" + "b" * 30)
    nobody.parent.mkdir(parents=True, exist_ok=True)
    nobody.write_text("threshold,tier\n0,low\n")


def held() -> Rows:
    """File -> what it says, row by row, the customer's id first; files that hold no rows with what they are."""
    files = (path for path in sorted(Path().rglob("*")) if path.is_file())
    ours = (path for path in files if (path.suffix != ".lock" and path.parts[0] != ".dvc") or "cache" in path.parts)
    return {path.as_posix(): _rows(path) for path in ours}


def _rows(path: Path) -> list[str]:
    raw = path.read_bytes()
    if raw[:4] == b"PAR1":
        return _told(pd.read_parquet(path))
    if raw[:6] == b"SQLite":
        return _in_database(path)
    if raw[:2] == b"PK":
        sheet = openpyxl.load_workbook(io.BytesIO(raw)).worksheets[0]
        rows = [list(map(str, row)) for row in sheet.iter_rows(values_only=True)]
        header = next(place for place, row in enumerate(rows) if "customer_id" in row or "Customer" in row)
        names = ["customer_id" if name == "Customer" else name for name in rows[header]]
        return _told(pd.DataFrame(rows[header + 1 :], columns=names))
    text = raw.decode("utf-8-sig", "replace")
    if text.startswith("<!doctype html") and (found := re.search(r'id="data">(.*?)</script>', text, re.DOTALL)):
        content = json.loads(found[1])
        return _told(pd.DataFrame(content["rows"], columns=content["fields"]))
    if text.split("\n")[0].count("customer_id"):
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        return _told(table.assign(customer_id=table["customer_id"].map(undefused)))
    if '"offending"' in text:
        return [json.dumps(row) for row in json.loads(text)["expectations"][0]["offending"]]
    return []


def _told(table: pd.DataFrame) -> list[str]:
    if "customer_id" not in table.columns:
        return []
    first = ["customer_id", *(name for name in table.columns if name not in ("customer_id", "timeline"))]
    return [json.dumps({name: str(value) for name, value in row.items()}) for row in table[first].to_dict("records")]


def _in_database(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as con:
        tables = [name for (name,) in con.execute("select name from sqlite_master where type = 'table'")]
        frames = [pd.read_sql_query(f'select * from "{table}"', con) for table in tables]
    own = [frame.drop(columns=["number"], errors="ignore") for frame in frames]
    return sorted(row for frame in own for row in _told(frame.astype(str)))


def customer_of(row: str) -> str:
    """Of a row of `held`."""
    told: dict[str, Any] = json.loads(row)
    return str(told["customer_id"])
