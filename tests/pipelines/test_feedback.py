"""`churn feedback`: what a team may send, what is named when it is bad, and what becomes of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from features.windows import midnight
from pipelines.ledger import read
from pipelines.rendering.files import write_xlsx
from pipelines.rendering.headings import column_of
from pipelines.rendering.language.language import Language
from pipelines.rendering.wording import column_facts
from pipelines.runtime.errors import ChurnError
from pipelines.settings.params import Settings
from pipelines.sources.privacy.pseudonyms import keyed
from tests.pipelines.drafts_for_tests import settings, write_draft
from tests.pipelines.ledgers_for_tests import put
from tests.pipelines.lists_for_tests import moment
from tests.pipelines.sections_for_tests import feedback, publish

FIRST, SECOND = "2024-03-04", "2024-03-11"
PLAIN = settings()
NOW = datetime(2024, 4, 1, tzinfo=UTC)
HEAD = "customer_id,contacted,reached,kept,wrong,when,channel,note\n"
GOOD = HEAD + (
    "007,yes,yes,,no,2024-03-05,phone,wants a call\n"
    "a-1,no,,,,,,\n"
    '"b,2",,,yes,,2024-03-06T10:30:00+02:00,,\n'
    "a-1,,,,x,2024-03-12 09:15,,moved\n"
)


@pytest.fixture(autouse=True)
def _published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for day in (FIRST, SECOND):
        write_draft(day)
        publish(day, PLAIN, lambda _: None)


def report(text: str | bytes, name: str = "team.csv") -> Path:
    path = Path(name)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def taken(path: Path, using: Settings = PLAIN) -> list[str]:
    said: list[str] = []
    feedback(path, using, said.append, now=NOW)
    return said


def refused(text: str | bytes, name: str = "team.csv") -> list[str]:
    before = entries()
    with pytest.raises(ChurnError) as problem:
        taken(report(text, name))
    assert entries() == before, "nothing was written"
    return list(problem.value.faults)


def entries() -> list[tuple[str, str, str, str]]:
    found = read.history_before("2024-04-01", PLAIN.timezone).feedback
    when = [f"{one:%m-%d %H:%M}" for one in found["occurred_at"]]
    return sorted(zip(found["customer_id"], found["list_id"].str[5:15], when, found["what"], strict=True))


READ = [
    ("007", FIRST, "03-05 00:00", "contacted"),
    ("007", FIRST, "03-05 00:00", "reached"),
    ("a-1", SECOND, "03-12 09:15", "wrong"),
    ("b,2", FIRST, "03-06 08:30", "contacted"),
    ("b,2", FIRST, "03-06 08:30", "kept"),
]


def test_a_report_is_taken_into_the_ledger() -> None:
    assert taken(report(GOOD)) == ["team.csv: 4 rows: 2 contacted, 1 reached, 1 kept, 1 wrong."]
    assert entries() == READ
    found = read.history_before("2024-04-01", PLAIN.timezone).feedback
    assert set(found["channel"].fillna("")) == {"phone", ""}
    assert set(found["note"].fillna("")) == {"wants a call", "moved", ""}
    contacted = read.activity_frame("2024-04-01", PLAIN.timezone).query("activity == 'was_contacted'")
    assert list(contacted["customer_id"]) == ["007", "b,2"]


def test_the_same_file_again_is_a_no_op_and_so_is_the_same_row() -> None:
    taken(report(GOOD))
    assert taken(report(GOOD, "renamed.csv")) == ["renamed.csv: is in the ledger already; nothing was added."]
    assert entries() == READ
    longer = GOOD + "007,yes,,,,2024-03-13,email,\n"
    assert taken(report(longer))[1] == "5 of these were in the ledger already and count once."
    assert entries() == sorted([*READ, ("007", SECOND, "03-13 00:00", "contacted")])


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace(HEAD, "Customer-ID,Contacted,REACHED,Kept,wrong,Date,Via,Comment\n"),
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        GOOD.replace(",yes", ",TRUE").replace(",x,", ",1,"),
    ],
    ids=["names", "line ends", "byte order mark", "words"],
)
def test_columns_and_words_are_read_as_people_write_them(text: str) -> None:
    taken(report(text))
    assert entries() == READ


def test_semicolons_tabs_and_utf_16_are_read() -> None:
    taken(report("customer;when;what\n007;2024-03-05;contacted, reached\n"))
    taken(report("customer\twhen\twhat\na-1\t2024-03-12 09:15\twrong\n".encode("utf-16")))
    assert entries() == READ[:3]


DIGITS, WITH_E = "0012345678901234", "12345678901234e1"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (DIGITS, DIGITS),
        ("12345678901234", DIGITS),
        ("1.23457E+13", DIGITS),
        ("1,23457E+13", DIGITS),
        ("123456789012340", WITH_E),
        ("1.23457E+14", WITH_E),
    ],
)
def test_a_list_of_digits_is_found_after_a_spreadsheet_had_it(written: str, meant: str) -> None:
    for day, list_id in (("2024-03-18", DIGITS), ("2024-03-25", WITH_E)):
        put(day, "z contact 1 0.5", list_id=list_id)
    taken(report(f'customer_id,what,when,list_id\nz,reached,2024-03-26,"{written}"\n'))
    assert set(read.history_before("2024-04-01", PLAIN.timezone).feedback["list_id"]) == {meant}


def test_a_list_id_that_may_be_two_is_asked_for_in_full() -> None:
    for day, list_id in (("2024-03-18", "1234567890123456"), ("2024-03-25", "1234567890123457")):
        put(day, "z contact 1 0.5", list_id=list_id)
    assert refused("customer_id,what,when,list_id\nz,reached,2024-03-26,1.23457E+15\n")[0] == (
        "team.csv: line 2: list_id is '1.23457E+15', which may be 1234567890123456 or 1234567890123457. Write it in "
        "full, as text."
    )


def test_a_list_id_with_letters_is_no_number() -> None:
    assert "is on no published list 1e5" in refused("customer_id,what,when,list_id\n007,reached,2024-03-26,1e5\n")[0]


def test_a_workbook_is_read(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Customer ID", "when", "contacted", "reached", "wrong", "note"])
    sheet.append(["007", datetime(2024, 3, 5), True, "yes", None, None])  # noqa: DTZ001 - as Excel has it
    sheet.append([None, None, None, None, None, None])
    sheet.append(["a-1", datetime(2024, 3, 12, 9, 15), None, None, "x", 5.0])  # noqa: DTZ001 - as Excel has it
    book.save("team.xlsx")
    taken(Path("team.xlsx"))
    assert entries() == READ[:3]
    assert "5" in set(read.history_before("2024-04-01", PLAIN.timezone).feedback["note"].dropna())


def test_a_sentence_may_stand_above_the_header(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["No e-mail address is known for anyone on this list.", None, None])
    sheet.append(["customer_id", "rank", "segment", "contacted", "when"])
    sheet.append(["007", 1, "new", "yes", "2024-03-05"])
    sheet.append(["nobody", 2, "new", "yes", "2024-03-05"])
    book.save("at_risk.xlsx")
    assert (
        "at_risk.xlsx: line 4: customer nobody is on no published list"
        in refused(Path("at_risk.xlsx").read_bytes(), "at_risk.xlsx")[0]
    )
    sheet.delete_rows(4)
    book.save("at_risk.xlsx")
    assert taken(Path("at_risk.xlsx")) == ["at_risk.xlsx: 1 row: 1 contacted, 0 reached, 0 kept, 0 wrong."]


@pytest.mark.parametrize(("code", "yes"), [("en", "yes"), ("th", "ใช่")])
def test_the_lists_own_workbook_is_sent_back_as_it_is(code: str, yes: str) -> None:
    from openpyxl import load_workbook

    language = Language(code)
    table = pd.read_parquet(f"data/at_risk/{SECOND}/at_risk.parquet").assign(send_by=["2024-03-13", "2024-04-09", None])
    facts = column_facts(moment(), 0.14, {"very high": 0.49}, language, has_money=True)
    write_xlsx(table, Path("at_risk.xlsx"), facts, language=language)
    assert taken(Path("at_risk.xlsx"))[0] == "at_risk.xlsx: 3 rows: 0 contacted, 0 reached, 0 kept, 0 wrong."
    book = load_workbook("at_risk.xlsx")
    sheet = book.worksheets[0]
    names = [column_of(str(cell.value)) for cell in sheet[1]]
    for line, filled in ((2, {"contacted": yes, "reached": yes}), (3, {"kept": "x", "note": "stays"})):
        for name, cell in zip(names, sheet[line], strict=True):
            cell.value = filled.get(str(name), cell.value)
    book.save("filled.xlsx")
    taken(Path("filled.xlsx"))
    due, now = midnight("2024-03-13", PLAIN.timezone), midnight("2024-04-01", "UTC")
    with closing(sqlite3.connect(read.FILE)) as con:
        found = con.execute("select customer_id, what, occurred_at, list_id from feedback order by 1, 2").fetchall()
    listed = f"list-{SECOND}-3"
    assert found == [
        ("007", "contacted", due, listed),
        ("007", "reached", due, listed),
        ("a-1", "contacted", now, listed),  # to be done on 9 April: it cannot have been done later than now
        ("a-1", "kept", now, listed),
    ]


def test_every_bad_row_is_named_with_its_line_and_its_reasons() -> None:
    bad = GOOD + (
        "nobody,yes,,,,2024-03-05,,\n"
        "e-5,yes,,,,2024-03-05,,\n"
        "007,perhaps,,,,2024-03-05,,\n"
        "007,yes,,,,,,\n"
        "007,yes,,,,yesterday,,\n"
        "007,yes,,,,2024-05-01,,\n"
        "007,yes,,,,2024-03-01,,\n"
        "007,no,yes,,,2024-03-05,,\n"
        ',yes,,,,2024-03-05,,"two\nlines"\n'
        "007,yes,,,,2024-03-05,,a,b\n"
    )
    assert refused(bad) == [
        "team.csv: line 6: customer nobody is on no published list.",
        "team.csv: line 7: customer e-5 is on no published list: was held back (consent).",
        "team.csv: line 8: contacted is 'perhaps'. Allowed: yes, no, or nothing.",
        "team.csv: line 9: no when: the day (2017-12-05) or the time (2017-12-05 14:30, 2017-12-05T14:30:00+01:00).",
        "team.csv: line 10: when is 'yesterday'. Write 2017-12-05, 2017-12-05 14:30 or 2017-12-05T14:30:00+01:00.",
        "team.csv: line 11: when is '2024-05-01', which lies in the future.",
        "team.csv: line 12: customer 007 was on no list by then; the first was that of 2024-03-04.",
        "team.csv: line 13: reached is yes but contacted is no. Correct one of them.",
        "team.csv: line 14: no customer_id.",
        "team.csv: line 16: has 9 cells, the header has 8. Put text with commas in quotes.",
        "team.csv: 10 of 14 rows are bad, so nothing was written. Correct them and send the file again.",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("customer_id,when\n007,2024-03-05\n", "has none of the columns contacted, reached, kept, wrong."),
        ("contacted,note\nyes,x\n", "has no column customer_id. Its columns: contacted, note."),
        ("customer,id,when,kept\n007,7,2024-03-05,yes\n", "the columns 'customer' and 'id' both mean customer_id."),
        (HEAD, "has a header and no rows."),
        ("", "team.csv: is empty."),
        ("\n \n", "team.csv: is empty."),
        (b"customer_id,when,kept\n007,2024-03-05,\xff\xfe\xff\n", "is not UTF-8."),
        (b"PK\x05\x06" + b"\0" * 18, "is no workbook"),
    ],
)
def test_a_file_that_is_no_report_is_said(text: str | bytes, said: str) -> None:
    assert any(said in fault for fault in refused(text))


def test_a_missing_file_and_an_empty_ledger_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ChurnError, match="there is no such file"):
        taken(Path("nowhere.csv"))
    (tmp_path / "new").mkdir()
    monkeypatch.chdir(tmp_path / "new")
    with pytest.raises(ChurnError, match="nothing was ever published"):
        taken(report(GOOD))


def test_a_named_list_counts_and_a_replaced_one_is_still_one() -> None:
    taken(report("customer,when,what,list\n007,2024-03-20,contacted,list-2024-03-04-3\n"))
    write_draft(FIRST, "a-1 0.72 phone - -")
    publish(FIRST, PLAIN, lambda _: None, revise=True)
    taken(report("customer,when,what\n007,2024-03-06,reached\n"))
    assert [entry[:2] for entry in entries()] == [("007", FIRST)] * 3


def test_a_contact_with_the_control_group_is_taken_and_spoken_of() -> None:
    said = taken(
        report("customer,when,what\nc-3,2024-03-05,contacted\nc-3,2024-03-06,contacted\nd-4,2024-03-06,wrong\n")
    )
    assert said[1].startswith("1 of the contacted customers is in the control group, and nobody leaves it")
    assert len(entries()) == 3


def test_local_days_and_times_are_those_of_the_project() -> None:
    berlin = settings().model_copy(update={"timezone": "Europe/Berlin"})
    taken(report("customer,when,what\n007,2024-03-05,contacted\n007,2024-03-31 12:00,wrong\n"), berlin)
    assert [entry[2] for entry in entries()] == ["03-04 23:00", "03-31 10:00"]


def test_own_ids_are_translated_where_pseudonyms_are_on(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "a key for tests only, never used"
    monkeypatch.setenv("CHURN_ID_KEY", key)
    hashed = keyed(key.encode(), "Ann")
    write_draft("2024-03-18", f"{hashed} 0.9 phone - -")
    private = Settings.model_validate({**PLAIN.model_dump(), "privacy": {"pseudonymise": True}})
    publish("2024-03-18", private, lambda _: None)
    taken(report(f"customer,when,what\nAnn,2024-03-19,reached\n{hashed},2024-03-20,kept\n"), private)
    assert {entry[0] for entry in entries()} == {hashed}
    with closing(sqlite3.connect(read.FILE)) as con:
        assert "Ann" not in "\n".join(con.iterdump())
