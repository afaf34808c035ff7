from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betaln, xlog1py, xlogy

from models.effect.success import Belief, Evidence, log_likelihood, posterior
from models.errors import ModelError

BELIEF = Belief(6, 14)


def seen(
    contacted: float,
    left: float,
    control: float,
    control_left: float,
    action: str = "call",
    segment: str = "all",
    belief: Belief = BELIEF,
) -> Evidence:
    return Evidence(action, segment, contacted, left, control, control_left, belief)


@pytest.mark.parametrize("belief", [BELIEF, Belief(3, 17, harm=0.2), Belief(1, 1, harm=0.0)])
def test_without_evidence_the_belief_is_the_one_stated(belief: Belief) -> None:
    one = posterior([seen(0, 0, 0, 0, belief=belief), seen(0, 0, 0, 0, "mail", belief=BELIEF)])[0]
    mean = (1 - belief.harm) * belief.alpha / (belief.alpha + belief.beta) - belief.harm * 0.2
    assert one.mean == pytest.approx(mean, abs=2e-4)
    assert one.prior_mean == pytest.approx(mean, abs=2e-4)
    assert one.harm == pytest.approx(belief.harm, abs=2e-3)
    assert belief.below(one.low) == pytest.approx(0.025, abs=2e-3)
    assert belief.below(one.high) == pytest.approx(0.975, abs=2e-3)


@given(u=st.floats(0.001, 0.999), harm=st.sampled_from([0.0, 0.1, 0.4]))
def test_quantiles_turn_the_belief_round(u: float, harm: float) -> None:
    belief = Belief(6, 14, harm)
    assert belief.below(float(belief.quantile(np.array(u)))) == pytest.approx(u, abs=1e-9)


def density(s: float) -> float:
    if s < 0:
        return 0.1 * 4 * (1 + s) ** 3
    return 0.9 * np.exp(xlogy(5, s) + xlog1py(13, -s) - betaln(6, 14))


@pytest.mark.parametrize("counts", [(300, 100, 33, 13), (300, 160, 33, 13), (40, 2, 8, 3)])
def test_one_cell_is_what_integration_gives(counts: tuple[int, int, int, int]) -> None:
    evidence = seen(*counts)

    def weight(s: float) -> float:
        return density(s) * float(np.exp(log_likelihood(evidence, np.array([s])))[0])

    parts = [[quad(lambda s, k=k: s**k * weight(s), *ends, limit=200)[0] for k in (0, 1)] for ends in ((-1, 0), (0, 1))]
    whole = parts[0][0] + parts[1][0]
    found = posterior([evidence])[0]
    assert found.mean == pytest.approx((parts[0][1] + parts[1][1]) / whole, abs=1e-3)
    assert found.harm == pytest.approx(parts[0][0] / whole, abs=5e-3)


def test_the_likelihood_sums_over_what_the_control_group_leaves_open() -> None:
    n1, x1, n0, x0, s = 30, 9, 20, 8, 0.25

    def weight(p0: float) -> float:
        p1 = p0 * (1 - s)
        return np.exp(xlogy(x0 - 0.5, p0) + xlog1py(n0 - x0 - 0.5, -p0) - betaln(x0 + 0.5, n0 - x0 + 0.5)) * (
            np.exp(xlogy(x1, p1) + xlog1py(n1 - x1, -p1) - betaln(x1 + 1, n1 - x1 + 1)) / (n1 + 1)
        )

    assert np.exp(log_likelihood(seen(n1, x1, n0, x0), np.array([s])))[0] == pytest.approx(
        quad(weight, 0, 1)[0], rel=1e-3
    )


def test_much_evidence_overrules_what_was_believed() -> None:
    good, bad, none = (posterior([seen(100_000, left, 10_000, 4_000)])[0] for left in (30_000, 48_000, 40_000))
    assert good.mean == pytest.approx(0.25, abs=0.01)
    assert bad.mean == pytest.approx(-0.2, abs=0.02)
    assert (good.harm, bad.harm) == (pytest.approx(0, abs=1e-6), pytest.approx(1, abs=1e-6))
    assert none.low < 0.01 < none.high + 0.02


def test_evidence_of_one_segment_moves_the_others_of_its_action_more_than_other_actions() -> None:
    cells = [
        seen(2000, 400, 400, 160, "call", "regular"),
        seen(0, 0, 0, 0, "call", "new"),
        seen(0, 0, 0, 0, "mail", "new"),
    ]
    found = {(one.action, one.segment): one.mean for one in posterior(cells)}
    before = posterior(cells)[1].prior_mean
    assert found["call", "regular"] > 0.4
    assert found["call", "regular"] > found["call", "new"] > found["mail", "new"] > before
    assert found["call", ""] == pytest.approx(found["call", "new"], abs=1e-6)


def test_cells_that_agree_are_pooled_more_than_cells_that_do_not() -> None:
    def spread(lefts: tuple[int, ...]) -> float:
        cells = [seen(600, left, 600, 240, "call", f"s{n}") for n, left in enumerate(lefts)]
        return posterior([*cells, seen(0, 0, 0, 0, "call", "unseen")])[len(lefts)].high

    assert spread((168, 168, 168, 168)) < spread((120, 220, 120, 220))


@settings(max_examples=8)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_cells_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = [
        seen(n1, rng.integers(0, n1 + 1), n0, rng.integers(0, n0 + 1), action, segment)
        for action, segment, n1, n0 in (("call", "a", 50, 20), ("call", "b", 9, 3), ("mail", "a", 200, 30))
    ]
    forth = {(one.action, one.segment): one.mean for one in posterior(cells)}
    back = {(one.action, one.segment): one.mean for one in posterior(cells[::-1])}
    assert back == pytest.approx(forth)


def test_intervals_hold_what_was_drawn_from_the_belief_and_harm_is_as_probable_as_said() -> None:
    rng, held, said, is_harm, runs = np.random.default_rng(1), 0, [], [], 80
    for _ in range(runs):
        s, p0 = float(BELIEF.quantile(np.array(rng.random()))), rng.beta(4, 6)
        x1, x0 = rng.binomial(270, min(p0 * (1 - s), 1)), rng.binomial(30, p0)
        one = posterior([seen(270, x1, 30, x0)])[0]
        held += one.low <= s <= one.high
        said.append(one.harm)
        is_harm.append(s < 0)
    assert held / runs == pytest.approx(0.95, abs=0.05)
    assert np.mean(said) == pytest.approx(np.mean(is_harm), abs=0.08)


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(ModelError, match="alpha and beta must lie above 0"):
        Belief(0, 1)
    with pytest.raises(ModelError, match="more left than were there"):
        seen(3, 5, 1, 0)
    with pytest.raises(ModelError, match="stand twice"):
        posterior([seen(3, 1, 1, 0), seen(3, 1, 1, 0)])
