"""The data of the page's charts, from the activity of the scoring branch and the champion's own test.

The stream is read once, batch by batch; of each batch only who did the main activity in which month is kept, and how
often the listed customers did it in which week.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.churn.cancellation import account_spans
from features.cohorts import BEFORE, Cohorts, months_of, retention, whole_months
from features.weekly_counts import WEEKS, weekly_counts
from features.windows import day_number, local_day
from pipelines.rendering.context import Week
from pipelines.runtime.files import read_activity
from pipelines.settings.churn import Cancellation, definition_of
from pipelines.settings.decision import ListMoment

_ROWS = 1_000_000
_SIGNIFICANT = 2  # months with newcomers that make a triangle

Codes = npt.NDArray[np.int64]


def read_week(
    activity: Path,
    listed: Sequence[str],
    moment: ListMoment,
    *,
    facts: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> Week:
    """What the page's charts of a week are drawn from.

    Args:
        activity: folder of monthly Parquet files (see `ACTIVITY_SCHEMA`), cut at the list's day.
        listed: customers who get a timeline.
        moment: that of the list.
        facts: content of facts.json, for the days on which the data begins and ends.
        metrics: of champion.json, for predicted and observed shares of leavers.
    """
    main, timezone = moment.main_activity, moment.timezone
    span = ((facts or {}).get("activities") or {}).get(main) or {}
    timelines, cohorts = timelines_and_cohorts(activity, listed, moment)
    return Week(
        timelines=timelines,
        cohorts=cohorts,
        first_month=local_day(span["first"], timezone)[:8] + "01" if span.get("first") else "",
        calibration=tuple(((metrics or {}).get("calibration") or {}).values()),
        data_end=local_day(span["last"], timezone) if span.get("last") else "",
    )


def timelines_and_cohorts(
    activity: Path, listed: Sequence[str], moment: ListMoment
) -> tuple[dict[str, list[int]], Cohorts | None]:
    """Weekly counts of the main activity of each listed customer, and the cohorts of everyone.

    A subscriber is there in every month in which a subscription runs, anybody else where they do the main activity.
    No cohorts where newcomers were seen in fewer than two months.
    """
    as_of, timezone = moment.as_of, moment.timezone
    codes = {name: code for code, name in enumerate(listed)}
    starts = whole_months(as_of)
    columns = len(starts) + 1
    weeks = np.zeros((len(listed), WEEKS), dtype=np.int64)
    months: list[Codes] = [np.empty(0, dtype=np.int64)]
    for customer, occurred_at in _main_activities(activity, moment.main_activity, codes):
        is_listed = customer < len(listed)
        weeks += weekly_counts(customer[is_listed], occurred_at[is_listed], len(listed), as_of=as_of, timezone=timezone)
        months.append(np.unique(customer * columns + months_of(occurred_at, starts, timezone) - BEFORE))
    if isinstance(moment.churn, Cancellation):
        months = [_subscribed(activity, moment, codes, starts)]
    cell = np.concatenate(months)
    cohorts = retention(cell // columns, cell % columns + BEFORE, len(codes), starts)
    timelines = {name: row.tolist() for name, row in zip(listed, weeks, strict=True)}
    return timelines, cohorts if sum(size > 0 for size in cohorts.sizes) >= _SIGNIFICANT else None


def _subscribed(activity: Path, moment: ListMoment, codes: dict[str, int], starts: list[str]) -> Codes:
    """Cells of customer and month, as of `timelines_and_cohorts`, in which an account has a subscription."""
    definition = definition_of(moment.churn)
    columns = ["customer_id", "activity", "occurred_at", "subject", "term_days"]
    events = read_activity(activity, definition.standing, columns).to_pandas()
    own = account_spans(events, definition, moment.timezone)
    code = np.array([codes.setdefault(str(name), len(codes)) for name in own["customer_id"]], dtype=np.int64)
    bounds = np.array([day_number(day) for day in starts], dtype=np.int64)
    last = np.minimum(own["end"].to_numpy(), day_number(moment.as_of)) - 1
    first, last = (np.searchsorted(bounds, days, side="right") - 1 for days in (own["begin"].to_numpy(), last))
    lengths = np.maximum(last - first, 0) + 1
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    cells = np.repeat(code * (len(starts) + 1) + first - BEFORE, lengths) + within
    return np.unique(cells).astype(np.int64)


def _main_activities(activity: Path, main: str, codes: dict[str, int]) -> Iterator[tuple[Codes, Codes]]:
    """Customer and instant (microseconds UTC) of every main activity. A customer who is new gets the next code."""
    for path in sorted(activity.glob("*.parquet")):
        file = pq.ParquetFile(path, read_dictionary=["customer_id"])
        for batch in file.iter_batches(_ROWS, columns=["customer_id", "occurred_at", "activity"]):
            events = batch.filter(pc.equal(batch["activity"], main))
            customer = events["customer_id"]
            if not pa.types.is_dictionary(customer.type):
                customer = customer.dictionary_encode()
            names = customer.dictionary.to_pylist()
            code = np.array([codes.setdefault(name, len(codes)) for name in names], dtype=np.int64)
            times = events["occurred_at"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
            yield code[customer.indices.to_numpy(zero_copy_only=False)], times.to_numpy(zero_copy_only=False)
