"""Yes and no in the words of spreadsheets and people: conditions and contacts read them by one declaration."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.text.yes_no import NO, YES
from pipelines.settings.reading import ContactReading
from pipelines.sources.expressions.convert import as_yes_no
from pipelines.sources.readers.contacts import read_contacts
from tests.pipelines import test_contacts
from tests.pipelines.test_files import orders, read, stream

_CON = duckdb.connect()
PAIRS = [
    *[("TRUE", "FALSE"), ("WAHR", "FALSCH"), ("vrai", "faux"), ("VERDADERO", "FALSO"), ("Ja", "Nein"), ("oui", "non")],
    *[("Sí", "no"), ("จริง", "เท็จ"), ("ใช่", "ไม่ใช่"), ("1", "0"), ("Y", "N"), ("DOĞRU", "YANLIŞ"), ("ИСТИНА", "ЛОЖЬ")],
]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said(text: str) -> bool | None:
    found: bool | None = _CON.execute(f"select {as_yes_no('$1::varchar')}", [text]).fetchall()[0][0]
    return found


def test_no_word_is_yes_and_no() -> None:
    assert not set(YES) & set(NO)
    assert all(word == word.lower() == word.strip() for word in (*YES, *NO))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([*YES, *NO]), st.data())
def test_capitals_do_not_count(word: str, data: st.DataObject) -> None:
    capital = data.draw(st.sampled_from([str.upper, str.title, str.lower]))(word)
    assert said(capital) == (capital.lower() in YES)


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8))
def test_what_is_no_word_says_nothing(text: str) -> None:
    small = _CON.execute("select lower($1)", [text]).fetchall()[0][0]
    assert said(text) == (True if small in YES else False if small in NO else None)


def deleted(words: list[str], **rule: str) -> tuple[list[str], int]:
    """Whose orders are left of rows that say whether they were deleted; how many rows are bad."""
    rows = [f"c{i},2024-03-01,1,{word}\n" for i, word in enumerate(words)]
    con = read(orders("Kunde,Zeit,Betrag,weg\n" + "".join(rows), max_bad_share=1.0, **rule))
    return [who for (who,) in stream(con, "customer_id")], len(con.execute("select * from rejected").fetchall())


@pytest.mark.parametrize("rule", [{"exclude": "weg"}, {"where": "not weg or weg is null"}])
def test_a_condition_understands_them(rule: dict[str, str]) -> None:
    left = [f"c{i}" for i in range(1, 2 * len(PAIRS), 2)] + [f"c{2 * len(PAIRS)}"]
    words = [word for pair in PAIRS for word in pair]
    assert deleted([*words, ""], **rule) == (sorted(left), 0)


@pytest.mark.parametrize(
    "rule",
    [
        {"exclude": "weg"},
        {"exclude": "weg = true"},
        {"exclude": "weg in (true)"},
        {"exclude": "weg::boolean"},
        {"exclude": "Betrag > 9 or weg"},
        {"where": "not weg"},
        {"where": "case when Betrag > 9 then false else not weg end"},
    ],
)
def test_what_says_neither_makes_a_bad_row(rule: dict[str, str]) -> None:
    assert deleted(["WAHR", "FALSCH", "vielleicht"], **rule) == (["c1"], 1)


def test_a_text_is_compared_with_a_text_as_it_stands() -> None:
    assert deleted(["WAHR", "vielleicht"], exclude="weg = 'WAHR'") == (["c1"], 0)


def test_contacts_understand_them() -> None:
    rows = [f"{i},{yes},{no}" for i, (yes, no) in enumerate(PAIRS)]
    test_contacts.write(*rows, "x,,", header="customer_id,do_not_contact,consent_email")
    table = read_contacts(ContactReading.of(test_contacts.settings()))
    assert table["do_not_contact"].sum() == len(PAIRS)
    assert table["consent_email"].eq(other=False).sum() == len(PAIRS)


def test_contacts_refuse_what_says_neither() -> None:
    test_contacts.write("1,vielleicht", header="customer_id,do_not_contact")
    with pytest.raises(ChurnError, match="neither yes nor no"):
        read_contacts(ContactReading.of(test_contacts.settings()))
