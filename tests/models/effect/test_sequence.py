from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.effect.sequential.sequence import sequence_critical
from models.effect.sequential.trial import Trial
from models.errors import ModelError
from tests.models.effect.planted import Scenario, always_covered_share


def test_it_is_narrowest_where_it_was_asked_to_be() -> None:
    sizes = np.arange(50, 5000, 10)
    width = sequence_critical(sizes, best_at=1000) / np.sqrt(sizes)
    # Of all mixtures, the one for 1,000 is narrowest at 1,000.
    at = [float(sequence_critical(1000, best_at=best)) for best in (500, 900, 1000, 1100, 2000)]
    assert np.argmin(at) == 2
    assert np.all(np.diff(width) < 0)


def test_the_formula_by_hand() -> None:
    # Robbins' mixture: with v = 1 the square is 2 (log 2 + 2 log 20).
    best = -1 - float(np.real(__import__("scipy.special", fromlist=["lambertw"]).lambertw(-(0.05**2) / np.e, -1)))
    assert float(sequence_critical(100 / best, best_at=100)) == pytest.approx(np.sqrt(2 * (np.log(2) + 2 * np.log(20))))


@given(n=st.integers(1, 10**6), level=st.floats(0.001, 0.3))
def test_it_is_wider_than_one_look_and_nothing_is_known_of_nobody(n: int, level: float) -> None:
    from models.effect.shares import normal_critical

    assert sequence_critical(n, best_at=1000, level=level) > normal_critical(level)
    assert np.isinf(sequence_critical(0, best_at=1000))


@pytest.mark.parametrize(
    ("arms", "success"),
    [((1000, 110, 0.4), 0.0), ((1000, 110, 0.05), 0.3), ((300, 300, 0.02), 0.0), ((2600, 2600, 0.3), -0.2)],
)
def test_all_intervals_together_hold_the_truth_from_the_first_customer_on(arms, success) -> None:
    weeks = tuple(float(n) for n in np.arange(1, 53) / 52)
    planned = Trial(*(np.array([float(one)]) for one in arms), fractions=weeks)
    assert always_covered_share(Scenario(planned, success, "sequence"), 500) >= 0.95


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ModelError, match="best_at must lie above 0"):
        sequence_critical(10, best_at=0)
