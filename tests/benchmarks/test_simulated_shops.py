"""The shops do what their names say, and are the same every time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tests.benchmarks.simulated_shops import BEGIN, DAYS, SHOPS, stream


def orders_by_day(kind: str) -> np.ndarray:
    table = stream(kind, customers=800)
    assert table.equals(stream(kind, customers=800))
    micros = table["occurred_at"].cast(pa.int64()).to_numpy() - int(np.datetime64(BEGIN, "us").astype(np.int64))
    return np.bincount(micros // 86_400_000_000, minlength=DAYS)[:DAYS]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", sorted(SHOPS))
def test_a_shop_moves_as_its_name_says(kind: str) -> None:
    found = orders_by_day(kind)
    early, late = found[200:400].mean(), found[650:850].mean()
    moves = {
        "trend": late < 0.75 * early,
        "christmas": found[310:360].mean() > 1.8 * found[100:250].mean(),
        "growing": late > 1.5 * early,
        "price_shock": found[565:625].mean() < 0.85 * found[500:560].mean(),
        "slow_decline": late < 0.95 * early,
        "two_feasts": found[122:134].mean() > 1.3 * found[80:100].mean()
        and found[330:346].mean() > 1.5 * found[280:300].mean(),
        "rush": late > 1.3 * early,
        "dearer": found[645:700].mean() < 0.8 * found[585:640].mean(),
    }
    assert moves[kind]
