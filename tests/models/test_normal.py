"""The normal distribution is scipy.stats' own, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from models import normal


@pytest.mark.parametrize("z", np.linspace(-9, 9, 37).tolist())
def test_cdf(z: float) -> None:
    assert normal.cdf(z) == norm.cdf(z)


@pytest.mark.parametrize("probability", [0.0, 1e-300, 1e-9, 0.025, 0.3, 0.5, 0.975, 1.0])
def test_isf(probability: float) -> None:
    assert normal.isf(probability) == norm.isf(probability)
