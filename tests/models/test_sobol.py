"""The points are those of scipy, bit for bit, and balanced as a Sobol sequence is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import qmc

from models.errors import ModelError
from models.training import sobol


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 7), st.integers(1, sobol.MOST_COLUMNS), st.integers(0, 2**63))
def test_points_are_those_of_scipy(power: int, columns: int, seed: int) -> None:
    ours = sobol.points(1 << power, columns, seed=seed)
    np.testing.assert_array_equal(ours, qmc.Sobol(columns, seed=seed).random(1 << power))


def test_fewer_points_are_the_first_of_more() -> None:
    np.testing.assert_array_equal(sobol.points(5, 4, seed=7), sobol.points(64, 4, seed=7)[:5])
    assert sobol.points(0, 4, seed=7).shape == (0, 4)


@pytest.mark.parametrize("column", range(sobol.MOST_COLUMNS))
def test_every_column_has_one_point_in_each_equal_interval(column: int) -> None:
    found = sobol.points(256, sobol.MOST_COLUMNS, seed=1)[:, column]
    assert sorted(np.floor(found * 256).astype(int).tolist()) == list(range(256))


@pytest.mark.parametrize(("count", "columns"), [(-1, 2), (1, 0), (1, sobol.MOST_COLUMNS + 1), ((1 << 30) + 1, 1)])
def test_more_than_there_is_is_refused(count: int, columns: int) -> None:
    with pytest.raises(ModelError, match="sobol: there are up to"):
        sobol.points(count, columns, seed=7)
