"""A cause that lies in the future, or was only learned there, must be worth nothing before it happens."""

from __future__ import annotations

import random

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from features.windows import DAY_US, midnight
from tests.features.oracle import Did
from tests.features.streams_for_tests import MAIN, everything, numbers

AS_OF, LATER = "2017-11-06", "2017-12-04"
FEATURES = everything((MAIN, "complained"))
CUSTOMERS = [f"{i:04d}" for i in range(1200)]


def planted(left: dict[str, bool], *, learned_later: bool) -> list[Did]:
    """Everybody orders at random; those who leave complain often.

    After the moment, or before it but recorded after it.
    """
    chance, moment = random.Random(5), midnight(AS_OF, "UTC")
    stream = []
    for customer in CUSTOMERS:
        for _ in range(chance.randint(1, 8)):
            stream.append(Did(customer, MAIN, moment - chance.randint(1, 300 * DAY_US), chance.randint(1, 9999) / 100))
        for _ in range(4 if left[customer] else 0):
            shift = chance.randint(1, 20 * DAY_US)
            if learned_later:
                stream.append(Did(customer, "complained", moment - shift, recorded_at=moment + shift))
            else:
                stream.append(Did(customer, "complained", moment + shift - 1))
    return stream


def auc_of(stream: list[Did], left: dict[str, bool], as_of: str) -> float:
    """How well a model fitted on half of the customers ranks the other half."""
    found = numbers(stream, FEATURES, (as_of,))
    table = np.log1p(np.abs(np.array([list(found[as_of, customer].values()) for customer in CUSTOMERS])))
    table = (table - table.mean(0)) / (table.std(0) + 1e-9)
    truth = np.array([left[customer] for customer in CUSTOMERS])
    half = len(CUSTOMERS) // 2
    model = LogisticRegression(C=0.01, max_iter=500).fit(table[:half], truth[:half])
    return float(roc_auc_score(truth[half:], model.predict_proba(table[half:])[:, 1]))


@pytest.mark.parametrize("learned_later", [False, True])
def test_a_planted_leak_scores_near_chance(learned_later: bool) -> None:
    chance = random.Random(3)
    left = {customer: chance.random() < 0.4 for customer in CUSTOMERS}
    stream = planted(left, learned_later=learned_later)
    assert abs(auc_of(stream, left, AS_OF) - 0.5) < 0.07
    assert auc_of(stream, left, LATER) > 0.99  # the plant is there to be seen, once it has happened
