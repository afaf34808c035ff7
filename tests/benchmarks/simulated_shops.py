"""Shops whose base rate moves, to judge probabilities where nobody tuned: `python simulated_shops.py KIND OUT`.

Customers order at a personal rate until they leave for good; what all of them share is the pace of the day. LOOKED_AT
served while a default was chosen: `trend` orders become rarer year by year; `christmas` three times as many in the
weeks before it, fewer after; `growing` newcomers come faster and faster, and are less faithful than those before them;
`price_shock` one day prices rise, everybody orders a quarter less from then on and some leave at once. UNSEEN are the
same four troubles in other sizes and at other times; no choice has seen them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from features.activity import VERSION_1

Floats = npt.NDArray[np.floating[Any]]

BEGIN = "2021-01-01"
DAYS = 900


@dataclass(frozen=True)
class Shop:
    """Who comes, how long they stay, how often they buy, and the pace of a day.

    Attributes:
        joins: days on which so many customers come.
        stays_days: mean days until one leaves for good, by the day of joining.
        pace: of a day, 1 as ever, never above `most`.
        gap_days: between orders of a usual customer at the usual pace.
        upset: share of customers who leave on `shock_day`.
    """

    seed: int
    joins: Callable[[np.random.Generator, int], Floats]
    stays_days: Callable[[Floats], Floats]
    pace: Callable[[Floats], Floats]
    most: float = 1.0
    gap_days: float = 32.0
    upset: float = 0.0
    shock_day: float = DAYS


def _evenly(random: np.random.Generator, customers: int) -> Floats:
    return random.uniform(-300, DAYS - 30, customers)


def _faster(random: np.random.Generator, customers: int, by: float = 2.5) -> Floats:
    return np.asarray(DAYS * np.log1p(random.random(customers) * (np.e**by - 1)) / by - 60)


def _christmas(day: Floats) -> Floats:
    of_year = day % 365
    peak = np.exp(-0.5 * ((of_year - 335) / 18) ** 2)
    return np.asarray(0.9 + 2.0 * peak - 0.35 * (of_year < 50))


def _two_feasts(day: Floats) -> Floats:
    of_year = day % 365
    feasts = [(338, 12, 1.4), (128, 9, 0.8)]
    return np.asarray(0.8 + sum(high * np.exp(-0.5 * ((of_year - at) / wide) ** 2) for at, wide, high in feasts))


def _stays(days: float) -> Callable[[Floats], Floats]:
    return lambda at: np.full(len(at), days)


LOOKED_AT = {
    "trend": Shop(11, _evenly, _stays(500.0), lambda day: np.exp(-0.5 * day / 365)),
    "christmas": Shop(12, _evenly, _stays(450.0), _christmas, most=2.9),
    "growing": Shop(13, _faster, lambda at: np.where(at < 300, 500.0, 180.0), np.ones_like),
    "price_shock": Shop(
        14, _evenly, _stays(500.0), lambda day: np.where(day < 560, 1.0, 0.75), upset=0.15, shock_day=560.0
    ),
}

UNSEEN = {
    "slow_decline": Shop(21, _evenly, _stays(350.0), lambda day: 1 - 0.25 * day / DAYS, gap_days=24.0),
    "two_feasts": Shop(22, _evenly, _stays(600.0), _two_feasts, most=2.3, gap_days=40.0),
    "rush": Shop(
        23, lambda random, count: _faster(random, count, 1.6), lambda at: 420.0 - 0.25 * at, np.ones_like, gap_days=28.0
    ),
    "dearer": Shop(
        24,
        _evenly,
        _stays(420.0),
        lambda day: np.where(day < 640, 1.0, 0.65),
        gap_days=26.0,
        upset=0.1,
        shock_day=640.0,
    ),
}

SHOPS = LOOKED_AT | UNSEEN


def stream(kind: str, customers: int = 3000) -> pa.Table:
    """The orders of a shop in the activity schema, `DAYS` days from `BEGIN` on."""
    shop = SHOPS[kind]
    random = np.random.default_rng(shop.seed)
    joined = shop.joins(random, customers)
    leaves = joined + random.exponential(shop.stays_days(joined))
    if shop.upset:
        upset = (random.random(customers) < shop.upset) & (joined < shop.shock_day)
        leaves = np.where(upset, np.minimum(leaves, shop.shock_day), leaves)
    rate = random.gamma(1.6, 1 / 1.6, customers) / shop.gap_days
    until = np.minimum(leaves, DAYS)
    tried = random.poisson(np.maximum(until - joined, 0) * rate * shop.most)
    owner = np.repeat(np.arange(customers), tried)
    day = joined[owner] + random.random(len(owner)) * (until - joined)[owner]
    kept = (random.random(len(owner)) * shop.most < shop.pace(day)) & (day >= 0)  # thinning (Lewis and Shedler 1979)
    first = (joined >= 0) & (joined < DAYS)
    basket = random.lognormal(3.2, 0.5, customers)
    who = np.concatenate([owner[kept], np.flatnonzero(first)])
    when = np.concatenate([day[kept], joined[first]])
    return _table(who, when, np.round(basket[who] * random.lognormal(0, 0.3, len(who)), 2))


def _table(who: npt.NDArray[np.int64], when: Floats, value: Floats) -> pa.Table:
    order = np.lexsort((who, when))
    frame = pd.DataFrame({"customer_id": [f"c{number:05d}" for number in who[order]], "value": value[order]})
    seconds = pd.to_timedelta((when[order] * 86_400).round(), unit="s")
    frame["occurred_at"] = pd.Timestamp(BEGIN, tz="UTC") + seconds
    frame["activity_id"], frame["activity"] = [f"a{number}" for number in range(len(frame))], "placed_order"
    for name in ("recorded_at", "quantity", "detail"):
        frame[name] = None
    return pa.Table.from_pandas(frame[VERSION_1.names], schema=VERSION_1, preserve_index=False)


if __name__ == "__main__":
    pq.write_table(stream(sys.argv[1]), sys.argv[2])
