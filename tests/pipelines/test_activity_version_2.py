"""Version 2 of the activity contract: subject, user, removal and term, from a table to the stream and its readers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.activity import ACTIVITY_SCHEMA, VERSION_1, telling
from pipelines.checks.rules import check_activity
from pipelines.runtime.files import read_json
from pipelines.settings.params import Settings
from pipelines.settings.reading import StreamChecks
from pipelines.sources.privacy.erased import add_tombstones
from pipelines.stages.pull_activity import pull

KEY = "a key for tests only, never used"
HEADER = "sub,account,begin,finish,deleted,seat\n"
COLUMNS = {
    "activity_id": "sub",
    "customer_id": "account",
    "subject": "sub",
    "user_id": "seat",
    "removed_at": "deleted",
    "term_days": "case when sub = 's1' then 365 else 30 end",
}
SOURCE = {
    "reader": "csv",
    "path": "subscriptions.csv",
    "yields": [
        {"activity": "started_subscription", "columns": {**COLUMNS, "occurred_at": "begin"}},
        {
            "activity": "cancelled_subscription",
            "columns": {"customer_id": "account", "subject": "sub", "occurred_at": "finish"},
            "where": "finish is not null",
        },
    ],
}
ROWS = "s1,a,2024-03-01,2024-05-10,,u1\ns2,a,2024-04-01,,2024-05-20,u2\ns3,b,2024-05-02,,2024-07-20,u1\n"


def settings_of(**others: Any) -> Settings:
    return Settings.model_validate(
        {
            "sources": {"contracts": SOURCE},
            "observations": {"train": {"until": "2024-07-01"}, "score": {"as_of": "2024-07-01"}},
            "churn": {"left": {"kind": "cancellation", "horizon_days": 28}},
            "at_risk": {"definition": "left"},
        }
        | others
    )


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pipelines.stages.pull_activity._check", lambda *_: None)
    monkeypatch.setenv("CHURN_ID_KEY", KEY)
    return tmp_path


def pulled(branch: str = "train", rows: str = ROWS, settings: Settings | None = None) -> list[dict[str, Any]]:
    Path("subscriptions.csv").write_text(HEADER + rows)
    pull(settings or settings_of(), branch, Path(branch), Path(f"validation/{branch}.json"), Path("landing"))
    return pq.read_table(Path(branch, "activity"), schema=ACTIVITY_SCHEMA).sort_by("occurred_at").to_pylist()


def test_a_row_with_two_ends_becomes_two_activities_of_its_subject() -> None:
    found = [(row["activity"], row["subject"], row["user_id"], row["term_days"]) for row in pulled()]
    assert found == [
        ("started_subscription", "s1", "u1", 365.0),
        ("started_subscription", "s2", "u2", 30.0),
        ("started_subscription", "s3", "u1", 30.0),
        ("cancelled_subscription", "s1", None, None),
    ]


def test_what_was_removed_is_seen_by_earlier_moments_only() -> None:
    train = {row["subject"]: row["removed_at"] for row in pulled() if row["activity"] == "started_subscription"}
    assert {name: at and at.date().isoformat() for name, at in train.items()} == {
        "s1": None,
        "s2": "2024-05-20",
        "s3": None,  # that it will be removed is not known yet
    }
    assert {row["subject"] for row in pulled("score")} == {"s1", "s3"}


def test_facts_say_what_the_stream_holds_and_old_streams_say_nothing_new() -> None:
    pulled()
    facts = read_json(Path("train/facts.json"))
    assert facts["activity_version"] == 2
    assert telling(facts) == ["removed_at", "subject", "term_days"]
    plain = {**SOURCE, "yields": [], "activity": "placed_order"}
    plain["columns"] = {"customer_id": "account", "occurred_at": "begin"}
    churn = {"left": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}}
    pulled(settings=settings_of(sources={"contracts": plain}, churn=churn))
    assert not {"activity_version", "has_subject"} & set(read_json(Path("train/facts.json")))
    files = sorted(Path("train/activity").iterdir())
    assert all(pq.read_schema(path).equals(VERSION_1, check_metadata=False) for path in files)


def test_months_of_both_versions_pass_the_checks() -> None:
    pulled(rows=ROWS.replace(",u1", ",").replace(",u2", ","))
    settings = settings_of()
    report = check_activity(Path("train"), StreamChecks.of(settings, "train"))
    told = {one["statement"]: one["passed"] for one in report.expectations}
    assert told["Nothing was removed after 2024-07-01 00:00 (UTC)"]
    assert told["Every column has the type that the contract gives it"]
    assert not [one for one in report.failed if "column" in one["statement"].lower()]


def test_pseudonyms_cover_subjects_and_users() -> None:
    rows = pulled(settings=settings_of(privacy={"pseudonymise": True}))
    shown = {str(row[name]) for row in rows for name in ("activity_id", "customer_id", "subject", "user_id")}
    assert not shown & {"s1", "s2", "s3", "u1", "u2", "a", "b"}
    assert len({row["subject"] for row in rows}) == 3


def test_a_forgotten_user_is_no_user_of_somebody_else_s_account() -> None:
    settings = settings_of()
    Path("data/vault").mkdir(parents=True)
    add_tombstones(settings.privacy, [("customer_id", "u1")])
    assert {row["user_id"] for row in pulled(settings=settings)} == {None, "u2"}


def test_an_unreadable_removal_or_term_makes_a_row_bad() -> None:
    loose = {**SOURCE, "max_bad_share": 1.0}
    rows = pulled(rows=ROWS.replace("2024-05-20", "soon"), settings=settings_of(sources={"contracts": loose}))
    assert "s2" not in {row["subject"] for row in rows}
    assert "removed_at" in Path("validation/quarantine_train.csv").read_text()


def test_one_file_of_each_version_in_one_month() -> None:
    """What an older version landed is merged with what is landed now."""
    plain = {"reader": "csv", "path": "visits.csv", "columns": {"customer_id": "who", "occurred_at": "at"}}
    Path("visits.csv").write_text("who,at\na,2024-05-03\nc,2024-05-11\n")
    both = {"contracts": SOURCE, "visits": {**plain, "activity": "logged_in"}}
    rows = pulled(settings=settings_of(sources=both))
    assert [row["subject"] for row in rows if row["activity"] == "logged_in"] == [None, None]
    table = pq.read_table("train/activity/2024-05.parquet")
    assert table.schema.names == ACTIVITY_SCHEMA.names
    assert isinstance(table, pa.Table)
