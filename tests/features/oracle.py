"""The obvious join: every feature of one customer at one moment, from a plain list of what was known. Slow and
readable.

Nothing here knows the kernel: days come from zoneinfo, sums are Decimals, windows are filters.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from features.catalogue.catalogue import OUR_ACTIVITIES, Feature

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Did:
    """One activity. Times are microseconds UTC since 1970."""

    customer: str
    activity: str
    occurred_at: int
    value: float | None = None
    quantity: float | None = None
    detail: str | None = None
    recorded_at: int | None = None
    removed_at: int | None = None
    subject: str | None = None
    user_id: str | None = None
    term_days: float | None = None


def local_day(instant: int, timezone: str) -> date:
    return (EPOCH + timedelta(microseconds=instant)).astimezone(ZoneInfo(timezone)).date()


def known_at(stream: list[Did], as_of: date, timezone: str) -> list[Did]:
    midnight = datetime(as_of.year, as_of.month, as_of.day, tzinfo=ZoneInfo(timezone)).astimezone(UTC)
    limit = (midnight - EPOCH) // timedelta(microseconds=1)
    return [
        did
        for did in stream
        if did.occurred_at < limit
        and (did.recorded_at is None or did.recorded_at < limit)
        and (did.removed_at is None or did.removed_at > limit)
    ]


def rows_at(stream: list[Did], as_of: date, timezone: str, seen_within_days: int) -> list[str]:
    since = as_of - timedelta(days=seen_within_days)
    known = known_at(stream, as_of, timezone)
    return sorted(
        {d.customer for d in known if d.activity not in OUR_ACTIVITIES and local_day(d.occurred_at, timezone) >= since}
    )


def number_of(feature: Feature, stream: list[Did], customer: str, as_of: date, timezone: str, main: str) -> float:
    """The feature's number for a customer, the measure's silence included."""
    known = [
        d for d in known_at(stream, as_of, timezone) if d.customer == customer and d.activity not in OUR_ACTIVITIES
    ]
    mine = [(local_day(d.occurred_at, timezone), d) for d in known if feature.activity in (d.activity, "any_activity")]
    orders = [(local_day(d.occurred_at, timezone), d) for d in known if d.activity == main]
    number = getattr(Seen(mine, orders, as_of), feature.measure)(*([] if feature.days is None else [feature.days]))
    return feature.how.silence if number is None else float(number)


def money(dids: list[Did]) -> Decimal:
    return sum((Decimal(str(d.value)) for d in dids if d.value is not None), Decimal(0))


def change(now: float, before: float) -> float | None:
    return (
        None
        if now == before == 0
        else (now - before) / (now + before)
        if now >= 0 and before >= 0
        else float(now > before) - float(now < before)
    )


class Seen:
    """One activity of one customer before a moment; one method per measure, None where silent."""

    def __init__(self, mine: list[tuple[date, Did]], orders: list[tuple[date, Did]], as_of: date) -> None:
        self.mine, self.orders, self.as_of = mine, orders, as_of
        self.days = sorted({day for day, _ in mine})
        self.gaps = [(b - a).days for a, b in zip(self.days, self.days[1:], strict=False)]
        self.silent = (as_of - self.days[-1]).days if self.days else None

    def within(self, days: int, until: int = 0, of: list[tuple[date, Did]] | None = None) -> list[Did]:
        begin, end = self.as_of - timedelta(days=days), self.as_of - timedelta(days=until)
        return [did for day, did in (self.mine if of is None else of) if begin <= day < end]

    def ever(self) -> list[Did]:
        return [did for _, did in self.mine]

    def days_since_last(self):
        return None if not self.days else min(self.silent, 1000)

    def days_since_first(self):
        return None if not self.days else (self.as_of - self.days[0]).days

    def count(self, days):
        return len(self.within(days))

    def count_ever(self):
        return len(self.mine)

    def active_days(self, days):
        return sum(day >= self.as_of - timedelta(days=days) for day in self.days)

    def per_week(self, days):
        return None if not self.days else 7 * self.active_days(days) / max(7, min(days, self.days_since_first()))

    def weeks_active_share(self, days):
        weeks = {((self.as_of - day).days - 1) // 7 for day in self.days if day >= self.as_of - timedelta(days=days)}
        return len(weeks) / (days / 7)

    def total_value(self, days):
        return money(self.within(days))

    def total_value_ever(self):
        return money(self.ever())

    def mean_value(self, days):
        values = [d for d in self.within(days) if d.value is not None]
        return money(values) / len(values) if values else None

    def value_spread(self):
        values = [d.value for d in self.ever() if d.value is not None]
        return statistics.pstdev(map(Decimal, values)) if len(values) > 1 else None

    def _valued_days(self):
        return sorted({day for day, did in self.mine if did.value is not None})

    def _mean_on(self, days):
        values = [did for day, did in self.mine if day in days and did.value is not None]
        return float(money(values)) / len(values) if values else None

    def last_value(self):
        return self._mean_on(self._valued_days()[-1:])

    def value_change(self):
        before = self._mean_on(self._valued_days()[:-1])
        return None if before is None else self.last_value() - before

    def value_share(self, days):
        mine, theirs = abs(money(self.within(days))), abs(money(self.within(days, of=self.orders)))
        return mine / (mine + theirs) if mine + theirs else None

    def quantity(self, days):
        return sum(Decimal(str(d.quantity)) for d in self.within(days) if d.quantity is not None)

    def mean_quantity(self, days):
        return self.quantity(days) / len(self.within(days)) if self.within(days) else None

    def distinct_details(self, days):
        return len({d.detail for d in self.within(days) if d.detail is not None})

    def gap_mean(self):
        return min(statistics.fmean(self.gaps), 1000) if self.gaps else None

    def _quantile(self, share):
        return sorted(self.gaps)[math.ceil(share * len(self.gaps) - 1e-9) - 1] if self.gaps else None

    def gap_median(self):
        return min(self._quantile(0.5), 1000) if self.gaps else None

    def gap_p90(self):
        return min(self._quantile(0.9), 1000) if self.gaps else None

    def gap_spread(self):
        return statistics.pstdev(self.gaps) if self.gaps else None

    def last_gap(self):
        return min(self.gaps[-1], 1000) if self.gaps else None

    def recent_gap_mean(self):
        return min(statistics.fmean(self.gaps[-3:]), 1000) if self.gaps else None

    def gap_change(self):
        return statistics.fmean(self.gaps[-3:]) / statistics.fmean(self.gaps) if self.gaps else None

    def longest_gap(self):
        return min(max(self.gaps), 1000) if self.gaps else None

    def longest_silence(self):
        return min(max([*self.gaps, self.silent]), 1000) if self.days else None

    def silence_per_gap(self):
        return self.silent / statistics.fmean(self.gaps) if self.gaps else None

    def silence_per_median_gap(self):
        return self.silent / self._quantile(0.5) if self.gaps else None

    def silence_per_p90_gap(self):
        return self.silent / self._quantile(0.9) if self.gaps else None

    def silence_per_longest_gap(self):
        return self.silent / max(self.gaps) if self.gaps else None

    def silence_z(self):
        return (self.silent - statistics.fmean(self.gaps)) / (statistics.pstdev(self.gaps) + 1) if self.gaps else None

    def gap_share_shorter(self):
        return sum(gap < self.silent for gap in self.gaps) / len(self.gaps) if self.gaps else None

    def silence_outlasts_share(self, days):
        if not self.days:
            return None
        return (sum(g >= self.silent + days for g in self.gaps) + 1) / (sum(g >= self.silent for g in self.gaps) + 2)

    def btyd_frequency(self):
        return len(self.gaps)

    def btyd_recency(self):
        return (self.days[-1] - self.days[0]).days if self.days else None

    def btyd_age(self):
        return self.days_since_first()

    def btyd_monetary(self):
        return money([did for day, did in self.mine if day > self.days[0]]) / len(self.gaps) if self.gaps else None

    def decayed_count(self, days):
        return math.fsum(0.5 ** ((self.as_of - day).days / days) for day, _ in self.mine)

    def decayed_value(self, days):
        return math.fsum((did.value or 0.0) * 0.5 ** ((self.as_of - day).days / days) for day, did in self.mine)

    def count_trend(self, days):
        return change(self.count(days), self.count_before(days))

    def value_trend(self, days):
        return change(float(money(self.within(days))), float(money(self.within(2 * days, days))))

    def count_before(self, days):
        return len(self.within(2 * days, days))

    def count_slope(self, days):
        step = days // 8
        counts = [len(self.within(step * (k + 1), step * k)) for k in range(7, -1, -1)]
        return statistics.linear_regression(range(8), counts).slope

    def _share_of_weekday(self, weekday):
        return sum(day.weekday() == weekday for day in self.days) / len(self.days) if self.days else None

    def monday_share(self):
        return self._share_of_weekday(0)

    def tuesday_share(self):
        return self._share_of_weekday(1)

    def wednesday_share(self):
        return self._share_of_weekday(2)

    def thursday_share(self):
        return self._share_of_weekday(3)

    def friday_share(self):
        return self._share_of_weekday(4)

    def saturday_share(self):
        return self._share_of_weekday(5)

    def sunday_share(self):
        return self._share_of_weekday(6)

    def _share_of_month(self, first, last):
        return sum(first <= day.day <= last for day in self.days) / len(self.days) if self.days else None

    def month_begin_share(self):
        return self._share_of_month(1, 10)

    def month_middle_share(self):
        return self._share_of_month(11, 20)

    def month_end_share(self):
        return self._share_of_month(21, 31)

    def usual_days_missed(self):
        if not self.days:
            return None
        weeks = (self.days[-1] - self.days[0]).days / 7 + 1
        passed = [self.days[-1] + timedelta(days=k) for k in range(1, self.silent)]
        return sum(sum(day.weekday() == p.weekday() for day in self.days) / weeks for p in passed)

    def count_year_ago(self, days):
        return len(self.within(364, 364 - days))

    def per_main(self, days):
        return len(self.within(days)) / (len(self.within(days, of=self.orders)) + 1)

    def since_main_count(self):
        last = max((day for day, _ in self.orders), default=date.min)
        return sum(day > last for day, _ in self.mine)

    def kinds(self, days):
        return len({did.activity for did in self.within(days)})
