"""A customer goes out of every kind of file, everybody else stays, and numbers that only look like the id stay too."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipelines.erasure.dvc_cache import purge
from pipelines.erasure.formats import UnreadableError, holds, without
from pipelines.erasure.ledger_rows import distinctive
from pipelines.rendering.files import write_xlsx

NAMES = frozenset({"7"})
ROWS = [("5", 7.0, "called 7 times"), ("7", 1.0, "only of seven"), ("77", 2.0, "7.5 days")]


def made(path: Path) -> Path:
    frame = pd.DataFrame(ROWS, columns=["customer_id", "value", "note"])
    records = frame.to_dict("records")
    match path.suffix:
        case ".csv":
            path.write_bytes(frame.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig"))
        case ".parquet":
            frame.to_parquet(path)
        case ".json":
            path.write_text(json.dumps({"n": 7, "7": 1, "of": records, "sizes": ["5", "7", "77"]}))
        case ".jsonl":
            path.write_text("".join(json.dumps(one) + "\n" for one in records))
        case ".html":
            data = json.dumps({"fields": ["n", "customer_id"], "rows": [[7, "5"], [1, "7"], [2, "77"]]})
            path.write_text(f'<!doctype html><p>7 days</p><script type="application/json" id="data">{data}</script>')
        case ".xlsx":
            write_xlsx(frame.assign(as_of="2024-03-04"), path, {}, figures=[("7", 7.0, "money"), ("7", "7", "text")])
        case ".sqlite":
            with closing(sqlite3.connect(path)) as con, con:
                frame.to_sql("ledger", con, index=False)
    return path


def ids(path: Path) -> Any:
    match path.suffix:
        case ".csv":
            return [str(one) for one in pd.read_csv(path)["customer_id"]]
        case ".parquet":
            return pq.read_table(path)["customer_id"].to_pylist()
        case ".json":
            content = json.loads(path.read_text())
            assert content["n"] == 7
            assert content["sizes"] == ["5", "7", "77"]
            return [one["customer_id"] for one in content["of"]]
        case ".jsonl":
            return [json.loads(line)["customer_id"] for line in path.read_text().splitlines()]
        case ".html":
            assert "<p>7 days</p>" in path.read_text()
            return [row[1] for row in json.loads(path.read_text().partition('"data">')[2].partition("<")[0])["rows"]]
        case ".xlsx":
            rows = list(openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True))
            return [row[0] for row in rows if row[0] and row[0] in ("5", "7", "77")]
        case _:
            with closing(sqlite3.connect(path)) as con:
                return [one for (one,) in con.execute("select customer_id from ledger")]


@pytest.mark.parametrize("ending", ["csv", "parquet", "json", "jsonl", "html", "xlsx", "sqlite"])
def test_one_customer_goes_and_the_others_stay(tmp_path: Path, ending: str) -> None:
    path = made(tmp_path / f"file.{ending}")
    new = tmp_path / "new"
    assert holds(path, NAMES)
    assert without(path, NAMES, new)
    path.write_bytes(new.read_bytes())
    assert ids(path) == ["5", "77"]
    assert b"only of seven" not in path.read_bytes()
    assert not holds(path, NAMES)


def test_a_workbook_without_a_customer_is_the_one_that_would_have_been_written(tmp_path: Path) -> None:
    path, new, wanted = made(tmp_path / "list.xlsx"), tmp_path / "new.xlsx", tmp_path / "wanted.xlsx"
    frame = pd.DataFrame([ROWS[0], ROWS[2]], columns=["customer_id", "value", "note"]).assign(as_of="2024-03-04")
    write_xlsx(frame, wanted, {}, figures=[("7", 7.0, "money"), ("7", "7", "text")])
    assert without(path, NAMES, new)
    assert new.read_bytes() == wanted.read_bytes()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_that_a_spreadsheet_saved_is_read_with_its_own_delimiter(tmp_path: Path, delimiter: str) -> None:
    path, new = tmp_path / "saved.csv", tmp_path / "new.csv"
    path.write_text(f"rank{delimiter}customer_id\n1{delimiter}7\n7{delimiter}'-7\n", encoding="cp1252")
    assert without(path, NAMES, new)
    assert new.read_text() == f"rank{delimiter}customer_id\n7{delimiter}'-7\n"
    assert holds(path, frozenset({"-7"})), "a cell that was defused"
    assert not holds(path, frozenset({"'-7"}))


@pytest.mark.parametrize("ending", ["parquet", "xlsx", "sqlite"])
def test_what_cannot_be_read_is_said(tmp_path: Path, ending: str) -> None:
    path = made(tmp_path / f"list.{ending}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadableError, match="cannot be read"):
        holds(path, NAMES)


def test_what_is_an_id_wherever_it_stands() -> None:
    words = ("cust-1", "zoe@example.org", "A1B2", "7", "low", "call-back", "2024-03-04", "v2", "-")
    assert distinctive(words) == {"cust-1", "zoe@example.org", "A1B2"}


def test_a_cache_loses_objects_listings_and_remembered_runs(tmp_path: Path) -> None:
    def put(digest: str, content: str) -> Path:
        path = tmp_path / "files" / "md5" / digest[:2] / digest[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(0o444)
        return path

    mine, other = put("aa01", "customer_id,value\n7,1\n"), put("bb01", "customer_id,value\n5,7\n")
    listing = put("cc01.dir", json.dumps([{"md5": "aa01", "relpath": "a.csv"}, {"md5": "bb01", "relpath": "b.csv"}]))
    fine = put("dd01.dir", json.dumps([{"md5": "bb01", "relpath": "b.csv"}]))
    runs = tmp_path / "runs" / "ee" / "eef"
    runs.mkdir(parents=True)
    moment = "params: {params.yaml: {observations.train.until: '2024-12-02'}}\n"
    (runs / "one").write_text(f"cmd: x\n{moment}outs: [{{path: data/a, md5: cc01.dir}}]\n")
    (runs / "two").write_text("cmd: x\nouts: [{path: data/b, md5: dd01.dir}, {path: c, md5: zz, cache: false}]\n")
    gone = purge(tmp_path, NAMES)
    assert gone.objects == {"aa01", "cc01.dir"}
    assert gone.runs == ["data/a (2024-12-02)"]
    assert [path.exists() for path in (mine, other, listing, fine)] == [False, True, False, True]
    assert [path.name for path in runs.iterdir()] == ["two"]
    assert purge(tmp_path, NAMES).objects == set()


@pytest.mark.parametrize("name", ["7", "low"])
def test_a_number_or_word_that_may_mean_anything_is_left_alone_where_nothing_says_it_is_an_id(
    tmp_path: Path, name: str
) -> None:
    curve, registry = tmp_path / "roc.csv", tmp_path / "mlflow.db"
    curve.write_text("threshold,tier\n7,low\n")
    with closing(sqlite3.connect(registry)) as con, con:
        con.execute("create table versions (version integer, risk text)")
        con.execute("insert into versions values (7, 'low')")
    for path in (curve, registry):
        before = path.read_bytes()
        assert not holds(path, frozenset({name}))
        assert path.read_bytes() == before
