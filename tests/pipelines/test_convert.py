"""What a text becomes on its way in: the short way for plain words gives what the long way gives."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.expressions.convert import as_text, as_word

_CON = duckdb.connect()


@given(
    st.lists(
        st.one_of(
            st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\0")), st.text(" ab\t\u00a0\u3000")
        )
    )
)
def test_a_word_is_what_was_written(found: list[str | None]) -> None:
    rows = _CON.execute(
        f"select {as_word('c0', 'text')}, {as_text('c0', 'text')} from (select unnest($1::varchar[]) as c0)", [found]
    ).fetchall()
    assert len(rows) == len(found)
    assert all(word == written for word, written in rows)


@pytest.mark.parametrize("found", ["", " ", "a", " a", "a ", "a b", "\u00e9", "\u3000", "\u00a0a"])
def test_edges_are_trimmed_and_nothing_is_null(found: str) -> None:
    (one,) = _CON.execute(f"select {as_word('c0', 'text')} from (select $1 as c0)", [found]).fetchone() or ()
    assert one == (found.strip() or None)


def test_an_expression_is_written_once_only() -> None:
    assert as_word("lower(c0)", "text") == as_text("lower(c0)", "text")


@pytest.mark.parametrize("stored", ["bigint", "uuid", "boolean"])
def test_what_is_stored_otherwise_is_written_too(stored: str) -> None:
    written = {"bigint": "17", "uuid": "0195d2c8-0000-7000-8000-000000000001", "boolean": "true"}[stored]
    query = f"select {as_word('c0', 'text')} from (select '{written}'::{stored} as c0)"
    assert _CON.execute(query).fetchone() == (written,)
