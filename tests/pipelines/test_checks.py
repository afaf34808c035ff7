"""Every way in which activity can be wrong, on real small Parquet folders: what fails, and who is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from features.activity import ACTIVITY_SCHEMA
from pipelines.checks.rules import check_activity
from pipelines.runtime.errors import ChurnError
from pipelines.settings.params import Settings
from pipelines.settings.reading import StreamChecks
from tests.pipelines.tables_to_check import (
    Change,
    activity,
    as_text,
    fails_as,
    outcome,
    set_to,
    settings_with,
    write_activity,
)

pytestmark = pytest.mark.slow


def stops_at(day: str, activity_name: str = "") -> Change:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        late = frame["occurred_at"] >= pd.Timestamp(day, tz="UTC")
        return frame[~(late & (frame["activity"].str.contains(activity_name)))]

    return change


def thinned(keep_one_in: int) -> Change:
    """Only one order in so many is left in the last 28 days."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        late = (frame["occurred_at"] >= pd.Timestamp("2024-06-03", tz="UTC")) & (frame["activity"] == "placed_order")
        return frame[~late | (np.arange(len(frame)) % keep_one_in == 0)]

    return change


def multiplied(times: int) -> Change:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        late = frame[
            (frame["occurred_at"] >= pd.Timestamp("2024-06-03", tz="UTC")) & (frame["activity"] == "opened_email")
        ]
        copies = [late.assign(activity_id=late["activity_id"] + f"-{i}") for i in range(times - 1)]
        return pd.concat([frame, *copies])

    return change


def one_wave(frame: pd.DataFrame) -> pd.DataFrame:
    """Twelve rows a day until April, then one in four days, the last of them nine days before the moment."""
    wave = frame["occurred_at"] < pd.Timestamp("2024-04-01", tz="UTC")
    return stops_at("2024-06-22", "")(pd.concat([frame[wave], frame[~wave].iloc[::48]]))


JUNE = pd.Timestamp("2024-07-01", tz="UTC")
ACTIVITY_FAULTS: list[tuple[str, Change, str, str]] = [
    # what is wrong, how, what fails, who is named
    ("null activity_id", set_to("activity_id", None, 3), "Every row has an activity_id", "c003"),
    ("blank activity_id", set_to("activity_id", "", 3), "Every row has an activity_id", "c003"),
    ("repeated activity_id", set_to("activity_id", "a00007", 8), "No activity_id appears twice", "a00007"),
    ("all-null activity_id", set_to("activity_id", None), "Every row has an activity_id", "c000"),
    ("null customer_id", set_to("customer_id", None, 5, 9), "Every row has a customer_id", "a00009"),
    ("null occurred_at", set_to("occurred_at", pd.NaT, 4), "Every row says when it occurred", "a00004"),
    (
        "occurs at the moment",
        set_to("occurred_at", JUNE, 6),
        "Nothing occurred at or after",
        "2024-07-01 00:00:00.000000",
    ),
    ("known too early", set_to("recorded_at", JUNE, 7), "Nothing was recorded at or after", "a00007"),
    ("activity in capitals", set_to("activity", "Placed Order", 2), "Every activity is named", "Placed Order"),
    ("activity null", set_to("activity", None, 2), "Every activity is named", "a00002"),
    ("value infinite", set_to("value", np.inf, 1), "Every value is a finite number", "a00001"),
    ("quantity infinite", set_to("quantity", -np.inf, 1), "Every quantity is a finite number", "a00001"),
    ("stream ended", stops_at("2024-06-20"), "The stream goes on until the end", ""),
    ("orders ended", stops_at("2024-06-20", "placed_order"), "placed_order goes on until the end", ""),
    ("main activity missing", stops_at("2023-01-01", "placed_order"), "placed_order goes on until the end", ""),
    ("too few orders", thinned(10), "As much placed_order as usual", ""),
    ("too many e-mails", multiplied(6), "As much opened_email as usual", ""),
]


@pytest.mark.parametrize(
    ("change", "statement", "named"), [row[1:] for row in ACTIVITY_FAULTS], ids=[row[0] for row in ACTIVITY_FAULTS]
)
def test_activity_that_is_wrong(change: Change, statement: str, named: str, tmp_path: Path) -> None:
    folder = write_activity(change(activity()), tmp_path)
    fails_as(check_activity(folder, StreamChecks.of(settings_with(), "score")), statement, named)


def test_good_activity_passes_and_says_nothing(tmp_path: Path) -> None:
    report = check_activity(write_activity(activity(), tmp_path), StreamChecks.of(settings_with(), "train"))
    assert outcome(report) == {}
    assert (report.notes, report.rows) == ([], 2184)
    report.require()


@pytest.mark.parametrize(
    ("change", "statement", "named"),
    [
        (lambda frame: frame.drop(columns="recorded_at"), "The columns are exactly the 8", "missing"),
        (lambda frame: frame.assign(email="x@example.org"), "The columns are exactly the 8", "email"),
        (as_text("value"), "Every column has the type", "VARCHAR"),
        (lambda frame: frame.assign(recorded_at=7), "Every column has the type", "BIGINT"),
    ],
    ids=["missing column", "extra column", "numbers as text", "times as numbers"],
)
def test_activity_of_another_shape(change: Change, statement: str, named: str, tmp_path: Path) -> None:
    fails_as(
        check_activity(
            write_activity(change(activity()), tmp_path, typed=False), StreamChecks.of(settings_with(), "score")
        ),
        statement,
        named,
    )


@pytest.mark.parametrize("files", [0, 1])
def test_no_activity_at_all(files: int, tmp_path: Path) -> None:
    (tmp_path / "activity").mkdir()
    if files:
        pq.write_table(ACTIVITY_SCHEMA.empty_table(), tmp_path / "activity" / "2024-06.parquet")
    report = check_activity(tmp_path, StreamChecks.of(settings_with(), "score"))
    assert {"There is at least one row"} < set(outcome(report))


def test_a_row_in_another_months_file(tmp_path: Path) -> None:
    write_activity(activity(), tmp_path)
    months = sorted((tmp_path / "activity").iterdir())
    months[0].rename(tmp_path / "activity" / "2023-12.parquet")
    fails_as(
        check_activity(tmp_path, StreamChecks.of(settings_with(), "score")),
        "Every file holds its own month",
        "2023-12.parquet: 2024-01-01",
    )


def test_a_file_that_is_not_parquet_is_a_problem(tmp_path: Path) -> None:
    write_activity(activity(), tmp_path)
    (tmp_path / "activity" / "2024-07.parquet").write_text("not Parquet")
    with pytest.raises(ChurnError, match="not every file can be read as Parquet"):
        check_activity(tmp_path, StreamChecks.of(settings_with(), "score"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (stops_at("2024-06-29", ""), "two days are within max_days_without_activity"),
        (thinned(2), "half as many is within max_volume_ratio"),
        (stops_at("2024-06-20", "opened_email"), "only the stream and the main activity must reach the end"),
        (lambda frame: frame.iloc[::100], "a sparse stream pauses: seven times the usual pause is allowed"),
        (one_wave, "customers who came in one wave: the pause is that of the quiet months behind it"),
        (lambda frame: frame.assign(value=np.nan), "a stream without money"),
        (set_to("activity", "referred_friend", *range(2100, 2184, 2)), "a new activity has no usual volume yet"),
    ],
    ids=lambda part: part.replace(" ", "-")[:30] if isinstance(part, str) else "",
)
def test_no_false_alarm(change: Change, why: str, tmp_path: Path) -> None:
    assert (
        outcome(check_activity(write_activity(change(activity()), tmp_path), StreamChecks.of(settings_with(), "score")))
        == {}
    ), why


def test_settings_decide_what_is_too_far(tmp_path: Path) -> None:
    folder = write_activity(multiplied(6)(stops_at("2024-06-20", "placed_order")(activity())), tmp_path)
    lenient = settings_with(max_days_without_activity=30, irregular_activities=["opened_email"])
    assert outcome(check_activity(folder, StreamChecks.of(lenient, "score"))) == {}


def test_what_to_do_about_a_silence_is_said_and_works(tmp_path: Path) -> None:
    folder = write_activity(stops_at("2024-06-20")(activity()), tmp_path)
    with pytest.raises(ChurnError, match=r"where nothing is, raise checks\.max_days_without_activity\."):
        check_activity(folder, StreamChecks.of(settings_with(), "score")).require()
    check_activity(folder, StreamChecks.of(settings_with(max_days_without_activity=12), "score")).require()


def test_an_unusual_volume_warns_unless_it_is_to_stop(tmp_path: Path) -> None:
    folder = write_activity(multiplied(6)(activity()), tmp_path)
    report = check_activity(folder, StreamChecks.of(settings_with(volume="warn"), "score"))
    report.require()
    assert report.content()["passed"]
    (warning,) = report.warnings
    assert "As much opened_email as usual" in warning
    assert "found" in warning
    with pytest.raises(ChurnError, match="As much opened_email as usual"):
        check_activity(folder, StreamChecks.of(settings_with(), "score")).require()


def test_unknown_recording_time_is_noted_once(tmp_path: Path) -> None:
    report = check_activity(
        write_activity(activity().assign(recorded_at=pd.NaT), tmp_path), StreamChecks.of(settings_with(), "score")
    )
    assert outcome(report) == {}
    assert len(report.notes) == 1


def test_the_moment_is_midnight_where_the_company_is(tmp_path: Path) -> None:
    bangkok = settings_with().model_copy(
        update={"timezone": "Asia/Bangkok"}
    )  # its midnight is 17:00 UTC the day before
    report = check_activity(write_activity(activity(), tmp_path), StreamChecks.of(bangkok, "score"))
    rows = outcome(report)["Nothing occurred at or after 2024-07-01 00:00 (Asia/Bangkok)"]
    assert "2024-07-01 00:06:00" in rows
    assert "2024-06-30 17:06:00" not in rows


def test_rows_are_named_by_the_key_that_their_source_gave_them(tmp_path: Path) -> None:
    mapping = {"columns": {"customer_id": "who", "occurred_at": "at"}, "activity": "placed_order"}
    plain = settings_with().model_dump(exclude_unset=True)
    shop = {"reader": "csv", "path": "shop.csv", **mapping}
    settings = Settings.model_validate({**plain, "sources": {"shop": shop}})
    ids = "shop-" + activity()["activity_id"]
    folder = write_activity(set_to("value", np.inf, 1)(activity().assign(activity_id=ids)), tmp_path)
    report = check_activity(folder, StreamChecks.of(settings, "score"))
    (failed,) = report.failed
    assert failed["offending"] == [{"source": "shop", "key": "a00001", "customer_id": "c001", "found": "inf"}]
    with pytest.raises(ChurnError, match="source shop, key a00001, customer_id c001"):
        report.require()
