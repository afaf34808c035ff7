"""The feature kernel: activities of a partition of customers -> features at many moments, the same in every engine.

Cost hardly grows with the number of moments: the stream is sorted and cut into intervals once, and a moment only
reads cells.
Facts that were recorded late or removed are the exception: a customer with a hidden fact at a moment (it had occurred,
but was not recorded, or was removed by then) is computed alone for that moment, without it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.catalogue.catalogue import ANY, Feature
from features.streams.stream import Stream, Timeline
from features.streams.view import View
from features.windows import Array, day_number, local_days, midnight


@dataclass(frozen=True)
class Events:
    """Activities of whole customers, in any order.

    Attributes:
        customer: shape (n,), 0 .. customers - 1.
        activity: shape (n,), codes, index into `names`.
        occurred_at: shape (n,), microseconds UTC.
        recorded_at: shape (n,), microseconds UTC, the least int64 where unknown; None where the stream has none.
        removed_at: shape (n,), microseconds UTC, the greatest int64 where never; None where the stream has none.
        value, quantity: shape (n,), NaN where null; None where nobody needs them.
        detail: shape (n,), whole numbers that stand for details, -1 where null; None where nobody needs them.
    """

    customers: int
    names: tuple[str, ...]
    customer: Array
    activity: Array
    occurred_at: Array
    recorded_at: Array | None = None
    value: Array | None = None
    quantity: Array | None = None
    detail: Array | None = None
    removed_at: Array | None = None

    def only(self, keep: Array) -> Events:
        """The activities at some positions, or where a mask is true."""

        def part(column: Array | None) -> Array | None:
            return None if column is None else column[keep]

        return Events(
            self.customers, self.names, self.customer[keep], self.activity[keep], self.occurred_at[keep],
            part(self.recorded_at), part(self.value), part(self.quantity), part(self.detail),
            part(self.removed_at),
        )  # fmt: skip


@dataclass(frozen=True)
class Block:
    """Features of one partition at one moment: `numbers[i]` is the i-th feature, one number per customer of `rows`."""

    rows: Array
    numbers: Array


def compute(
    events: Events,
    features: Sequence[Feature],
    *,
    main_activity: str,
    moments: Sequence[str],
    timezone: str,
    seen_within_days: int,
    dtype: Any = np.float32,
) -> list[Block]:
    """Features at every moment, in the order of `moments`.

    Rows of a moment: customers with any activity in [as_of - seen_within_days, as_of) that is not hidden at as_of,
    ascending. Every number is finite; a silent customer has the measure's silence.
    """
    days = [day_number(moment) for moment in moments]
    day = local_days(events.occurred_at, timezone)
    settings = _Settings(tuple(features), main_activity, timezone, seen_within_days, dtype)
    apart = _with_hidden(events, moments, timezone)
    if apart is None:
        return _at_moments(events, day, days, settings, [None] * len(days))
    together = _at_moments(events, day, days, settings, [~customers for customers in apart])
    return [
        _merged(block, _alone(events, day, moment, settings, customers)) if customers.any() else block
        for block, moment, customers in zip(together, moments, apart, strict=True)
    ]


@dataclass(frozen=True)
class _Settings:
    features: tuple[Feature, ...]
    main_activity: str
    timezone: str
    seen_within_days: int
    dtype: Any


def _with_hidden(events: Events, moments: Sequence[str], timezone: str) -> list[Array] | None:
    """Per moment, the customers with a fact that had occurred but is hidden then.

    None where nobody ever has one.
    """
    if events.recorded_at is None and events.removed_at is None:
        return None
    apart = []
    for moment in moments:
        as_of = midnight(moment, timezone)
        hidden = (events.occurred_at < as_of) & ~_visible(events, as_of)
        customers = np.zeros(events.customers, dtype=bool)
        customers[events.customer[hidden]] = True
        apart.append(customers)
    return apart if any(customers.any() for customers in apart) else None


def _visible(events: Events, as_of: int) -> Array:
    """Which facts were recorded before a moment and not removed by then."""
    visible = np.ones(len(events.occurred_at), dtype=bool)
    if events.recorded_at is not None:
        visible &= events.recorded_at < as_of
    if events.removed_at is not None:
        visible &= events.removed_at > as_of
    return visible


def _alone(events: Events, day: Array, moment: str, settings: _Settings, customers: Array) -> Block:
    """One moment of some customers, from what is visible at it."""
    keep = np.flatnonzero(customers[events.customer] & _visible(events, midnight(moment, settings.timezone)))
    return _at_moments(events.only(keep), day[keep], [day_number(moment)], settings, [customers])[0]


def _merged(first: Block, second: Block) -> Block:
    rows = np.concatenate([first.rows, second.rows])
    order = np.argsort(rows, kind="stable")
    return Block(rows[order], np.concatenate([first.numbers, second.numbers], axis=1)[:, order])


def _at_moments(
    events: Events, day: Array, days: Sequence[int], settings: _Settings, among: Sequence[Array | None]
) -> list[Block]:
    """Blocks of all moments, each for the customers in its mask (None: everybody).

    An activity is read at all moments before the next one is: so its stream stays in the processor's cache.
    """
    streams = _streams(events, day, days, settings)
    rows = [_seen(streams, as_of, settings.seen_within_days, mask) for as_of, mask in zip(days, among, strict=True)]
    mains = [View(streams[settings.main_activity], *at) for at in zip(days, rows, strict=True)]
    numbers = [np.empty((len(settings.features), len(own)), dtype=settings.dtype) for own in rows]
    for name in (*streams, ANY):
        wanted = [(i, feature) for i, feature in enumerate(settings.features) if feature.activity == name]
        for as_of, own, main, into in zip(days, rows, mains, numbers, strict=True) if wanted else ():
            _read(_view(name, streams, as_of, own, main), wanted, into)
    return [Block(own, into) for own, into in zip(rows, numbers, strict=True)]


def _streams(events: Events, day: Array, days: Sequence[int], settings: _Settings) -> dict[str, Stream]:
    """One stream per activity: sorted by customer, then day."""
    moments = np.unique(np.asarray(days, dtype=np.int64))
    edges = edges_of(settings.features, events.names, settings.main_activity, settings.seen_within_days)
    order = _sorted(events, day)
    ordered = {
        what: None if column is None else column[order]
        for what, column in (
            ("customer", events.customer), ("day", day), ("value", events.value), ("quantity", events.quantity),
            ("detail", events.detail),
        )
    }  # fmt: skip
    ends = np.concatenate([[0], np.cumsum(np.bincount(events.activity, minlength=len(events.names)))])
    streams = {}
    for code, name in enumerate(events.names):
        own = slice(ends[code], ends[code + 1])
        boundaries = np.unique(np.concatenate([moments - back for back in edges[name]]))
        columns: dict[str, Any] = {what: None if column is None else column[own] for what, column in ordered.items()}
        streams[name] = Stream(customers=events.customers, timeline=Timeline(boundaries, moments), **columns)
    return streams


def edges_of(
    features: Sequence[Feature], names: Sequence[str], main_activity: str, seen_within_days: int
) -> dict[str, set[int]]:
    """Per activity, the days before a moment at which time is cut."""
    edges = {name: {0, seen_within_days} for name in names}
    for feature in features:
        for name in names if feature.activity == ANY else (feature.activity,):
            edges[name].update(feature.edges)
        edges[main_activity].update(feature.edges if feature.measure in ("per_main", "value_share") else ())
    return edges


def _sorted(events: Events, day: Array) -> Array:
    """Positions sorted by activity, customer and day, otherwise in the order given.

    All four fit into whole numbers of 64 bits, which sort several times as fast as positions do by their keys.
    """
    first, last = (int(day.min()), int(day.max())) if len(day) else (0, 0)
    index_bits, days = len(day).bit_length(), (last - first).bit_length()
    most = len(events.names) * events.customers
    if most.bit_length() + days + index_bits > 63:
        return np.lexsort((day, events.customer, events.activity))
    keys = np.multiply(events.activity, events.customers, dtype=np.int64)
    keys += events.customer
    keys <<= days
    keys += day
    keys -= first
    keys <<= index_bits
    keys += np.arange(len(day))
    keys.sort()
    keys &= (1 << index_bits) - 1
    return keys


def _seen(streams: dict[str, Stream], as_of: int, within: int, mask: Array | None) -> Array:
    """Customers with any activity in the days before a moment, ascending."""
    seen = np.zeros(next(iter(streams.values())).customers, dtype=bool)
    for stream in streams.values():
        index = stream.timeline.index
        seen |= stream.position[index[as_of]] > stream.position[index[as_of - within]]
    return np.flatnonzero(seen if mask is None else seen & mask)


def _view(name: str, streams: dict[str, Stream], as_of: int, rows: Array, main: View) -> View | AllActivities:
    if name == ANY:
        return AllActivities([View(stream, as_of, rows, main) for stream in streams.values()])
    return View(streams[name], as_of, rows, None if streams[name] is main.stream else main)


def _read(view: View | AllActivities, wanted: Sequence[tuple[int, Feature]], numbers: Array) -> None:
    """Fill the rows of `numbers` that belong to one activity's features."""
    for i, feature in wanted:
        read = feature.how.read(view, feature.days)
        numbers[i] = read
        if read.dtype.kind == "f":
            silent = np.isnan(numbers[i])
            if silent.any():
                np.putmask(numbers[i], silent, feature.how.silence)


class AllActivities:
    """All activities together, at one moment."""

    def __init__(self, views: list[View]) -> None:
        self.views = views

    @property
    def since_last(self) -> Array:
        """Days since the last activity of any kind."""
        return functools.reduce(np.fmin, (view.since_last for view in self.views))

    @property
    def since_first(self) -> Array:
        """Days since the first activity of any kind."""
        return functools.reduce(np.fmax, (view.since_first for view in self.views))

    def count(self, days: int) -> Array:
        """Activities of any kind in the window."""
        return functools.reduce(np.add, (view.count(days) for view in self.views))

    def kinds(self, days: int) -> Array:
        """Different kinds of activity in the window."""
        return functools.reduce(np.add, ((view.count(days) > 0).astype(np.int64) for view in self.views))
