"""Every measure, one line each.

A line of `MEASURES` is the only place where a measure is declared. Its column's name, bounds, value for silence, unit, check,
row in the reference and sentence follow from it. `read` gets a view of the activity (`v`) and the window's days (`d`) and returns one
number per row, NaN where it is silent.

Sentences are for a retention team. `<self:.0f>` stands for the customer's number, `<gap_mean:.0f>` for another measure of the
same activity without a window, `<count@:.0f>` for one over the same window, `<days>` for the window, `<noun>` and `<nouns>`
for what was done.
"""

# One measure, one line: a table is read down its columns.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from functools import partial

import numpy as np

from features.catalogue.measure import FAMILIES, MONTH_PARTS, WEEKDAYS, Measure
from features.catalogue.readings import (
    NEVER,
    capped,
    change,
    count_slope,
    eighths,
    known_days,
    month_share,
    outlast,
    share_of_main,
    shorter,
    twice,
    weekday_share,
    year_ago,
)
from features.streams.gaps import ratio

__all__ = ["FAMILIES", "MEASURES", "MONTH_PARTS", "WEEKDAYS", "Measure"]

MEASURES: dict[str, Measure] = {
    # recency
    "days_since_last": Measure("recency", "days", NEVER, lambda v, _: capped(v.since_last), 0, NEVER, monotone=1, higher_is_worse=True, sentence="Last <noun> <self:.0f> days ago<rhythm>"),
    "days_since_first": Measure("tenure", "days", 0, lambda v, _: v.since_first, sentence="First <noun> only <self:.0f> days ago", higher_is_worse=False),
    # frequency
    "count": Measure("frequency", "activities", 0, lambda v, d: v.count(d), windowed=True, monotone=-1, higher_is_worse=False, sentence="<self:.0f> <nouns> in the last <days> days"),
    "count_ever": Measure("frequency", "activities", 0, lambda v, _: v.count(None), higher_is_worse=False, sentence="<self:.0f> <nouns> so far"),
    "active_days": Measure("frequency", "days", 0, lambda v, d: v.active_days(d), windowed=True, monotone=-1, higher_is_worse=False, sentence="<nouns> on <self:.0f> of the last <days> days"),
    "per_week": Measure("frequency", "active days a week", 0, lambda v, d: 7 * ratio(v.active_days(d), known_days(v, d)), 0, 7, 1e-12, windowed=True, monotone=-1, higher_is_worse=False, sentence="<nouns> on <self:.1f> days a week over the last <days> days"),
    "weeks_active_share": Measure("rhythm", "share", 0, lambda v, d: v.rhythm.weeks_active(d) / (d / 7), 0, 1, 1e-12, windowed=True, monotone=-1, higher_is_worse=False, sentence="<nouns> in <self:.0%> of the last <days> days' weeks"),
    # money
    "total_value": Measure("money", "money", 0, lambda v, d: v.total(d), None, None, 1e-12, windowed=True, needs="value", higher_is_worse=False, sentence="<self:,.2f> spent in the last <days> days"),
    "total_value_ever": Measure("money", "money", 0, lambda v, _: v.total(None), None, None, 1e-12, needs="value", higher_is_worse=False, sentence="<self:,.2f> spent so far"),
    "mean_value": Measure("shape", "money", 0, lambda v, d: ratio(v.total(d), v.valued(d)), None, None, 1e-12, windowed=True, needs="value", higher_is_worse=False, sentence="<self:,.2f> per <noun> in the last <days> days"),
    "value_spread": Measure("shape", "money", 0, lambda v, _: v.value_spread, 0, None, 1e-6, needs="value"),
    "last_value": Measure("shape", "money", 0, lambda v, _: v.last_value, None, None, 1e-12, needs="value"),
    "value_share": Measure("shape", "share", 0, share_of_main, 0, 1, 1e-12, windowed=True, needs="value"),
    "quantity": Measure("shape", "pieces", 0, lambda v, d: v.quantity(d), None, None, 1e-12, windowed=True, needs="quantity", higher_is_worse=False, sentence="<self:.0f> pieces in the last <days> days"),
    "mean_quantity": Measure("shape", "pieces", 0, lambda v, d: ratio(v.quantity(d), v.count(d)), None, None, 1e-12, windowed=True, needs="quantity"),
    "distinct_details": Measure("variety", "details", 0, lambda v, d: v.distinct(d), windowed=True, needs="detail"),
    # rhythm
    "gap_mean": Measure("rhythm", "days", NEVER, lambda v, _: capped(v.rhythm.mean), 0, NEVER, 1e-12, sentence="Usually every <self:.0f> days"),
    "gap_median": Measure("rhythm", "days", NEVER, lambda v, _: capped(v.rhythm.quantile(0.5)), 0, NEVER),
    "gap_p90": Measure("rhythm", "days", NEVER, lambda v, _: capped(v.rhythm.quantile(0.9)), 0, NEVER),
    "gap_spread": Measure("rhythm", "days", 0, lambda v, _: v.rhythm.spread, 0, None, 1e-12),
    "last_gap": Measure("rhythm", "days", NEVER, lambda v, _: capped(v.rhythm.recent(1)), 0, NEVER, higher_is_worse=True, sentence="<self:.0f> days passed between the last two <nouns>"),
    "recent_gap_mean": Measure("rhythm", "days", NEVER, lambda v, _: capped(v.rhythm.recent(3)), 0, NEVER, 1e-12),
    "gap_change": Measure("rhythm", "ratio", 1, lambda v, _: ratio(v.rhythm.recent(3), v.rhythm.mean), 0, None, 1e-12, higher_is_worse=True, sentence="The last gaps between <nouns> were <self:.1f> times as long as usual"),
    "longest_gap": Measure("rhythm", "days", NEVER, lambda v, _: capped(v.rhythm.longest), 0, NEVER),
    "longest_silence": Measure("rhythm", "days", NEVER, lambda v, _: capped(np.fmax(v.rhythm.longest, v.since_last)), 0, NEVER),
    "silence_per_gap": Measure("rhythm", "ratio", 1, lambda v, _: ratio(v.since_last, v.rhythm.mean), 0, None, 1e-12, monotone=1, higher_is_worse=True, sentence="Silent for <self:.1f> times the usual <gap_mean:.0f> days between <nouns>"),
    "silence_per_median_gap": Measure("rhythm", "ratio", 1, lambda v, _: ratio(v.since_last, v.rhythm.quantile(0.5)), 0, None, 1e-12, monotone=1, higher_is_worse=True),
    "silence_per_p90_gap": Measure("rhythm", "ratio", 1, lambda v, _: ratio(v.since_last, v.rhythm.quantile(0.9)), 0, None, 1e-12, monotone=1, higher_is_worse=True),
    "silence_per_longest_gap": Measure("rhythm", "ratio", 1, lambda v, _: ratio(v.since_last, v.rhythm.longest), 0, None, 1e-12, monotone=1, higher_is_worse=True, sentence="Silent for <self:.1f> times the longest gap so far (<longest_gap:.0f> days)"),
    "silence_z": Measure("rhythm", "spreads", 0, lambda v, _: (v.since_last - v.rhythm.mean) / (v.rhythm.spread + 1.0), None, None, 1e-12, monotone=1, higher_is_worse=True),
    "gap_share_shorter": Measure("rhythm", "share", 0.5, shorter, 0, 1, 1e-12, monotone=1, higher_is_worse=True, sentence="The present silence is longer than <self:.0%> of the gaps so far"),
    "silence_outlasts_share": Measure("rhythm", "share", 0.5, outlast, 0, 1, 1e-12, windowed=True, monotone=1, higher_is_worse=True),
    # btyd: x, t_x, T and the mean value of repeat orders, in days; an order is a day with orders
    "btyd_frequency": Measure("btyd", "days", 0, lambda v, _: np.maximum(v.active_days(None) - 1, 0), higher_is_worse=False),
    "btyd_recency": Measure("btyd", "days", 0, lambda v, _: np.where(v.done, v.last_day - v.first_day, np.nan)),
    "btyd_age": Measure("btyd", "days", 0, lambda v, _: v.since_first),
    "btyd_monetary": Measure("btyd", "money", 0, lambda v, _: v.after_first_day, None, None, 1e-12, needs="value"),
    # decay
    "decayed_count": Measure("decay", "activities", 0, lambda v, d: v.decayed(d), 0, None, 1e-9, windowed=True, monotone=-1, higher_is_worse=False),
    "decayed_value": Measure("decay", "money", 0, lambda v, d: v.decayed(d, money=True), None, None, 1e-9, windowed=True, needs="value", higher_is_worse=False),
    # trend
    "count_trend": Measure("trend", "change", 0, lambda v, d: change(v.count(d), v.count(2 * d, d)), -1, 1, 1e-12, windowed=True, edges=twice, higher_is_worse=False, sentence="<count@:.0f> <nouns> in the last <days> days, <count_before@:.0f> in the <days> days before"),
    "value_trend": Measure("trend", "change", 0, lambda v, d: change(v.total(d), v.total(2 * d, d)), -1, 1, 1e-12, windowed=True, edges=twice, needs="value", higher_is_worse=False),
    "count_slope": Measure("trend", "activities a step", 0, count_slope, None, None, 1e-9, windowed=True, edges=eighths, higher_is_worse=False),
    "count_before": Measure("trend", "activities", 0, lambda v, d: v.count(2 * d, d), windowed=True, edges=twice),
    # calendar
    **{f"{name}_share": Measure("calendar", "share", 0, partial(weekday_share, weekday), 0, 1, 1e-12) for weekday, name in enumerate(WEEKDAYS)},
    **{f"month_{part}_share": Measure("calendar", "share", 0, partial(month_share, place), 0, 1, 1e-12) for place, part in enumerate(MONTH_PARTS)},
    "usual_days_missed": Measure("calendar", "days", 0, lambda v, _: v.rhythm.usual_days_missed, 0, None, 1e-9, monotone=1, higher_is_worse=True, sentence="By the weekdays of earlier <nouns>, <self:.1f> were to be expected since the last"),
    "count_year_ago": Measure("calendar", "activities", 0, lambda v, d: v.count(364, 364 - d), windowed=True, edges=year_ago),
    # everything else
    "per_main": Measure("engagement", "ratio", 0, lambda v, d: v.count(d) / (v.main.count(d) + 1.0), 0, None, 1e-12, windowed=True),
    "since_main_count": Measure("engagement", "activities", 0, lambda v, _: v.since_main),
    "value_change": Measure("survey", "points", 0, lambda v, _: v.last_value - v.mean_before_last, None, None, 1e-9, needs="value", higher_is_worse=False, sentence="The latest <noun> scored <self:+.1f> beside earlier ones"),
    "kinds": Measure("tenure", "activities", 0, lambda v, d: v.kinds(d), windowed=True, higher_is_worse=False),
}
