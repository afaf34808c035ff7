from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln, xlogy

from models.effect.counts import Counts
from models.effect.one_share import clopper_pearson, wilson
from models.effect.shares import claims, difference, miettinen_nurminen, newcombe, score
from models.errors import ModelError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint
    from statsmodels.stats.proportion import test_proportions_2indep as compared


def counts(control: tuple[int, int], contacted: tuple[int, int]) -> Counts:
    """(left, of) of either arm, one stratum."""
    return Counts(
        *(np.array([float(one)]) for one in (contacted[1], contacted[0], control[1], control[0])),
    )


# Newcombe 1998, table II: 56/70 - 48/80, 9/10 - 3/10, 6/7 - 2/7, 5/56 - 0/29, 0/10 - 0/20, 10/10 - 0/10.
PUBLISHED = [
    ((56, 70), (48, 80), (0.0528, 0.3382), (0.0524, 0.3339)),
    ((9, 10), (3, 10), (0.1700, 0.8406), (0.1705, 0.8090)),
    ((6, 7), (2, 7), (0.0342, 0.8534), (0.0582, 0.8062)),
    ((5, 56), (0, 29), (-0.0326, 0.1933), (-0.0381, 0.1926)),
    ((0, 10), (0, 20), (-0.1658, 0.2844), (-0.1611, 0.2775)),
    ((10, 10), (0, 10), (0.6636, 1.0000), (0.6075, 1.0000)),
]


@pytest.mark.parametrize(("control", "contacted", "score_limits", "hybrid_limits"), PUBLISHED)
def test_limits_are_the_published_ones(control, contacted, score_limits, hybrid_limits) -> None:
    found, quick = miettinen_nurminen(counts(control, contacted)), newcombe(counts(control, contacted))
    assert (float(found.low), float(found.high)) == pytest.approx(score_limits, abs=6e-5)
    assert (float(quick.low), float(quick.high)) == pytest.approx(hybrid_limits, abs=6e-5)


TWO_ARMS = [((30, 100), (170, 900)), ((3, 33), (20, 300)), ((50, 60), (55, 61))]


@pytest.mark.parametrize(("control", "contacted"), TWO_ARMS)
@pytest.mark.parametrize("level", [0.05, 0.01])
def test_hybrid_limits_are_those_of_statsmodels(control, contacted, level) -> None:
    found = newcombe(counts(control, contacted), level=level)
    theirs = confint_proportions_2indep(*control, *contacted, method="newcomb", compare="diff", alpha=level)
    assert (float(found.low), float(found.high)) == pytest.approx(theirs)


@pytest.mark.parametrize(("control", "contacted"), TWO_ARMS)
def test_the_score_against_no_effect_is_that_of_statsmodels(control, contacted) -> None:
    theirs = compared(*control, *contacted, value=0, method="score", compare="diff")
    assert float(score(counts(control, contacted))) == pytest.approx(theirs.statistic)


@pytest.mark.parametrize(("control", "contacted"), [*TWO_ARMS, ((0, 5), (0, 45)), ((33, 33), (270, 300))])
@pytest.mark.parametrize("supposed", [-0.3, -0.02, 0.05, 0.4])
def test_the_score_takes_the_most_probable_shares(control, contacted, supposed) -> None:
    q1 = np.linspace(max(0.0, -supposed), min(1.0, 1 - supposed), 400_001)
    (x0, n0), (x1, n1), q0 = control, contacted, np.clip(q1 + supposed, 0, 1)
    chance = xlogy(x1, q1) + xlogy(n1 - x1, 1 - q1) + xlogy(x0, q0) + xlogy(n0 - x0, 1 - q0)
    best = int(np.argmax(chance))
    spread = (q0[best] * (1 - q0[best]) / n0 + q1[best] * (1 - q1[best]) / n1) * (n0 + n1) / (n0 + n1 - 1)
    assert float(score(counts(control, contacted), supposed)) == pytest.approx(
        (x0 / n0 - x1 / n1 - supposed) / np.sqrt(spread), rel=1e-4
    )


@pytest.mark.parametrize(("left", "of"), [(0, 20), (3, 20), (20, 20), (400, 1000)])
def test_limits_of_one_share_are_those_of_statsmodels(left: int, of: int) -> None:
    z = 1.959963984540054
    assert wilson(left / of, of, z**2) == pytest.approx(proportion_confint(left, of, method="wilson"))
    assert clopper_pearson(left / of, of, z) == pytest.approx(proportion_confint(left, of, method="beta"))


def probabilities(size: int, share: float) -> np.ndarray:
    x = np.arange(size + 1)
    return np.exp(
        gammaln(size + 1) - gammaln(x + 1) - gammaln(size - x + 1) + xlogy(x, share) + xlogy(size - x, 1 - share)
    )


def coverage(sizes: tuple[int, int], shares: tuple[float, float], interval=difference) -> float:
    """Exact: every pair of leavers in either arm (contacted, control), weighed by its probability."""
    chances = [probabilities(n, p) for n, p in zip(sizes, shares, strict=True)]
    used = [np.flatnonzero(one > 1e-7) for one in chances]
    x1, x0 = (one.ravel().astype(float)[:, None] for one in np.meshgrid(*used, indexing="ij"))
    found = interval(Counts(np.full_like(x1, sizes[0]), x1, np.full_like(x0, sizes[1]), x0))
    held = (found.low <= shares[1] - shares[0] + 1e-9) & (found.high >= shares[1] - shares[0] - 1e-9)
    return float((np.outer(*(c[u] for c, u in zip(chances, used, strict=True))).ravel() * held).sum())


@pytest.mark.parametrize("sizes", [(2, 2), (10, 10), (45, 5), (90, 10), (270, 30), (60, 60)])
def test_coverage_holds_for_few_and_for_extreme_shares(sizes: tuple[int, int]) -> None:
    for shares in itertools.product((0.0, 0.02, 0.2, 0.5, 0.95), (0.003, 0.02, 0.1, 0.4, 0.9)):
        found = coverage(sizes, shares)
        assert found >= 0.935, (sizes, shares, found)
        if min(n * q for n, p in zip(sizes, shares, strict=True) for q in (p, 1 - p)) >= 10:
            assert found <= 0.97, (sizes, shares, found)


def test_the_plain_score_covers_too_little_where_hardly_anybody_leaves() -> None:
    assert coverage((500, 55), (0.0, 0.003), miettinen_nurminen) == pytest.approx(0.848, abs=1e-3)
    assert coverage((500, 55), (0.0, 0.003)) > 0.98


def test_of_one_stratum_and_of_equal_strata_the_same_comes_out() -> None:
    one, four = counts((40, 200), (120, 800)), Counts(*(np.full(4, n) for n in (200.0, 30.0, 50.0, 10.0)))
    whole, parts = difference(one), difference(four)
    assert float(parts.effect) == pytest.approx(float(whole.effect))
    assert float(parts.low) == pytest.approx(float(whole.low), abs=2e-3)


def test_strata_take_out_what_would_mislead() -> None:
    # Half of the risky are held out and a tenth of the others: contacting does nothing in either; pooled it seems to.
    strata = Counts(np.array([100.0, 900.0]), np.array([60.0, 90.0]), np.array([100.0, 100.0]), np.array([60.0, 10.0]))
    assert float(difference(strata).effect) == pytest.approx(0.0, abs=1e-12)
    pooled = Counts(
        *(
            np.array([one.sum()])
            for one in (strata.contacted, strata.contacted_left, strata.control, strata.control_left)
        )
    )
    assert float(difference(pooled).low) > 0.1
    assert strata.weights == pytest.approx([50 / 140, 90 / 140])


def test_a_stratum_without_one_arm_counts_for_nothing_and_no_arm_says_nothing() -> None:
    beside = Counts(np.array([300.0, 50.0]), np.array([90.0, 50.0]), np.array([33.0, 0.0]), np.array([12.0, 0.0]))
    assert float(difference(beside).low) == pytest.approx(float(difference(counts((12, 33), (90, 300))).low))
    nobody = difference(counts((0, 0), (90, 300)))
    assert (float(nobody.low), float(nobody.high)) == (-1.0, 1.0)
    assert np.isnan(nobody.effect)
    assert not nobody.is_claimed


arm = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=10)
@given(control=arm, contacted=arm, critical=st.floats(0.5, 6))
def test_the_interval_holds_the_estimate_mirrors_and_widens(control, contacted, critical) -> None:
    found = difference(counts(control, contacted), critical)
    assert -1 <= found.low <= found.effect + 1e-9
    assert found.effect - 1e-9 <= found.high <= 1
    mirrored = difference(counts(contacted, control), critical)
    assert (float(-mirrored.high), float(-mirrored.low)) == pytest.approx(
        (float(found.low), float(found.high)), abs=1e-6
    )
    wider = difference(counts(control, contacted), critical + 0.5)
    assert wider.low <= found.low + 1e-9
    assert wider.high >= found.high - 1e-9
    everything = difference(counts(control, contacted), np.inf)
    assert (float(everything.low), float(everything.high)) == (-1.0, 1.0)


@settings(max_examples=25)
@given(control=arm, contacted=arm)
def test_what_is_claimed_is_what_the_interval_says(control, contacted) -> None:
    one = counts(control, contacted)
    assert bool(claims(one[None])[0]) == bool(difference(one).is_claimed)


@given(control=arm, contacted=arm, at=st.floats(-0.9, 0.9))
def test_the_score_falls_as_more_is_supposed(control, contacted, at) -> None:
    one = counts(control, contacted)
    assert score(one, at + 0.05) <= score(one, at) + 1e-9


def test_customers_become_counts() -> None:
    found = Counts.of([True, True, False, False, True], [1, 0, 1, 1, 0], ["a", "b", "a", "b", "a"])
    assert found.contacted.tolist() == [2, 1]
    assert found.contacted_left.tolist() == [1, 0]
    assert found.control_left.tolist() == [1, 1]


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ModelError, match="contacted_left must lie between 0 and contacted"):
        counts((1, 2), (5, 3))
