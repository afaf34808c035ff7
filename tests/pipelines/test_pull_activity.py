"""The pull: a pure, checked, repeatable cut of the sources."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from features.activity import ACTIVITY_ORDER, VERSION_1
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of, read_json
from pipelines.settings.params import Settings
from pipelines.settings.reading import Reading
from pipelines.stages import pull_activity
from pipelines.stages.pull_activity import pull

ROOT = Path(__file__).resolve().parents[2]
HEADER = "id,who,when,known,paid\n"
SOURCE = {
    "reader": "csv",
    "path": "orders.csv",
    "columns": {
        "activity_id": "id",
        "customer_id": "who",
        "occurred_at": "when",
        "recorded_at": "known",
        "value": "paid",
    },
    "activity": "placed_order",
}


def settings_of(source: dict[str, Any] | None = None, **others: Any) -> Settings:
    return Settings.model_validate(
        {
            "sources": {"orders": SOURCE | (source or {})},
            "observations": {"train": {"until": "2024-06-01"}, "score": {"as_of": "2024-07-01"}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
        | others
    )


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own; judging streams is test_checks' business, and slow."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pull_activity, "_check", lambda *_: None)
    return tmp_path


def pulled(rows: str, settings: Settings | None = None, branch: str = "train") -> list[str]:
    Path("orders.csv").write_text(HEADER + rows)
    return pull(settings or settings_of(), branch, Path("out"), Path("validation/activity.json"))


def ids(folder: str = "out") -> list[str]:
    files = sorted(Path(folder, "activity").glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file)["activity_id"].to_pylist()]


def test_nothing_at_or_after_the_moment_is_in_the_stream() -> None:
    pulled("1,a,2024-05-31T23:59:59.999999Z,,1\n2,a,2024-06-01T00:00:00Z,,1\n3,a,2024-06-02,,1\n")
    assert ids() == ["orders-1"]
    pulled("1,a,2024-05-31T23:59:59.999999Z,,1\n2,a,2024-06-01T00:00:00Z,,1\n3,a,2024-07-01,,1\n", branch="score")
    assert ids() == ["orders-1", "orders-2"]


def test_days_begin_at_the_midnight_of_the_timezone() -> None:
    rows = "1,a,2024-05-31T21:59:59Z,,1\n2,a,2024-05-31T22:00:00Z,,1\n"
    pulled(rows, settings_of(timezone="Europe/Berlin"))
    assert ids() == ["orders-1"]
    assert read_json(Path("out/facts.json"))["timezone"] == "Europe/Berlin"


def test_what_was_recorded_later_did_not_exist() -> None:
    pulled("1,a,2024-05-01,2024-05-31T23:59:59Z,1\n2,a,2024-05-01,2024-06-01T00:00:00Z,1\n3,a,2024-05-01,,1\n")
    assert ids() == ["orders-1", "orders-3"]
    assert read_json(Path("out/facts.json"))["has_recorded_at"] is True


def test_copies_count_once_and_a_correction_replaces_its_former_self() -> None:
    notes = pulled(
        "1,a,2024-05-01,2024-05-02,5\n1,a,2024-05-01,2024-05-09,5\n"
        "2,a,2024-05-03,2024-05-04,5\n2,a,2024-05-03,2024-05-05,7\n2,a,2024-05-03,2024-06-05,9\n"
    )
    table = pq.read_table("out/activity/2024-05.parquet")
    assert table["value"].to_pylist() == [5.0, 7.0]
    assert [str(time)[:10] for time in table["recorded_at"].to_pylist()] == ["2024-05-02", "2024-05-05"]
    said = "placed_order: of 5 rows 2 became activities; 1 on the list's day or later, 2 repeated."
    assert notes == [f"sources.orders: {said}"]


def test_rows_that_nobody_can_choose_between_are_refused() -> None:
    with pytest.raises(ChurnError) as problem:
        pulled("1,a,2024-05-01,,5\n1,b,2024-05-02,,5\n2,a,2024-05-01,,5\n")
    assert problem.value.faults == (
        (
            "sources.orders: 1 activity ids stand on rows that differ, for example '1' "
            "(customer a at 2024-05-01 00:00:00; customer b at 2024-05-02 00:00:00). "
            "Map a column that is unique per row to activity_id or leave activity_id out; "
            "where the rows are corrections, map when they were made to recorded_at, or set "
            "later_files_replace: true where later files correct earlier ones."
        ),
    )


def test_they_are_named_as_the_source_and_the_shop_know_them() -> None:
    rows = "17,a,2024-05-01,,-5\n17,b,2024-05-02,,-5\n"
    with pytest.raises(ChurnError) as problem:
        pulled(rows, settings_of({"when_negative": "returned_order"}, timezone="Asia/Bangkok"))
    (said,) = problem.value.faults
    assert "for example '17' (customer a at 2024-05-01 00:00:00; customer b at 2024-05-02 00:00:00)" in said


def test_the_files_are_the_contract() -> None:
    pulled("1,b,2024-05-01,,1\n2,a,2024-05-01,,1\n3,a,2023-12-31T23:59:59Z,,\n4,a,2024-01-01,,1\n5,a,2024-05-01,,1\n")
    files = sorted(Path("out/activity").iterdir())
    assert [file.name for file in files] == ["2023-12.parquet", "2024-01.parquet", "2024-05.parquet"]
    for file in files:
        table = pq.read_table(file)
        assert table.schema.equals(VERSION_1, check_metadata=False)
        assert table.equals(table.sort_by([(name, "ascending") for name in ACTIVITY_ORDER]))
    assert ids() == ["orders-3", "orders-4", "orders-2", "orders-5", "orders-1"]
    assert not Path("out/customers.parquet").exists()


def test_facts() -> None:
    weekly = "".join(f"{i},c{i % 3},2024-0{3 + i // 31}-{1 + i % 31:02d},,2\n" for i in range(60))
    pulled(weekly)
    facts = read_json(Path("out/facts.json"))
    digest = facts.pop("digest")
    assert digest == digest_of(Path("out/activity"))
    assert facts == {
        "moment": "2024-06-01",
        "timezone": "UTC",
        "rows": 60,
        "customers": 3,
        "has_recorded_at": False,
        "activities": {
            "placed_order": {
                "count": 60,
                "customers": 3,
                "first": "2024-03-01T00:00:00.000000Z",
                "last": "2024-04-29T00:00:00.000000Z",
                "has_value": True,
                "has_quantity": False,
                "has_detail": False,
                "last_28d_count": 0,
                # 13 whole weeks before 2024-06-01 begin on 2024-03-02: all but the first row
                "previous_weekly_mean": 59 / 13,
            }
        },
    }


def test_the_same_sources_give_the_same_bytes() -> None:
    rows = [f"{i},c{i % 7},2024-0{1 + i % 5}-{1 + i % 28:02d},,{i / 7}\n" for i in range(500)]
    pulled("".join(rows))
    first = digest_of(Path("out"))
    pulled("".join(rows))
    assert digest_of(Path("out")) == first
    pulled("".join(reversed(rows)))
    assert digest_of(Path("out")) == first


def test_the_future_changes_nothing() -> None:
    rows = "".join(f"{i},c{i % 7},2024-05-{1 + i % 28:02d},,{i}\n" for i in range(100))
    pulled(rows)
    first = digest_of(Path("out"))
    pulled(rows + "x,c1,2024-06-01,,9\ny,c1,2024-05-01,2024-06-01,9\n")
    assert digest_of(Path("out")) == first


def test_bad_rows_are_put_aside_beside_the_report_and_forgotten_when_mended() -> None:
    good = "".join(f"{i},a,2024-05-01,,1\n" for i in range(200))
    notes = pulled(good + "x,,2024-05-01,,1\n")
    quarantine = Path("validation/quarantine_train.csv")
    assert notes == [
        "orders.csv: 1 of 201 rows has no customer_id (line 202). Drop or map them in sources.orders.",
        f"Bad rows are left out and listed in {quarantine}.",
    ]
    first = quarantine.read_bytes()
    pulled(good + "x,,2024-05-01,,1\n")
    assert quarantine.read_bytes() == first
    assert pulled(good) == []
    assert not quarantine.exists()


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ("1,,2024-05-01,,1\n2,a,2024-05-01,,1\n", "sources.orders: 1 of 2 rows are bad"),
        (
            "1,a,2024-06-01,,1\n",
            (
                "params.yaml: observations.train.until: no activity lies before 2024-06-01; "
                "the sources' activities lie between 2024-06-01 00:00:00 and 2024-06-01 00:00:00 (UTC)."
            ),
        ),
    ],
)
def test_what_was_there_stays_when_a_pull_fails(rows: str, fault: str) -> None:
    pulled("1,a,2024-05-01,,1\n")
    before = digest_of(Path("out"))
    with pytest.raises(ChurnError, match=r"rows are bad|no activity lies") as problem:
        pulled(rows)
    assert any(line.startswith(fault) for line in problem.value.faults)
    assert digest_of(Path("out")) == before
    assert not list(Path().glob(".out*")), "nothing half-written is left"


def test_every_definition_needs_its_activity() -> None:
    Path("log.csv").write_text("who,when,what\na,2024-05-01,placed_orders\n")
    source = {
        "reader": "csv",
        "path": "log.csv",
        "columns": {"customer_id": "who", "occurred_at": "when", "activity": "what"},
    }
    with pytest.raises(ChurnError) as problem:
        pull(settings_of(sources={"log": source}), "train", Path("out"), Path("report.json"))
    assert problem.value.faults == (
        "params.yaml: churn.silent.activity: no source has placed_order before 2024-06-01. Did you mean placed_orders?",
    )


def test_a_wrong_configuration_is_refused_before_any_work() -> None:
    with pytest.raises(ChurnError, match=r"sources.orders.path: there is no file orders.csv"):
        pull(settings_of(), "train", Path("out"), Path("report.json"))
    assert not Path("out").exists()


CUSTOMERS = {"reader": "csv", "path": "people.csv", "columns": {"customer_id": "id", "tier": "Tier"}, "static": True}


def customers_of(text: str, **changes: Any) -> list[dict[str, Any]]:
    Path("people.csv").write_text(text)
    pulled("1,a,2024-05-01,,1\n", settings_of(customers=CUSTOMERS | changes))
    found: list[dict[str, Any]] = pq.read_table("out/customers.parquet").to_pylist()
    return found


def test_customers_are_sorted_text_and_only_what_is_mapped() -> None:
    assert customers_of("id,Tier,email\n9,gold,x@example.org\n07,,y@example.org\n07,,z@example.org\n") == [
        {"customer_id": "07", "tier": None},
        {"customer_id": "9", "tier": "gold"},
    ]


def test_of_an_unmapped_customers_table_only_listed_attributes_are_read() -> None:
    Path("people.csv").write_text("customer_id,tier,email,joined_at\na,gold,x@example.org,2020-01-01\n")
    customers = {"reader": "csv", "path": "people.csv", "static": True}
    pulled("1,a,2024-05-01,,1\n", settings_of(customers=customers, features={"attributes": ["tier"]}))
    assert pq.read_table("out/customers.parquet").column_names == ["customer_id", "joined_at", "tier"]


def test_a_wrong_date_in_the_customers_table_is_named() -> None:
    columns = {"customer_id": "id", "joined_at": "since"}
    with pytest.raises(ChurnError) as problem:
        customers_of("id,since\na,2020-01-01\nb,long ago\n", columns=columns)
    assert problem.value.faults == (
        (
            "people.csv: 1 of 2 rows has a joined_at that is not a time (line 3; for example 'long ago'). "
            "Mend them, or set customers.time_format."
        ),
    )


def test_what_held_later_is_not_known_yet() -> None:
    columns = {"customer_id": "id", "tier": "Tier", "valid_from": "since"}
    text = "id,Tier,since\na,silver,2024-01-01\na,gold,2024-06-01\n"
    assert [row["tier"] for row in customers_of(text, columns=columns, static=False)] == ["silver"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "id,Tier\na,gold\na,silver\nb,x\n",
            "customers: 1 customers stand on several rows that differ (a). Keep one row",
        ),
        (
            "id,Tier\n,gold\na,x\n",
            "people.csv: 1 of 2 rows has no customer_id (line 2). Drop or map them in customers.",
        ),
        ("id,Tier\na,gold\nb\n", "people.csv: 1 of 2 rows is broken (too few columns) (line 3). Mend the file."),
    ],
)
def test_a_customers_table_must_be_right_as_a_whole(text: str, fault: str) -> None:
    with pytest.raises(ChurnError) as problem:
        customers_of(text)
    assert problem.value.faults[0].startswith(fault)


@pytest.mark.parametrize(
    ("customers", "attributes", "fault"),
    [
        ({}, ["teir"], "params.yaml: features.attributes: people.csv gives no teir. Did you mean tier?"),
        (
            {"static": False},
            ["tier"],
            "params.yaml: features.attributes: today's attributes would leak into yesterday's",
        ),
        (
            {"columns": {"customer_id": "ID"}},
            [],
            "params.yaml: customers.columns.customer_id: people.csv has no column 'ID'.",
        ),
        (
            {"path": "peopl.csv"},
            [],
            "params.yaml: customers.path: there is no file peopl.csv. Did you mean people.csv?",
        ),
    ],
)
def test_a_wrong_customers_section_is_named(customers: dict[str, Any], attributes: list[str], fault: str) -> None:
    Path("people.csv").write_text("id,Tier\na,gold\n")
    Path("orders.csv").write_text(HEADER + "1,a,2024-05-01,,1\n")
    settings = settings_of(customers=CUSTOMERS | customers, features={"attributes": attributes})
    faults = pull_activity.check_sources(Reading.of(settings))
    assert [line for line in faults if line.startswith(fault)], faults


@pytest.mark.slow
def test_the_stage_checks_before_its_folder_takes_its_place(here: Path) -> None:
    good = (ROOT / "params.yaml").read_text()
    (here / "params.yaml").write_text(good)
    command = [sys.executable, "-m", "pipelines.stages.pull_activity", "--branch", "train"]
    command += ["--out", "data/activity/train", "--report", "data/validation/activity_train.json"]

    def run() -> subprocess.CompletedProcess[str]:
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    done = run()
    assert done.returncode == 0, done.stderr
    facts = read_json(Path("data/activity/train/facts.json"))
    assert (facts["rows"], facts["customers"], facts["moment"]) == (281_596, 2_464, "2017-12-04")
    assert len(pq.read_table("data/activity/train/customers.parquet")) == 801
    before = digest_of(Path("data/activity/train"))

    (here / "params.yaml").write_text(good.replace("2017-12-04", "2018-03-01"))  # the stream ends long before
    done = run()
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert read_json(Path("data/validation/activity_train.json"))
    assert digest_of(Path("data/activity/train")) == before
