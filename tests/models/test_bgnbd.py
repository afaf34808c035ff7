"""BG/NBD against the paper, against simulated customers, and against the integrals that it stands for."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import hyp2f1
from scipy.stats import beta, gamma

from models.errors import ModelError
from models.learners.bgnbd import BgNbd

PUBLISHED = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)  # Fader, Hardie and Lee 2005, table 2; weeks
SAMPLE = Path(__file__).with_name("cdnow_sample.csv")


def simulated(law: BgNbd, customers: int = 4000, age: float = 60.0, seed: int = 1) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(seed)
    rate = random.gamma(law.r, 1 / law.alpha, customers)
    leaves = random.beta(law.a, law.b, customers)
    ages = random.uniform(age / 2, age, customers)
    repeats, last = np.zeros(customers), np.zeros(customers)
    for one in range(customers):
        now = random.exponential(1 / max(rate[one], 1e-12))
        while now < ages[one]:
            repeats[one], last[one] = repeats[one] + 1, now
            if random.random() < leaves[one]:
                break
            now += random.exponential(1 / rate[one])
    return repeats, last, ages


def test_the_published_sample_gives_the_published_estimates() -> None:
    """The 2,357 customers of the CDNOW sample, 39 weeks; the paper reports a log-likelihood of -9582.4."""
    table = pd.read_csv(SAMPLE, comment="#")
    assert table["customers"].sum() == 2357
    people = table.loc[table.index.repeat(table["customers"])]
    summary = [people[name].to_numpy(dtype=float) for name in ("repeats", "last_weeks", "age_weeks")]
    law = BgNbd.fit(*summary)
    assert (law.r, law.alpha, law.a, law.b) == pytest.approx((0.243, 4.414, 0.793, 2.426), abs=6e-4)
    assert law.log_likelihood(*summary).sum() == pytest.approx(-9582.4, abs=0.05)


def test_the_published_expectation_of_one_customer() -> None:
    """Fader, Hardie and Lee give 1.226 further orders in 39 weeks for x = 2, t = 30.43, T = 38.86 (equation 10)."""
    x, t, age, ahead = 2.0, 30.43, 38.86, 39.0
    r, alpha, a, b = PUBLISHED.r, PUBLISHED.alpha, PUBLISHED.a, PUBLISHED.b
    series = hyp2f1(r + x, b + x, a + b + x - 1, ahead / (alpha + age + ahead))
    if_alive = (a + b + x - 1) / (a - 1) * (1 - ((alpha + age) / (alpha + age + ahead)) ** (r + x) * series)
    alive = PUBLISHED.alive(np.array([x]), np.array([t]), np.array([age]))[0]
    assert if_alive * alive == pytest.approx(1.226, abs=1e-3)


@pytest.mark.parametrize("law", [BgNbd(0.6, 6.0, 0.9, 2.5), BgNbd(1.8, 9.0, 0.5, 4.0)])
def test_known_parameters_come_back(law: BgNbd) -> None:
    summary = simulated(law)
    found = BgNbd.fit(*summary)
    assert found.log_likelihood(*summary).sum() >= law.log_likelihood(*summary).sum()
    assert found.r / found.alpha == pytest.approx(law.r / law.alpha, rel=0.1)  # mean rate
    assert found.a / (found.a + found.b) == pytest.approx(law.a / (law.a + law.b), rel=0.2)  # mean chance of leaving
    probability = found.silent(*summary, days=20)
    assert probability.mean() == pytest.approx(law.silent(*summary, days=20).mean(), abs=0.02)


def test_the_unit_of_time_changes_nothing_but_alpha() -> None:
    repeats, last, age = simulated(BgNbd(0.6, 6.0, 0.9, 2.5), customers=1500)
    weeks, days = BgNbd.fit(repeats, last, age), BgNbd.fit(repeats, last * 7, age * 7)
    assert (days.r, days.alpha, days.a, days.b) == pytest.approx((weeks.r, weeks.alpha * 7, weeks.a, weeks.b), rel=1e-3)


@pytest.mark.parametrize(("x", "t"), [(0, 0.0), (1, 3.0), (5, 38.0), (5, 12.0)])
def test_the_likelihood_is_the_integral_that_it_stands_for(x: int, t: float) -> None:
    law, age = BgNbd(1.3, 4.0, 1.2, 2.4), 40.0

    nodes, weights = np.polynomial.legendre.leggauss(300)
    rate, leave = 4 * (nodes + 1)[:, None], ((nodes + 1) / 2)[None, :]  # rates from 0 to 8
    alive = (1 - leave) ** x * rate**x * np.exp(-rate * age)
    left = leave * (1 - leave) ** (x - 1) * rate**x * np.exp(-rate * t) if x else 0.0
    of_one = (alive + left) * gamma(law.r, scale=1 / law.alpha).pdf(rate) * beta(law.a, law.b).pdf(leave)
    integral = float(4 * weights @ of_one @ weights / 2)
    found = law.log_likelihood(np.array([float(x)]), np.array([t]), np.array([age]))[0]
    assert np.exp(found) == pytest.approx(integral, rel=1e-4)


def test_the_chance_of_silence_is_what_simulated_customers_do() -> None:
    """The same customers seen at 40 and at 60: who ordered nothing in between."""
    law = BgNbd(0.9, 6.0, 0.6, 2.0)
    random = np.random.default_rng(3)
    said, did = [], []
    for _ in range(6000):
        rate, leave, now, x, t, silent = (
            random.gamma(law.r, 1 / law.alpha),
            random.beta(law.a, law.b),
            0.0,
            0,
            0.0,
            True,
        )
        while (now := now + random.exponential(1 / max(rate, 1e-12))) < 60:
            if now < 40:
                x, t = x + 1, now
            else:
                silent = False
                break
            if random.random() < leave:
                break
        said.append(law.silent(np.array([x]), np.array([t]), np.array([40.0]), days=20)[0])
        did.append(silent)
    edges = np.quantile(said, [0, 0.25, 0.5, 0.75, 1])
    for low, high in pairwise(edges):
        group = (np.array(said) >= low) & (np.array(said) <= high)
        assert np.array(did)[group].mean() == pytest.approx(np.array(said)[group].mean(), abs=0.03)


def test_one_order_is_alive_but_its_silence_is_no_zero() -> None:
    one = (np.array([0.0]), np.array([0.0]), np.array([30.0]))
    assert PUBLISHED.alive(*one)[0] == 1.0
    assert 0.5 < PUBLISHED.silent(*one, days=13)[0] < 1
    assert PUBLISHED.silent(*one, days=26)[0] < PUBLISHED.silent(*one, days=13)[0]  # longer is harder


def test_an_impossible_summary_is_an_error_in_words() -> None:
    with pytest.raises(ModelError, match=r"1 of 2 customers have a summary that cannot be"):
        BgNbd.fit(np.array([1.0, 2.0]), np.array([5.0, 9.0]), np.array([8.0, 8.0]))
