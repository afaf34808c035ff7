from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.decision import LIST_COLUMNS
from pipelines.sinks import list_files, wording
from pipelines.sinks.language import Language
from pipelines.sinks.terminal import list_preview
from tests.pipelines.lists_for_tests import DAY, settings

FACTS = wording.column_facts(settings(), 0.14, {"very high": 0.49, "high": 0.33, "medium": 0.14}, has_money=True)


def a_list(**changes: object) -> pd.DataFrame:
    """Two customers; `changes` are values of the first."""
    first = dict(zip(LIST_COLUMNS, [1, "0042", 0.712345, "very high", 120.5, 85.837573, "regular"], strict=False))
    first |= {"reason_1": "Last order 41 days ago", "reason_2": "", "reason_3": ""}
    first |= {"as_of": pd.Timestamp(DAY).date(), "model_version": "ab", "list_id": "cd"} | changes
    second = first | {"rank": 2, "customer_id": "Ünal, Çağla", "churn_probability": 0.5, "value_at_risk": 12.0}
    return pd.DataFrame([first, second])


def cells(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+49123", "'+49123"),
        ("-7", "'-7"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1+1", "'  =1+1"),
        ("\t=1+1", "'\t=1+1"),
        ("\r\n=1", "'\r\n=1"),
        ("＝1+1", "'＝1+1"),
        ("0042", "0042"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_no_cell_is_run_as_a_formula(text: str, written: str) -> None:
    assert list_files.defused(text) == written


def test_csv_opens_right_in_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "at_risk.csv"
    list_files.write_csv(a_list(reason_1='=HYPERLINK("x")', segment='say "hi", twice'), path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbfrank,customer_id,")
    first, second = cells(path)
    assert first["customer_id"] == "0042"
    assert (first["churn_probability"], first["value_at_risk"], first["as_of"]) == ("0.712345", "85.84", DAY)
    assert first["reason_1"] == '\'=HYPERLINK("x")'
    assert first["segment"] == 'say "hi", twice'
    assert second["customer_id"] == "Ünal, Çağla"


def test_csv_without_money_has_empty_cells(tmp_path: Path) -> None:
    path = tmp_path / "at_risk.csv"
    list_files.write_csv(a_list(expected_value=float("nan"), value_at_risk=float("nan")), path)
    assert [cells(path)[0][name] for name in list_files.MONEY] == ["", ""]


def test_parquet_is_exact_and_typed(tmp_path: Path) -> None:
    path = tmp_path / "at_risk.parquet"
    table = a_list(reason_1="=1").assign(churn_probability_silent_56d=[0.25, float("nan")])
    list_files.write_list_parquet(table, path)
    found = pq.read_table(path)
    assert found.schema.field("rank").type == pa.int32()
    assert found.schema.field("as_of").type == pa.date32()
    assert found.schema.field("churn_probability_silent_56d").type == pa.float64()
    assert found["value_at_risk"].to_pylist() == [85.837573, 12.0]
    assert found["reason_1"].to_pylist()[0] == "=1"


def test_xlsx_has_filters_a_frozen_header_formats_and_a_sheet_about_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "at_risk.xlsx"
    list_files.write_xlsx(a_list(reason_1="=1+1", reason_2="http://x.example"), path, FACTS)
    book = openpyxl.load_workbook(path)
    sheet, about = book["At risk"], book["What the columns mean"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("C2", "A1:M3")
    assert [cell.value for cell in sheet[1]] == list(LIST_COLUMNS)
    row = dict(zip(LIST_COLUMNS, sheet[2], strict=True))
    assert row["customer_id"].value == "0042"
    assert (row["churn_probability"].value, row["churn_probability"].number_format) == (0.712345, "0.0%")
    assert row["value_at_risk"].number_format == "#,##0.00"
    assert row["as_of"].value == datetime.fromisoformat(DAY)
    assert (row["reason_1"].value, row["reason_1"].data_type) == ("=1+1", "s")
    assert row["reason_2"].hyperlink is None
    told = {line[0].value: line[1].value for line in about.iter_rows(min_row=2)}
    assert list(told) == list(LIST_COLUMNS)
    assert "Very high: 49% and more. High: 33% to 49%." in told["risk_tier"]
    assert "no order in the next 28 days" in told["churn_probability"]


@pytest.mark.parametrize("kind", ["csv", "parquet", "xlsx"])
def test_the_same_list_gives_the_same_bytes(tmp_path: Path, kind: str) -> None:
    write = {"csv": list_files.write_csv, "parquet": list_files.write_list_parquet}
    made = []
    for name in ("one", "two"):
        path = tmp_path / f"{name}.{kind}"
        list_files.write_xlsx(a_list(), path, FACTS) if kind == "xlsx" else write[kind](a_list(), path)
        made.append(path.read_bytes())
    assert made[0] == made[1]


def test_further_definitions_are_explained() -> None:
    assert "another definition, silent_56d" in wording.column_words("churn_probability_silent_56d", FACTS)


@pytest.mark.parametrize(
    ("value", "currency", "said"),
    [
        (1234.5, "USD", "$1,234"),
        (12.5, "EUR", "€12.50"),
        (12.5, "JPY", "¥12"),
        (99.999, "GBP", "£100.00"),
        (-3.0, "USD", "-$3.00"),
        (1500.0, "CHF", "CHF 1,500"),
        (float("nan"), "USD", ""),
    ],
)
def test_money_in_words(value: float, currency: str, said: str) -> None:
    assert wording.money(value, currency) == said


@pytest.mark.parametrize(
    ("share", "said"), [(0.137, "14%"), (0.004, "0.4%"), (0.996, "99.6%"), (0.0, "0%"), (1.0, "100%")]
)
def test_shares_in_words(share: float, said: str) -> None:
    assert wording.percent(share) == said


def test_the_preview_is_readable_and_says_how_many_more(tmp_path: Path) -> None:
    shown = list_preview(pd.concat([a_list()] * 8), rows=10)
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 120
    assert "$85.84" in shown
    assert "71%" in shown
    assert "Last order 41 days ago" in shown
    assert lines[-1] == "... and 6 more"
    assert "\x1b" not in shown


def test_the_preview_shows_brackets_as_they_are_and_no_control_characters() -> None:
    shown = list_preview(a_list(customer_id="[red]x\x1b[31m", value_at_risk=float("nan"), expected_value=float("nan")))
    assert "[red]x [31m" in shown
    assert list_preview(a_list(value_at_risk=1.0), rows=1, language=Language(currency="EUR")).count("€1.00") == 1
