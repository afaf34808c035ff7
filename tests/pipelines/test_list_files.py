from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.decision.ranking import LIST_COLUMNS, SUPPRESSED_COLUMNS
from pipelines.rendering import columns, files, headings, highlights, wording
from pipelines.rendering.context import Week
from pipelines.rendering.language.language import Language
from pipelines.rendering.terminal import list_preview
from pipelines.rendering.workbook_again import customers_in, without_customers
from pipelines.settings.campaign.at_risk import languages
from tests.pipelines.lists_for_tests import DAY, METRICS, decided, made, moment, settings, week

FACTS = wording.column_facts(
    moment(), 0.14, {"very high": 0.49, "high": 0.33, "medium": 0.14}, Language(), has_money=True
)


def a_list(**changes: object) -> pd.DataFrame:
    """Two customers; `changes` are values of the first."""
    first = dict.fromkeys(LIST_COLUMNS, "") | {"rank": 1, "customer_id": "0042", "churn_probability": 0.712345}
    first |= {"risk_tier": "very high", "expected_value": 120.5, "value_at_risk": 85.837573, "segment": "regular"}
    first |= {
        "expected_net_value": 12.5,
        "send_by": pd.Timestamp(DAY).date(),
        "reason_1": "Last order 41 days ago",
        "reason_2": "",
        "reason_3": "",
    }
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
    assert files.defused(text) == written


def test_csv_opens_right_in_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "at_risk.csv"
    files.write_csv(a_list(reason_1='=HYPERLINK("x")', segment='say "hi", twice'), path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbfrank,customer_id,")
    first, second = cells(path)
    assert first["customer_id"] == "0042"
    assert (first["churn_probability"], first["value_at_risk"], first["as_of"]) == ("0.712345", "85.84", DAY)
    assert first["reason_1"] == '\'=HYPERLINK("x")'
    assert first["segment"] == 'say "hi", twice'
    assert second["customer_id"] == "Ünal, Çağla"


def test_csv_without_money_has_empty_cells(tmp_path: Path) -> None:
    path = tmp_path / "at_risk.csv"
    files.write_csv(a_list(expected_value=float("nan"), value_at_risk=float("nan")), path)
    assert [cells(path)[0][name] for name in ("expected_value", "value_at_risk")] == ["", ""]


def test_parquet_is_exact_and_typed(tmp_path: Path) -> None:
    path = tmp_path / "at_risk.parquet"
    table = a_list(reason_1="=1").assign(churn_probability_silent_56d=[0.25, float("nan")])
    files.write_list_parquet(table, path)
    found = pq.read_table(path)
    assert found.schema.field("rank").type == pa.int32()
    assert found.schema.field("as_of").type == pa.date32()
    assert found.schema.field("churn_probability_silent_56d").type == pa.float64()
    assert found["value_at_risk"].to_pylist() == [85.837573, 12.0]
    assert found["reason_1"].to_pylist()[0] == "=1"


def test_xlsx_has_filters_a_frozen_header_formats_and_a_sheet_about_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "at_risk.xlsx"
    files.write_xlsx(a_list(reason_1="=1+1", reason_2="http://x.example"), path, FACTS)
    book = openpyxl.load_workbook(path)
    sheet, about = book["At risk"], book["What the columns mean"]
    assert sheet["A1"].value == columns.NO_CONTACT
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("C3", "A2:X4")
    names = headings.in_order(LIST_COLUMNS)
    assert [cell.value for cell in sheet[2]] == [headings.heading(name, Language()) for name in names]
    assert [headings.column_of(cell.value) for cell in sheet[2]] == names
    row = dict(zip(names, sheet[3], strict=True))
    assert row["customer_id"].value == "0042"
    assert (row["churn_probability"].value, row["churn_probability"].number_format) == (0.712345, "0.0%")
    assert row["value_at_risk"].number_format == "#,##0.00"
    assert row["as_of"].value == datetime.fromisoformat(DAY)
    assert (row["reason_1"].value, row["reason_1"].data_type) == ("=1+1", "s")
    assert row["reason_2"].hyperlink is None
    told = {line[2].value: line[1].value for line in about.iter_rows(min_row=2)}
    assert list(told) == names
    assert "Very high: 49% and more. High: 33% to 49%." in told["risk_tier"]
    assert "no order in the next 28 days" in told["churn_probability"]


def full_list() -> pd.DataFrame:
    """Every column that a list can have; the second customer has as little as possible."""
    table = a_list(expected_value=None)
    more = {
        "expected_net_value": [23.456, None],
        "change": ["Risk up from 31% to 48%", None],
        "action": ["=call()", None],
        "channel": ["phone", None],
        "owner": ["Kim", float("nan")],
        "send_by": [pd.Timestamp("2024-03-08"), None],
        "group": ["contact", "contact"],
        "name": ["Zoë Ünal", None],
        "email": ["zoe@example.org", None],
        "phone": ["+44 20 7946 0100", ""],
    }
    return table.assign(**more)


def test_columns_that_are_empty_stay_empty_in_every_kind_of_file(tmp_path: Path) -> None:
    table = full_list()
    files.write_csv(table, tmp_path / "at_risk.csv")
    first, second = cells(tmp_path / "at_risk.csv")
    assert {name: second[name] for name in ("expected_net_value", "change", "action", "owner", "send_by", "phone")} == (
        dict.fromkeys(("expected_net_value", "change", "action", "owner", "send_by", "phone"), "")
    )
    assert (first["expected_net_value"], first["send_by"], first["expected_value"]) == ("23.46", "2024-03-08", "")
    assert (first["action"], first["phone"]) == ("'=call()", "'+44 20 7946 0100")

    files.write_list_parquet(table, tmp_path / "at_risk.parquet")
    found = pq.read_table(tmp_path / "at_risk.parquet")
    assert found.schema.field("send_by").type == pa.date32()
    assert found["action"].to_pylist() == ["=call()", None]
    assert found["expected_net_value"].to_pylist() == [23.456, None]

    files.write_xlsx(table, tmp_path / "at_risk.xlsx", FACTS)
    sheet = openpyxl.load_workbook(tmp_path / "at_risk.xlsx")["At risk"]
    names = headings.in_order(list(table.columns))
    rows = [dict(zip(names, line, strict=True)) for line in sheet.iter_rows(min_row=2)]
    assert (rows[0]["send_by"].value, rows[0]["send_by"].number_format) == (
        datetime.fromisoformat("2024-03-08"),
        "yyyy-mm-dd",
    )
    assert (rows[0]["action"].value, rows[0]["action"].data_type) == ("=call()", "s")
    assert (rows[0]["expected_net_value"].value, rows[1]["expected_net_value"].value) == (23.456, None)


def test_a_list_by_which_nobody_can_be_reached_says_so_to_people_and_not_in_the_csv(tmp_path: Path) -> None:
    alone = full_list().assign(email=None, phone="")
    assert files.notices(alone) == [columns.NO_CONTACT]
    assert files.notices(full_list()) == []
    files.write_csv(alone, tmp_path / "at_risk.csv")
    header = (tmp_path / "at_risk.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    assert header == ",".join(alone.columns)
    assert " ".join(list_preview(alone).split()).endswith(columns.NO_CONTACT)
    assert columns.NO_CONTACT not in " ".join(list_preview(full_list()).split())
    assert [row["customer_id"] for row in cells(tmp_path / "at_risk.csv")] == ["0042", "Ünal, Çağla"]


def test_the_control_group_cannot_be_contacted_from_its_file(tmp_path: Path) -> None:
    files.write_control(full_list().assign(group="control"), tmp_path / "control.csv")
    (first, _) = cells(tmp_path / "control.csv")
    assert first["group"] == "control"
    assert not {"name", "email", "phone"} & set(first)
    assert "zoe@example.org" not in (tmp_path / "control.csv").read_text(encoding="utf-8-sig")


def test_who_was_held_back_and_who_has_left_have_files_of_their_own(tmp_path: Path) -> None:
    held = pd.DataFrame({"customer_id": ["0042"], "rank": [7], "churn_probability": [0.5], "rule": ["open_complaint"]})
    held = held.assign(said="@They complained on 1 March 2024", as_of=pd.Timestamp(DAY).date(), list_id="cd")
    files.write_suppressed(held, tmp_path / "held_back.csv")
    (row,) = cells(tmp_path / "held_back.csv")
    assert tuple(row) == SUPPRESSED_COLUMNS
    assert row | {"rank": "7", "value_at_risk": "", "rule": "open_complaint", "as_of": DAY} == row
    assert row["said"] == "'@They complained on 1 March 2024"

    gone = pd.DataFrame({"customer_id": ["0007"], "last_activity": [pd.Timestamp("2023-12-01")]})
    gone = gone.assign(days_since_last=94, past_value=120.456, segment="hibernating", as_of=pd.Timestamp(DAY).date())
    files.write_win_back(gone, tmp_path / "win_back.csv")
    (row,) = cells(tmp_path / "win_back.csv")
    assert row == {
        "customer_id": "0007",
        "last_activity": "2023-12-01",
        "days_since_last": "94",
        "past_value": "120.46",
        "segment": "hibernating",
        "as_of": DAY,
    }


@pytest.mark.parametrize("write", [files.write_suppressed, files.write_win_back])
def test_nobody_is_a_file_with_a_header(tmp_path: Path, write: Callable[[pd.DataFrame, Path], None]) -> None:
    write(pd.DataFrame(), tmp_path / "nobody.csv")
    assert len((tmp_path / "nobody.csv").read_text(encoding="utf-8-sig").splitlines()) == 1
    assert cells(tmp_path / "nobody.csv") == []


def test_the_workbook_has_a_sheet_with_the_figures_of_the_week(tmp_path: Path) -> None:
    table, scores = made(20)
    figures = highlights.figures(table, scores, settings().at_risk, bound="capacity")
    told = highlights.trust(METRICS)
    lines = highlights.figure_lines(
        table, figures, told, Week(control=3, power="An effect below 9 points ..."), Language()
    )
    files.write_xlsx(table, tmp_path / "at_risk.xlsx", FACTS, figures=lines)
    sheet = openpyxl.load_workbook(tmp_path / "at_risk.xlsx")["The week"]
    found = {line[0].value: line[1] for line in sheet.iter_rows(min_row=2) if line[0].value}
    assert found["Customers on the list"].value == 20
    assert found["Average risk of leaving"].number_format == "0.0%"
    assert found["Money at risk on the list"].value == pytest.approx(table["value_at_risk"].sum(), abs=0.01)
    assert found["How far to trust it"].value.startswith("Good. Clearly better")
    said = [line[1].value for line in sheet.iter_rows(min_row=2) if not line[0].value]
    assert any("Left alone on purpose" in one for one in said)
    assert said[-1] == "An effect below 9 points ..."


@pytest.mark.parametrize("code", sorted(languages()))
def test_a_workbook_can_be_written_in_every_language(tmp_path: Path, code: str) -> None:
    chosen, language = settings().model_copy(update={"language": code}), Language(code)
    table, scores = made(20)
    rich = decided(table)
    figures, told = (
        highlights.figures(rich, scores, chosen.at_risk, bound="capacity"),
        highlights.trust(METRICS, "", language),
    )
    facts = wording.column_facts(moment(), 0.14, {"very high": 0.49}, language, has_money=True)
    lines = highlights.figure_lines(rich, figures, told, week(rich), language)
    files.write_xlsx(rich, tmp_path / "at_risk.xlsx", facts, figures=lines, language=language)
    book = openpyxl.load_workbook(tmp_path / "at_risk.xlsx")
    assert len(book.sheetnames) == 3
    about = [[cell.value for cell in line] for line in book.worksheets[1].iter_rows(min_row=2)]
    assert [line[2] for line in about] == headings.in_order(list(rich.columns))
    assert [headings.column_of(line[0]) for line in about] == [line[2] for line in about]
    assert not [line for line in about if not line[1] or "{" in line[1] or "definition" in line[1]]


def test_what_is_printed_fits_one_page_across_with_its_header_on_each(tmp_path: Path) -> None:
    files.write_xlsx(full_list(), tmp_path / "at_risk.xlsx", FACTS)
    sheet = openpyxl.load_workbook(tmp_path / "at_risk.xlsx")["At risk"]
    setup = sheet.page_setup
    assert (setup.orientation, setup.fitToWidth or 1, setup.fitToHeight) == (
        "landscape",
        1,
        0,
    )  # 1 where none is written
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.print_title_rows == "$1:$1"
    last = sheet.print_area.split("$")[-2]
    printed = [cell.value for cell in sheet[1]][: openpyxl.utils.column_index_from_string(last)]
    assert printed[-4:] == ["Contacted", "Reached", "Kept", "Note"]
    assert {"Customer", "Phone", "Risk of leaving", "What stands out", "What to do"} <= set(printed)
    width = sum(sheet.column_dimensions[openpyxl.utils.get_column_letter(at + 1)].width for at in range(len(printed)))
    assert width < 250, "else nobody can read it"
    assert all(cell.alignment.wrap_text for cell in sheet[2] if cell.value)


@pytest.mark.parametrize("code", sorted(languages()))
def test_a_workbook_made_again_without_somebody_is_the_same_besides(tmp_path: Path, code: str) -> None:
    language, path, again = Language(code), tmp_path / "at_risk.xlsx", tmp_path / "again.xlsx"
    table = full_list().assign(churn_probability_silent_56d=[0.25, 0.5])
    files.write_xlsx(table, path, FACTS, figures=[("One", 0.5, "chance")], language=language)
    assert customers_in(path) == set(table["customer_id"])
    assert without_customers(path, frozenset({"0042"}), again)
    whole, rest = openpyxl.load_workbook(path), openpyxl.load_workbook(again)
    assert customers_in(again) == set(table["customer_id"]) - {"0042"}
    assert whole.sheetnames == rest.sheetnames
    for sheet in whole.sheetnames[1:]:
        told = ([[cell.value for cell in row] for row in book[sheet].iter_rows()] for book in (whole, rest))
        assert next(told) == next(told)
    first, second = whole.worksheets[0], rest.worksheets[0]
    assert [cell.value for cell in first[1]] == [cell.value for cell in second[1]]
    assert [(cell.value, cell.number_format) for cell in first[3]] == [
        (cell.value, cell.number_format) for cell in second[2]
    ]
    assert first.print_area.split("$")[1:3] == second.print_area.split("$")[1:3]


def test_headings_are_found_again_in_every_language() -> None:
    for code in languages():
        language = Language(code)
        for name in (*headings.HEADINGS, "churn_probability_silent_56d"):
            assert headings.column_of(headings.heading(name, language)) == name
        assert headings.column_of("Umsatz") is None


@pytest.mark.parametrize("kind", ["csv", "parquet", "xlsx"])
def test_the_same_list_gives_the_same_bytes(tmp_path: Path, kind: str) -> None:
    write = {"csv": files.write_csv, "parquet": files.write_list_parquet}
    made = []
    for name in ("one", "two"):
        path = tmp_path / f"{name}.{kind}"
        files.write_xlsx(a_list(), path, FACTS) if kind == "xlsx" else write[kind](a_list(), path)
        made.append(path.read_bytes())
    assert made[0] == made[1]


def test_further_definitions_are_explained() -> None:
    assert "another definition, silent_56d" in wording.column_description("churn_probability_silent_56d", FACTS)


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
    assert lines[-3] == "... and 6 more"
    assert " ".join(lines[-2:]) == columns.NO_CONTACT
    assert "\x1b" not in shown


def test_the_preview_shows_brackets_as_they_are_and_no_control_characters() -> None:
    shown = list_preview(a_list(customer_id="[red]x\x1b[31m", value_at_risk=float("nan"), expected_value=float("nan")))
    assert "[red]x [31m" in shown
    assert list_preview(a_list(value_at_risk=1.0), rows=1, language=Language(currency="EUR")).count("€1.00") == 1
