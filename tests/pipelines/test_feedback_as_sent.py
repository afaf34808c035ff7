"""Reports as teams send them: saved by a spreadsheet, in local days, with ids that became numbers, said twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from features.windows import midnight
from models.decision.ranking import LIST_COLUMNS
from pipelines.ledger import read
from pipelines.publishing.report_times import read_times
from pipelines.runtime.errors import ChurnError
from pipelines.settings.campaign.feedback import Feedback
from pipelines.settings.params import Settings
from pipelines.sources.privacy import vault
from pipelines.sources.privacy.pseudonyms import keyed
from tests.pipelines.drafts_for_tests import settings, write_draft
from tests.pipelines.ledgers_for_tests import put
from tests.pipelines.sections_for_tests import feedback, publish

DAY = "2024-03-04"
PLAIN = settings()
NOW = datetime(2024, 4, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_draft(DAY)
    publish(DAY, PLAIN, lambda _: None)


def taken(text: str, name: str = "team.csv", using: Settings = PLAIN, **section: Any) -> list[str]:
    Path(name).write_text(text, encoding="utf-8")
    said: list[str] = []
    chosen = using.model_copy(update={"feedback": Feedback.model_validate(section)})
    feedback(Path(name), chosen, said.append, now=NOW)
    return said


def refused(text: str, **section: Any) -> list[str]:
    before = entries()
    with pytest.raises(ChurnError) as problem:
        taken(text, **section)
    assert entries() == before, "nothing was written"
    return list(problem.value.faults)


def entries() -> list[tuple[str, str, str]]:
    found = read.history_before("2024-04-01", PLAIN.timezone).feedback
    when = [f"{one:%m-%d %H:%M}" for one in found["occurred_at"]]
    return sorted(zip(found["customer_id"], when, found["what"], strict=True))


SAVED = "Customer ID;Contacted;Reached;When\n007;WAHR;FALSCH;{}\na-1;WAHR;;{}\n"


@pytest.mark.parametrize(
    ("when", "read"),
    [
        (("05.03.2024", "13.03.2024 09:15"), ("03-05 00:00", "03-13 09:15")),
        (("5/3/2024", "13/3/2024 9:15"), ("03-05 00:00", "03-13 09:15")),
        (("3/5/24", "3/13/24 9:15 AM"), ("03-05 00:00", "03-13 09:15")),
        (("05/03/2567", "13/03/2567 09:15"), ("03-05 00:00", "03-13 09:15")),
        (("2567-03-05", "2567-03-13 09:15"), ("03-05 00:00", "03-13 09:15")),
        (("45356", "45364.385416666664"), ("03-05 00:00", "03-13 09:15")),
        (("5 Mar 2024", "2024-03-13T09:15:00Z"), ("03-05 00:00", "03-13 09:15")),
    ],
)
def test_days_and_words_of_a_spreadsheet(when: tuple[str, str], read: tuple[str, str]) -> None:
    taken(SAVED.format(*when))
    assert entries() == [("007", read[0], "contacted"), ("a-1", read[1], "contacted")]


def test_of_two_readings_the_one_without_the_future_is_meant() -> None:
    said = taken(SAVED.format("5/3/2024", "6/3/2024"))
    assert entries()[0][1] == "03-05 00:00"
    assert said[-1] == (
        "when: read with the day first; with the month first, rows would lie in the future or before the first list."
    )


def test_days_that_fit_two_readings_are_asked_about_and_every_answer_is_taken() -> None:
    text = SAVED.format("3/4/2024", "4/3/2024").replace("a-1;WAHR;;4/3/2024\n", "")
    later = datetime(2024, 6, 1, tzinfo=UTC)
    Path("team.csv").write_text(text)
    with pytest.raises(ChurnError, match=r"Set feedback\.day_first: true .*, feedback\.day_first: false"):
        feedback(Path("team.csv"), PLAIN, lambda _: None, now=later)
    for day_first, day in ((True, "04-03"), (False, "03-04")):
        chosen = PLAIN.model_copy(update={"feedback": Feedback(day_first=day_first)})
        Path("team.csv").write_text(text + "\n" * day_first)
        feedback(Path("team.csv"), chosen, lambda _: None, now=later)
        found = read.history_before("2024-06-01", "UTC").feedback
        assert day in {f"{one:%m-%d}" for one in found["occurred_at"]}


@how(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.dates(date(2024, 1, 1), date(2024, 11, 28)), min_size=1, max_size=5),
    st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y-%m-%d", "%d/%m/%y"]),
)
def test_days_are_read_as_written_or_asked_about(days: list[date], wrote: str) -> None:
    texts = [day.strftime(wrote) for day in days]
    bounds = {"since": midnight("2024-01-01", "UTC"), "until": datetime(2024, 11, 29, tzinfo=UTC)}
    try:
        found = read_times(texts, "UTC", Feedback(), **bounds)  # type: ignore[arg-type]
    except ChurnError:
        assert all(day.day <= 12 for day in days)
        found = read_times(texts, "UTC", Feedback(day_first=not wrote.startswith("%m")), **bounds)  # type: ignore[arg-type]
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert [(epoch + timedelta(microseconds=found.moments[text])).date() for text in texts] == days


def test_headings_in_another_language_are_mapped() -> None:
    columns = {"customer_id": "Kundennummer", "contacted": "Angerufen", "when": "Datum", "note": "Notiz"}
    text = "Kundennummer;Datum;Angerufen;Notiz;Note\n007;05.03.2024;ja;später, wieder;2\n"
    taken(text, columns=columns)
    assert entries() == [("007", "03-05 00:00", "contacted")]
    assert (
        "has no column 'Datum' (params.yaml: feedback.columns.when)"
        in refused(text.replace("Datum", "Date"), columns=columns)[0]
    )


def test_a_sentence_with_commas_above_the_header_does_not_choose_the_delimiter() -> None:
    taken("Customers, who may leave, as of today;;\ncustomer_id;when;what\n007;2024-03-05;kept\n")
    assert ("007", "03-05 00:00", "kept") in entries()


def test_ids_that_became_numbers_are_matched_back_and_said() -> None:
    put("2024-03-18", "0012345678901234 contact 1 0.5", list_id="list-b")
    said = taken("customer_id,when,what\n7,2024-03-05,contacted\n1.23457E+13,2024-03-19,kept\n")
    assert {who for who, *_ in entries()} == {"007", "0012345678901234"}
    assert said[-2:] == [
        "line 2: the id is 007; a spreadsheet had made a number of it.",
        "line 3: the id is 0012345678901234; a spreadsheet had made a number of it.",
    ]


def test_an_id_that_two_customers_fit_is_named() -> None:
    for i, who in enumerate(("1234567890123456", "1234567890123457")):
        put(f"2024-03-{18 + i}", f"{who} contact 1 0.5", list_id=f"list-{i}")
    assert refused("customer_id,when,what\n1.23457E+15,2024-03-26,kept\n")[0] == (
        "team.csv: line 2: customer_id is '1.23457E+15', which may be 1234567890123456 or 1234567890123457. Write it "
        "in full, as text."
    )


def test_ids_behind_pseudonyms_are_matched_back_by_the_vault(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "a key for tests only, never used"
    monkeypatch.setenv("CHURN_ID_KEY", key)
    hashed = keyed(key.encode(), "0042")
    write_draft("2024-03-18", f"{hashed} 0.9 phone - -")
    private = Settings.model_validate({**PLAIN.model_dump(), "privacy": {"pseudonymise": True}})
    publish("2024-03-18", private, lambda _: None)
    vault.add({hashed: "0042"})
    said = taken("customer,when,what\n42,2024-03-19,reached\n", using=private)
    assert {who for who, *_ in entries()} == {hashed}
    assert said[-1] == "1 id that a spreadsheet had made a number of was matched back (line 2)."


def test_repeats_within_the_file_and_of_earlier_ones_are_told_apart() -> None:
    taken("customer_id,when,what\n007,2024-03-05,contacted\n")
    rows = "007,2024-03-05,contacted\n" + "a-1,2024-03-06,reached\n" * 2
    assert taken("customer_id,when,what\n" + rows)[1:] == [
        "2 of these stand in the file more than once and count once.",
        "1 of these were in the ledger already and count once.",
    ]


def test_a_file_that_contradicts_itself_is_refused() -> None:
    text = "customer_id,when,reached,kept\n007,2024-03-05,yes,\na-1,2024-03-05,no,\n007,2024-03-05,no,yes\n"
    assert refused(text)[0] == (
        "team.csv: line 4: reached is no, and yes in line 2, of the same customer and time. Correct one of them."
    )


def test_what_an_earlier_report_said_stays_and_is_said() -> None:
    taken("customer_id,when,reached\n007,2024-03-05,yes\n")
    said = taken("customer_id,when,reached\n007,2024-03-05,no\na-1,2024-03-05,yes\n")
    assert said[1] == "line 2: reached is no, but an earlier report said yes of this customer and time, and that stays."
    assert ("007", "03-05 00:00", "reached") in entries()


def test_the_lists_own_csv_saved_by_a_spreadsheet_is_a_report() -> None:
    listed = {
        "customer_id": "7",
        "rank": "1",
        "probability": "0,81",
        "value": "1.910,40",
        "list_id": "list-2024-03-04-3",
    }
    header = [*LIST_COLUMNS, "contacted", "kept", "when"]
    cells = [listed.get(name, "") for name in LIST_COLUMNS]
    taken(";".join(header) + "\n" + ";".join([*cells, "WAHR", "FALSCH", "05.03.2024"]) + "\n")
    assert entries() == [("007", "03-05 00:00", "contacted")]
