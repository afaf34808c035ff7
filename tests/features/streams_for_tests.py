"""Streams for tests: drawn by Hypothesis, or made from rows; and the kernel called as an engine would call it."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from hypothesis import strategies as st

from features.catalogue.catalogue import OUR_ACTIVITIES, Feature, catalogue
from features.kernel import Events, compute
from features.windows import DAY_US, midnight
from tests.features.oracle import Did

MAIN = "placed_order"
ACTIVITIES = (MAIN, "saved_with_coupon", "visited_site", "complained", "answered_nps")
MOMENTS = ("2017-11-06", "2017-10-30", "2017-04-02")
DAYS_BACK = st.one_of(st.sampled_from([-3, 0, 1, 7, 8, 14, 28, 29, 56, 91, 182, 364, 365]), st.integers(-10, 800))
WITHIN_DAY = st.one_of(st.sampled_from([0, 1, DAY_US - 1]), st.integers(0, DAY_US - 1))


def everything(activities: tuple[str, ...] = ACTIVITIES) -> tuple[Feature, ...]:
    has = {"has_value": True, "has_quantity": True, "has_detail": True}
    return catalogue(dict.fromkeys(activities, has), MAIN)


@st.composite
def dids(draw: st.DrawFn, timezone: str, late: bool = False) -> Did:
    """One activity around one of the moments, often exactly on a boundary."""
    moment = date.fromisoformat(draw(st.sampled_from(MOMENTS)))
    day = moment - timedelta(days=draw(DAYS_BACK))
    occurred_at = midnight(day.isoformat(), timezone) + draw(WITHIN_DAY)
    delay = draw(st.sampled_from([0, 1, 3600_000_000, DAY_US, 20 * DAY_US])) if late and draw(st.booleans()) else None
    stands = draw(st.sampled_from([0, 1, DAY_US, 30 * DAY_US, 400 * DAY_US])) if late and draw(st.booleans()) else None
    return Did(
        customer=draw(st.sampled_from(["a", "b", "c"])),
        activity=draw(st.sampled_from((*ACTIVITIES, MAIN, MAIN))),
        occurred_at=occurred_at,
        value=draw(st.none() | st.integers(-500, 10**7).map(lambda cents: cents / 100)),
        quantity=draw(st.none() | st.integers(0, 40).map(float)),
        detail=draw(st.sampled_from([None, "x", "y", "z"])),
        recorded_at=None if delay is None else occurred_at + delay,
        removed_at=None if stands is None else occurred_at + stands,
    )


def streams(timezone: str = "UTC", late: bool = False) -> st.SearchStrategy[list[Did]]:
    return st.lists(dids(timezone, late), min_size=1, max_size=30)


def numbers(
    stream: list[Did],
    features: tuple[Feature, ...],
    moments: tuple[str, ...] = MOMENTS,
    timezone: str = "UTC",
    seen_within_days: int = 365,
) -> dict[tuple[str, str], dict[str, float]]:
    """(moment, customer) -> feature -> number, in double precision."""
    names = tuple(sorted({f.activity for f in features} - {"any_activity"}))
    stream = [did for did in stream if did.activity not in OUR_ACTIVITIES]
    customers = sorted({did.customer for did in stream})
    details = sorted({did.detail for did in stream if did.detail is not None})

    def column(read, dtype):
        return np.array([read(did) for did in stream], dtype=dtype)

    blocks = compute(
        Events(
            customers=len(customers),
            names=names,
            customer=column(lambda d: customers.index(d.customer), np.int32),
            activity=column(lambda d: names.index(d.activity), np.int16),
            occurred_at=column(lambda d: d.occurred_at, np.int64),
            recorded_at=column(lambda d: np.iinfo(np.int64).min if d.recorded_at is None else d.recorded_at, np.int64),
            removed_at=column(lambda d: np.iinfo(np.int64).max if d.removed_at is None else d.removed_at, np.int64),
            value=column(lambda d: np.nan if d.value is None else d.value, np.float64),
            quantity=column(lambda d: np.nan if d.quantity is None else d.quantity, np.float64),
            detail=column(lambda d: -1 if d.detail is None else details.index(d.detail), np.int32),
        ),
        features,
        main_activity=MAIN,
        moments=moments,
        timezone=timezone,
        seen_within_days=seen_within_days,
        dtype=np.float64,
    )
    return {
        (moment, customers[row]): dict(zip([f.name for f in features], block.numbers[:, i].tolist(), strict=True))
        for moment, block in zip(moments, blocks, strict=True)
        for i, row in enumerate(block.rows)
    }
