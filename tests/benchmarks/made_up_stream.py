"""Made-up streams in the activity schema, to judge defaults where nobody tuned: `python made_up_stream.py KIND OUT`.

`daily`: a canteen; weekdays, habits that fade over weeks before someone leaves, visits of the site, some complaints.
`seasonal`: a fashion shop; a few orders a year around two seasons, dearer baskets, long silences that mean nothing.
Each customer has a rate of their own, and one day they leave for good; some slow down before.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from features.activity import VERSION_1


@dataclass(frozen=True)
class Kind:
    """Days of history, mean days between orders, mean days of a customer's life, whether seasons matter."""

    days: int
    gap: float
    life: float
    seasons: bool


KINDS = {"daily": Kind(420, 6.0, 260.0, False), "seasonal": Kind(1100, 70.0, 900.0, True)}


def stream(kind: str, customers: int = 2500, seed: int = 5) -> pa.Table:
    """The stream, from 2020-01-01 on."""
    how, random = KINDS[kind], np.random.default_rng(seed)
    rows = [row for number in range(customers) for row in _customer(number, how, random)]
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "activity", "value"]).sort_values(
        ["day", "customer_id", "activity"], kind="stable"
    )
    frame["occurred_at"] = pd.Timestamp("2020-01-01", tz="UTC") + pd.to_timedelta(
        (frame["day"] * 86_400).round(), unit="s"
    )
    frame["activity_id"] = [f"a{number}" for number in range(len(frame))]
    for name in ("recorded_at", "quantity", "detail"):
        frame[name] = None
    return pa.Table.from_pandas(frame[VERSION_1.names], schema=VERSION_1, preserve_index=False)


def _customer(number: int, how: Kind, random: np.random.Generator) -> list[tuple[str, float, str, float | None]]:
    name, gap = f"c{number:05d}", how.gap * random.gamma(3, 1 / 3)
    begins = random.uniform(0, how.days * 0.8)
    leaves = begins + random.exponential(how.life)
    fades, basket, saturday = random.random() < 0.5, random.lognormal(3, 0.5), random.random() < 0.3
    day, rows = begins, list[tuple[str, float, str, float | None]]()
    while day < min(leaves, how.days):
        rows.append((name, day, "placed_order", round(float(basket * random.lognormal(0, 0.3)), 2)))
        if random.random() < 0.5:
            rows.append((name, max(day - random.exponential(1), 0.0), "visited_site", float(random.poisson(6) + 1)))
        near = fades and leaves - day < 4 * how.gap
        if near and random.random() < 0.2:
            rows.append((name, day + 0.4, "complained", None))
        step = random.exponential(gap * (2 if near else 1))
        if how.seasons and np.cos(4 * np.pi * (day + step) / 365) < -0.3:
            step += random.uniform(20, 60)
        day += max(0.2, step)
        if saturday and not how.seasons:
            day = float(np.floor(day / 7) * 7 + 3.5) if day % 7 < 3 else day
    return rows


if __name__ == "__main__":
    pq.write_table(stream(sys.argv[1]), sys.argv[2])
