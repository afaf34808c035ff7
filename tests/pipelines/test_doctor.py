"""What the doctor says about streams small enough to count by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features.churn.labels import Definition
from features.windows import day_number, day_text
from pipelines.commands.doctor.figures import Moment, VisitGaps, suggestion, verdict
from pipelines.commands.doctor.run import diagnose
from pipelines.commands.sources import checked
from pipelines.runtime.errors import ChurnError
from pipelines.settings.params import Settings
from tests.subscriptions import subscriptions

UNTIL = "2024-12-30"


def settings_of(rows: list[tuple[Any, ...]], *, horizon: int = 28, source: dict[str, Any] | None = None) -> Settings:
    frame = pd.DataFrame(rows, columns=["customer_id", "occurred_at", "value"])
    frame.to_csv("orders.csv", index=False)
    mapping = {name: name for name in frame.columns}
    return Settings.model_validate(
        {
            "sources": {
                "orders": {"reader": "csv", "path": "orders.csv", "columns": mapping, "activity": "placed_order"}
                | (source or {})
            },
            "observations": {"train": {"until": UNTIL}, "score": {"as_of": UNTIL}},
            "churn": {
                f"silent_{horizon}d": {"kind": "silence", "active_within_days": 2 * horizon, "horizon_days": horizon}
            },
            "at_risk": {"definition": f"silent_{horizon}d"},
        }
    )


def shop(customers: int, days: int, *, every: int = 7, leave: float = 0.3) -> list[tuple[Any, ...]]:
    """Customers who order every week until UNTIL; some of them stop, one after the other, and others come."""
    end = day_number(UNTIL)
    rows: list[tuple[Any, ...]] = []
    for number in range(customers):
        leaver = number < leave * customers
        last = end - 1 - (days * number // max(1, int(leave * customers)) if leaver else number % every)
        rows += [(f"{number:04d}", day_text(day), 5.0) for day in range(last, end - days, -every)]
    return rows


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def says(text: str, sentence: str) -> bool:
    """Whether the report has a sentence, however it is wrapped."""
    return " ".join(sentence.split()) in " ".join(text.split())


def test_a_healthy_shop() -> None:
    text = diagnose(settings_of(shop(2_000, 330)))
    assert says(text, "80,178 activities of 1,999 customers before 2024-12-30.")
    assert says(text, "Between two visits usually 7 days; half of the pauses last 7 to 7, 90% up to 7.")
    assert says(text, "silent_28d: enough.") or says(text, "silent_28d: enough, but thin.")
    assert says(text, "churn: silent_7d: {kind: silence, activity: placed_order, active_within_days: 14,")
    assert [line.split()[0] for line in text.splitlines() if line.startswith("  2024-")][:2] == [
        "2024-12-02",
        "2024-11-04",
    ]
    assert max(map(len, text.splitlines())) <= 110


def test_days_are_those_of_the_project() -> None:
    rows = [(str(i % 9), f"{day_text(day_number('2024-02-29') + i)} 20:00:00+00:00", 5.0) for i in range(300)]
    settings = settings_of(rows).model_copy(update={"timezone": "Asia/Bangkok"})
    text = diagnose(settings)
    assert says(text, "before 2024-12-30. Days are those of Asia/Bangkok.")
    assert says(text, "customers, 2024-03-01 to 2024-12-25, with value")  # in UTC it is a day less
    lines = checked(settings, rows=1)
    assert any(line.endswith("customers, 2024-03-01 to 2024-12-25") for line in lines)
    assert any("2024-03-01 03:00:00" in line for line in lines)
    assert lines[-1] == "Days and times are those of Asia/Bangkok."


def test_churners_are_counted_per_moment() -> None:
    rows = [("stays", day_text(day), 1.0) for day in range(day_number(UNTIL) - 200, day_number(UNTIL), 5)]
    rows += [("left", day_text(day), 1.0) for day in range(day_number(UNTIL) - 200, day_number("2024-12-01"), 5)]
    text = diagnose(settings_of(rows))
    assert "  2024-12-02            2       1   50.0%" in text
    assert "  2024-11-04            2       0    0.0%" in text
    assert says(text, "silent_28d: not enough. - At 2024-12-02 only 1 customers left; with fewer than 20 no model")


def test_too_short_a_history_is_said_with_what_is_needed() -> None:
    text = diagnose(settings_of(shop(500, 80)))
    assert says(text, "silent_28d: not enough.")
    assert says(text, "is too short: 112 days are needed (56 in which somebody is a customer, 28 ahead of the moment")


def test_a_stream_without_money_or_rhythm() -> None:
    rows = [(f"c{i}", "2024-10-01", None) for i in range(30)]
    text = diagnose(settings_of(rows))
    assert says(text, "placed_order has no value: the list will rank by probability, not by money at risk.")
    assert says(text, "Nobody did placed_order on two days: there is no rhythm that silence could break.")


def test_recorded_at_is_asked_for_only_where_it_is_missing(here: Path) -> None:
    rows = shop(50, 200)
    assert says(diagnose(settings_of(rows)), "No source says when it learned of a row (recorded_at)")
    mapping = {"customer_id": "customer_id", "occurred_at": "occurred_at", "recorded_at": "occurred_at"}
    assert "recorded_at" not in diagnose(settings_of(rows, source={"columns": mapping}))


def test_an_old_stream_is_said() -> None:
    rows = [(f"c{i}", day, 1.0) for i in range(5) for day in ("2024-08-01", "2024-09-01")]
    assert says(diagnose(settings_of(rows)), "Set as_of to the day after 2024-09-01, or pull newer data.")


def test_bad_rows_are_told_and_do_not_stop_it(here: Path) -> None:
    settings = settings_of([*shop(20, 200), (None, "2024-10-01", 1.0), ("x", "soon", 1.0)])
    text = diagnose(settings)
    assert says(text, "rows has no customer_id (line")
    assert says(text, "that is not a time (line")
    assert not (here / "data").exists(), "it writes nothing"


def test_unreadable_sources_are_a_problem() -> None:
    settings = settings_of(shop(5, 50))
    Path("orders.csv").unlink()
    with pytest.raises(ChurnError, match=r"there is no file orders.csv"):
        diagnose(settings)


def test_nothing_before_the_moment() -> None:
    with pytest.raises(ChurnError, match=r"No activity lies before observations.score.as_of 2024-12-30"):
        diagnose(settings_of([("a", "2025-01-01", 1.0)]))


@pytest.mark.parametrize(
    ("usual_longest", "history_days", "horizon"),
    [(1, 400, 7), (7, 400, 7), (7.5, 400, 14), (16.5, 337, 21), (119, 455, 91), (30, 20, 7)],
)
def test_the_suggestion_is_whole_weeks_that_the_history_holds(
    usual_longest: float, history_days: int, horizon: int
) -> None:
    found = suggestion(VisitGaps((1, 2, 3, 4), usual_longest, 10), "placed_order", history_days)
    assert (found.horizon_days, found.active_within_days, found.gap_days) == (horizon, 2 * horizon, 0)


SILENT = Definition(kind="silence", activity="placed_order", active_within_days=56, horizon_days=28)


def at(customers: int, churners: int, count: int = 4) -> list[Moment]:
    return [Moment(f"2024-{12 - i:02d}-01", customers, churners) for i in range(count)]


@pytest.mark.parametrize(
    ("moments", "history", "word", "reason"),
    [
        (at(2_000, 300), 300, "enough", ""),
        (at(2_000, 100), 168, "enough", ""),
        (at(2_000, 99), 300, "thin", "only 99 customers left; below 100"),
        (at(2_000, 1_950), 300, "thin", "only 50 customers stayed; below 100"),
        (at(2_000, 300), 167, "thin", "no room for moments on which to choose and calibrate (168 days would have)"),
        (at(2_000, 19), 300, "not enough", "only 19 customers left; with fewer than 20"),
        (at(100, 90), 300, "not enough", "only 10 customers stayed"),
        (at(2_000, 300, 1), 100, "not enough", "The history of 100 days is too short: 112 days are needed"),
        ([], 30, "not enough", "The history of 30 days is too short"),
    ],
)
def test_enough_or_not_and_why(moments: list[Moment], history: int, word: str, reason: str) -> None:
    found = verdict(SILENT, moments, history)
    assert word == ("not enough" if not found.enough else "thin" if found.thin else "enough")
    assert reason in " ".join((*found.lacks, *found.thin))


def club(churn: dict[str, Any], definition: str) -> Settings:
    frame = subscriptions(customers=200, days=330)
    frame.to_csv("club.csv", index=False)
    columns = {name: name for name in frame.columns}
    return Settings.model_validate(
        {
            "sources": {"club": {"reader": "csv", "path": "club.csv", "columns": columns}},
            "observations": {"train": {"until": "2024-11-25"}, "score": {"as_of": "2024-11-25"}},
            "churn": churn,
            "at_risk": {"definition": definition},
        }
    )


def test_subscriptions_are_judged_and_who_is_leaving_is_counted_apart() -> None:
    monthly = {"renews": "renewed_subscription", "term_days": 30, "grace_days": 3, "horizon_days": 30}
    text = diagnose(club({"cancelled_30d": {"kind": "cancellation", **monthly}}, "cancelled_30d"))
    assert says(text, "Customers: subscribers who have not cancelled and are not overdue. Leaving: the subscription is")
    assert says(text, "have cancelled while what they paid for still runs: leaving, not at risk, no score.")
    assert text.count("  2024-") >= 4, "customers and leavers at several moments"
    assert "suggested" not in text, "nobody wants a rhythm of renewals"


def test_until_cancelled_there_need_be_no_rhythm() -> None:
    text = diagnose(club({"cancelled_30d": {"kind": "cancellation", "horizon_days": 30}}, "cancelled_30d"))
    assert says(
        text, "Customers: subscribers who have not cancelled. Leaving: the subscription is cancelled, in the next"
    )
    assert says(text, "cancelled_30d: ")


def test_a_stream_with_subscriptions_gets_a_hint_and_rhythm_counts_the_new() -> None:
    rhythm = {"kind": "rhythm", "activity": "visited_site", "active_within_days": 60, "horizon_days": 60}
    text = diagnose(club({"unusual_silence": rhythm}, "unusual_silence"))
    assert "    cancelled_30d: {kind: cancellation, horizon_days: 30}" in text
    assert says(text, "have too few pauses for a rhythm of their own: no score by this definition.")


def with_contacts(**contacts: Any) -> Settings:
    plain = settings_of(shop(40, 200)).model_dump(exclude_unset=True)
    return Settings.model_validate({**plain, "contacts": {"reader": "csv", "path": "people.csv", **contacts}})


def test_the_contacts_are_counted_and_nobody_is_named() -> None:
    rows = "".join(f"{n:04d},n{n}@example.org,{'yes' if n % 2 else ''}\n" for n in range(0, 50, 2))
    Path("people.csv").write_text("customer_id,email,consent_email\n" + rows + "0001,,yes\n0003,x@example.org,yes\n")
    report = diagnose(with_contacts())
    assert says(report, "22 of 40 customers of the stream stand in the contacts.")
    assert says(report, "May be contacted by email: 1, phone: 0, sms: 0, post: 0, push: 0.")
    assert says(report, "39 may not be contacted at all and will be kept off the list.")
    assert "example.org" not in report


def test_contacts_without_consents_are_warned_of() -> None:
    Path("people.csv").write_text("customer_id,name\n0001,Ann\n")
    assert says(diagnose(with_contacts()), "The table has no consents, so nobody may be contacted. Map them")


def test_a_wrong_contacts_section_is_named_with_all_other_faults() -> None:
    with pytest.raises(ChurnError, match=r"contacts.path: there is no file people.csv"):
        diagnose(with_contacts())
