"""A customer goes out of every kind of file, everybody else stays, and numbers that only look like the id stay too."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from pipelines.erasure.dvc_cache import purge
from pipelines.erasure.redact import redact
from pipelines.erasure.search import kind_of, mentions

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
            path.write_text(json.dumps({"n": 7, "7": 1, "of": records, "ids": ["5", "7", "77"]}))
        case ".jsonl":
            path.write_text("".join(json.dumps(one) + "\n" for one in records))
        case ".html":
            data = json.dumps({"fields": ["id", "n"], "rows": [["5", 7], ["7", 1], ["77", 2]]})
            path.write_text(f'<!doctype html><p>7 days</p><script type="application/json" id="data">{data}</script>')
        case ".xlsx":
            with xlsxwriter.Workbook(str(path)) as book:
                sheet = book.add_worksheet()
                for i, row in enumerate([tuple(frame.columns), *ROWS]):
                    sheet.write_string(i, 0, str(row[0]))
                    sheet.write(i, 1, row[1])
                    sheet.write_string(i, 2, str(row[2]))
        case ".sqlite":
            with closing(sqlite3.connect(path)) as con, con:
                frame.to_sql("ledger", con, index=False)
        case ".txt":
            path.write_text("nothing\n")
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
            assert content["ids"] == ["5", "77"]
            return [one["customer_id"] for one in content["of"]]
        case ".jsonl":
            return [json.loads(line)["customer_id"] for line in path.read_text().splitlines()]
        case ".html":
            assert "<p>7 days</p>" in path.read_text()
            return [row[0] for row in json.loads(path.read_text().partition('"data">')[2].partition("<")[0])["rows"]]
        case ".xlsx":
            rows = list(openpyxl.load_workbook(path).active.iter_rows(values_only=True))
            return [row[0] for row in rows[1:] if row[0]]
        case _:
            with closing(sqlite3.connect(path)) as con:
                return [one for (one,) in con.execute("select customer_id from ledger")]


@pytest.mark.parametrize("ending", ["csv", "parquet", "json", "jsonl", "html", "xlsx", "sqlite"])
def test_one_customer_goes_and_the_others_stay(tmp_path: Path, ending: str) -> None:
    path = made(tmp_path / f"file.{ending}")
    assert mentions(path, NAMES, loose=False)
    assert redact(path, NAMES) == "taken out"
    assert ids(path) == ["5", "77"]
    assert b"only of seven" not in path.read_bytes()
    before = path.read_bytes()
    assert redact(path, NAMES) == ""
    assert path.read_bytes() == before


def test_texts_that_only_the_customer_had_leave_the_workbook(tmp_path: Path) -> None:
    path = made(tmp_path / "list.xlsx")
    redact(path, NAMES)
    cells = [cell for row in openpyxl.load_workbook(path).active.iter_rows(values_only=True) for cell in row]
    assert "only of seven" not in cells
    assert "called 7 times" in cells


def test_what_cannot_be_edited_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Call anna-1 back.")
    assert redact(path, frozenset({"anna-1"})) == "deleted"
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "found"),
    [("anna-1", True), ("x anna-1.", True), ("anna-12", False), ("xanna-1", False), ("anna-1.5", False)],
)
def test_an_id_is_a_whole_word(tmp_path: Path, text: str, found: bool) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(text)
    assert mentions(path, frozenset({"anna-1"}), loose=False) is found


def test_a_duckdb_file_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "landing"
    with duckdb.connect(str(path)) as con:
        con.execute("create table rows as select 'anna-1' as who")
    assert kind_of(path) == "duckdb"
    assert mentions(path, frozenset({"anna-1"}), loose=True)
    assert not mentions(path, frozenset({"anna-2"}), loose=True)


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
        assert redact(path, frozenset({name})) == ""
        assert path.read_bytes() == before
