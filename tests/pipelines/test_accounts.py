"""Every row is accounted for: what is read is the sum of activities, of what is left out and of what is set aside."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from features.windows import midnight
from pipelines.commands.doctor.run import diagnose
from pipelines.commands.sources import checked
from pipelines.runtime.files import read_json
from pipelines.settings.params import Settings
from pipelines.settings.reading import Reading
from pipelines.sources.accounts.losses import record_repeated
from pipelines.sources.accounts.statement import Account, accounts_of
from pipelines.sources.landing.as_of import cut_as_of
from pipelines.sources.registry import read_sources
from pipelines.sources.stream import connect
from pipelines.stages.pull_activity import pull

HEADER = "id,who,at,state,amount\n"
KINDS = {
    "good": "{i},c{i},2024-03-01,paid,5",
    "refunded": "{i},c{i},2024-03-02,refunded,-4",
    "other kind": "{i},c{i},2024-03-01,draft,5",
    "test": "{i},test{i},2024-03-01,paid,5",
    "voided": "{i},c{i},2024-03-01,void,5",
    "nobody": "{i},,2024-03-01,paid,5",
    "no time": "{i},c{i},,paid,5",
    "unread": "{i},c{i},2024-03-01,paid,n/a",
    "later": "{i},c{i},2024-07-01,paid,5",
    "copy": "0,c0,2024-03-01,paid,5",
    "broken": "{i},c{i},2024-03-01,paid,5,and more,and more",
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings_of(**source: Any) -> Settings:
    orders = {
        "reader": "csv",
        "path": "orders*.csv",
        "columns": {"activity_id": "id", "customer_id": "who", "occurred_at": "at", "value": "amount"},
        "where": "state <> 'draft' and amount is not null",
        "exclude": {"test account": "who like 'test%'", "voided": "state = 'void'"},
        "without_customer": "skipped",
        "max_bad_share": 1.0,
        "yields": [
            {"activity": "placed_order", "where": "state <> 'draft' and amount > 0"},
            {"activity": "saved_money", "where": "amount < 0"},
        ],
    }
    return Settings.model_validate(
        {
            "sources": {"shop": orders | source},
            "observations": {"train": {"until": "2024-06-01"}, "score": {"as_of": "2024-06-01"}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
            "checks": {"max_days_without_activity": 200},
        }
    )


def write(kinds: list[str], files: int = 1) -> None:
    lines = [KINDS[kind].format(i=i) for i, kind in enumerate(kinds, start=1)]
    for number in range(files):
        Path(f"orders{number}.csv").write_text(HEADER + "".join(f"{one}\n" for one in lines[number::files]))


def accounts(read: Settings) -> list[Account]:
    con = connect()
    read_sources(con, Reading.of(read))
    moment = midnight(read.observations.score.as_of, read.timezone)
    record_repeated(con, cut_as_of(con, moment, Reading.of(read).display))
    return accounts_of(con, read.sources)["shop"]


def test_each_row_is_told_once_and_in_words() -> None:
    write([*KINDS, "good", "copy"])
    said = [line.strip() for line in checked(settings_of(), rows=1)]
    wanted = {
        "rows 4 became activities": 1,
        "1 test account": 2,
        "1 voided": 2,
        "1 bad: broken": 2,
        "1 bad: no time": 1,
        "1 without a customer": 1,
        "1 repeated": 1,
        "2 not meant (where)": 1,
        "1 bad: a word where a condition wants a number": 2,
    }
    text = [line for line in said if line.startswith(("placed_order: of", "saved_money: of"))]
    assert {part: sum(part in line for line in text) for part in wanted} == wanted, text


def test_the_pull_keeps_the_account_and_doctor_shows_it() -> None:
    write(["good"] * 3 + ["voided", "later", "nobody", "no time", "copy", "copy"])
    pull(settings_of(), "score", Path("out"), Path("validation/activity_score.json"), Path("landing"))
    found = read_json(Path("validation/accounts_score.json"))["sources"]["shop"][0]
    assert found == {
        "activities": ["placed_order"],
        "read": 9,
        "became_activities": 4,
        "left_out": {"exclude: voided": 1, "later": 1, "no customer": 1, "repeated": 1},
        "set_aside": {"bad: missing, occurred_at": 1},
    }
    again = pull(settings_of(), "score", Path("out"), Path("validation/activity_score.json"), Path("landing"))
    assert read_json(Path("validation/accounts_score.json"))["sources"]["shop"][0] == found, "from the landing store"
    assert "sources.shop: placed_order: of 9 rows 4 became activities; 1 voided," in "".join(again)
    assert "What became of the rows" in diagnose(settings_of())


def test_a_check_works_before_churn_fits_the_sources() -> None:
    write(["good"])
    lines = checked(settings_of(yields=[{"activity": "paid_bill"}]), rows=1)
    assert "  paid_bill: of 1 row every one became an activity." in lines
    assert any("churn.silent.activity: no source yields placed_order" in line for line in lines)


@pytest.mark.parametrize("where", ["amount > 4", "amount::double > 4", "4 < cast(amount as integer)"])
def test_a_condition_that_cannot_read_a_cell_makes_a_bad_row(where: str) -> None:
    write(["good", "unread", "refunded"])
    said = checked(settings_of(where=None, yields=[{"activity": "placed_order", "where": where}]), rows=1)
    counted = next(line for line in said if line.startswith("  placed_order: of"))
    bad = "1 bad: a word where a condition wants a number"
    assert counted == f"  placed_order: of 3 rows 1 became an activity; 1 not meant (where), {bad}."
    assert any("line 3; for example 'n/a'" in line for line in said)


def test_a_value_that_cannot_be_converted_is_a_bad_row() -> None:
    write(["good", "unread"])
    columns = {"activity_id": "id", "customer_id": "who", "occurred_at": "at", "value": "amount::double * 2"}
    said = checked(settings_of(where=None, columns=columns, yields=[{"activity": "placed_order"}]), rows=1)
    assert "  placed_order: of 2 rows 1 became an activity; 1 bad: value not a number." in said


@given(strategies.lists(strategies.sampled_from(sorted(KINDS)), min_size=1, max_size=12), strategies.integers(1, 2))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_sums_agree_and_so_does_every_reason(kinds: list[str], files: int) -> None:
    for old in Path().glob("orders*.csv"):
        old.unlink()
    write(kinds, files)
    count, several = Counter(kinds), accounts(settings_of())
    assert [one.read for one in several] == [len(kinds)] * 2
    placed, saved = several
    assert (placed.activities, saved.activities) == (count["good"] + min(1, count["copy"]), count["refunded"])
    assert placed.left_out.get("later", 0) == count["later"]
    assert placed.left_out.get("exclude: voided", 0) == count["voided"]
    assert placed.left_out.get("exclude: test account", 0) == count["test"]
    assert placed.left_out.get("no customer", 0) == count["nobody"]
    assert placed.left_out.get("where", 0) == count["other kind"] + count["refunded"]
    assert placed.left_out.get("repeated", 0) == max(0, count["copy"] - 1)
    assert sum(placed.set_aside.values()) == count["no time"] + count["unread"] + count["broken"]


def test_ids_of_nobody_and_rows_of_later_files_are_counted(here: Path) -> None:
    write(["good", "good", "good"])
    (here / "orders1.csv").write_text(HEADER + "2,c2,2024-03-01,paid,6\n4,c9,2024-03-01,paid,6\n")
    (here / "ids.csv").write_text("system,id,customer_id\ncrm,c1,A\ncrm,c2,B\ncrm,c3,B\n")
    one = {"later_files_replace": True, "identity": "crm", "where": None, "yields": [{"activity": "placed_order"}]}
    read = settings_of(**one).model_dump(mode="json", exclude_unset=True)
    table = {"reader": "csv", "path": "ids.csv"}
    whole = Settings.model_validate(read | {"identities": {"table": table, "max_unmatched_share": 1.0}})
    (found,) = accounts(whole)
    assert (found.read, found.activities) == (5, 3)
    assert found.left_out == {"replaced": 1, "nobody's": 1}
    pull(whole, "score", Path("out"), Path("validation/activity_score.json"), Path("landing"))
    kept = read_json(Path("validation/accounts_score.json"))["sources"]["shop"][0]
    assert kept == found.content()
    assert read_json(Path("out/facts.json"))["rows"] == found.activities
