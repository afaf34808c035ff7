from __future__ import annotations

import numpy as np
import pytest

from models.effect.policy.off_policy import policy_value
from models.errors import ModelError


def logged(rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
    """Three actions, drawn by what the customer is; the best one depends on it too."""
    kind = rng.integers(0, 2, n)
    before = np.where(kind[:, None] == 0, [0.6, 0.3, 0.1], [0.2, 0.3, 0.5])
    action = (rng.random((n, 1)) > before.cumsum(axis=1)).sum(axis=1)
    stays = np.where(kind[:, None] == 0, [0.5, 0.6, 0.7], [0.7, 0.5, 0.4])
    reward = (rng.random(n) < stays[np.arange(n), action]).astype(float)
    after = np.where(kind[:, None] == 0, [0.0, 0.0, 1.0], [1.0, 0.0, 0.0])  # the best for each
    return action, before, reward, after, stays


@pytest.mark.parametrize("method", ["self_normalised", "doubly_robust"])
def test_the_value_of_another_rule_is_covered_and_its_gain_too(method: str) -> None:
    rng, runs, held, gained, widths = np.random.default_rng(1), 400, 0, 0, []
    for _ in range(runs):
        action, before, reward, after, stays = logged(rng, 600)
        given = stays + 0.05 if method == "doubly_robust" else None  # predictions that are wrong by a bit
        found = policy_value(action, before, reward, after, given)
        assert (found.method, found.refusal) == (method, "")
        held += found.low <= 0.7 <= found.high
        gained += found.gain_low <= 0.7 - (0.54 + 0.49) / 2 <= found.gain_high
        widths.append(found.high - found.low)
    assert held / runs >= 0.93
    assert gained / runs >= 0.93
    assert np.mean(widths) < 0.25


def test_the_rule_that_was_followed_has_the_value_that_was_seen() -> None:
    action, before, reward, _, _ = logged(np.random.default_rng(2), 500)
    found = policy_value(action, before, reward, before)
    assert (found.value, found.gain) == (pytest.approx(reward.mean()), pytest.approx(0, abs=1e-12))
    assert found.effective == pytest.approx(500)
    assert found.gain_high == pytest.approx(0, abs=1e-12)


def test_what_was_never_done_and_what_was_hardly_done_is_refused() -> None:
    n = 400
    rng = np.random.default_rng(3)
    before = np.tile([0.5, 0.5, 0.0], (n, 1))
    action, reward = rng.integers(0, 2, n), rng.random(n)
    never = policy_value(action, before, reward, np.tile([0.0, 0.9, 0.1], (n, 1)))
    assert never.refusal == "never_done"
    assert never.uncovered_share == pytest.approx(0.1)
    assert np.isnan(never.value)
    rare = np.tile([0.98, 0.02, 0.0], (n, 1))
    hardly = policy_value((rng.random(n) < 0.02).astype(int), rare, reward, np.tile([0.0, 1.0, 0.0], (n, 1)))
    assert hardly.refusal == "too_little_overlap"
    assert hardly.effective < 50


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"probabilities": np.full((3, 2), 0.6)}, "3 rows of logged probabilities do not sum to 1"),
        ({"policy": np.full((3, 2), 0.2)}, "3 rows of new probabilities do not sum to 1"),
        ({"probabilities": np.tile([1.0, 0.0], (3, 1))}, "1 logged actions had probability 0"),
        ({"reward": np.zeros(2)}, "do not fit together"),
    ],
)
def test_logs_that_cannot_be_are_refused(change, fault) -> None:
    good = {
        "action": [0, 1, 0],
        "probabilities": np.full((3, 2), 0.5),
        "reward": np.zeros(3),
        "policy": np.full((3, 2), 0.5),
    }
    with pytest.raises(ModelError, match=fault):
        policy_value(**(good | change))
