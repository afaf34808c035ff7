"""Verdicts on planted experiments: found where it is, refused where it is not, harm said, too few refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm

from models.effect.uplift.experiment import Column, experiment_of
from models.effect.uplift.needed import customers_for, enough, provable
from models.effect.uplift.qini import qini, top_gain
from models.effect.uplift.sequential import Judged, blocks_of, judge
from models.effect.uplift.verdict import (
    FLAG,
    MODEL,
    NOTHING,
    RISK,
    TOO_FEW,
    figures_of,
    harmed_of,
    uplift,
    verdict_of,
)
from models.errors import ModelError
from tests.models.effect.planted_experiments import Mailing


def test_planted_heterogeneity_is_found_and_so_is_harm() -> None:
    experiment, truth = Mailing(10_000, base=0.2, by_flag=0.2, by_history=0.05, harmed=-0.15).experiment()
    judged = judge(experiment)
    assert verdict_of(judged, 0.3, by_share=False) == MODEL
    figures = figures_of(judged, experiment, 0.3, by_share=False)
    assert figures.flag is not None
    assert experiment.columns[figures.flag.column].name == "womens"
    assert figures.judged == pytest.approx(6000, abs=5)
    assert min(one.low for one in figures.differences.values()) > 0
    harmed = figures.harmed
    assert harmed is not None
    assert harmed.found.high < 0
    assert {experiment.columns[one.flag.column].name for one in harmed.traits} <= {
        "newbie",
        "channel",
        "womens",
        "mens",
    }
    held = truth[judged.rows]
    for score, name in ((judged.model, MODEL), (judged.flag, FLAG), (judged.risk, RISK)):
        found, gain = figures.qini[name], figures.policies[name]
        assert found.low <= qini(held, score, judged.grouping).coefficient <= found.high
        assert gain.low <= top_gain(held, score, None, 0.3, judged.grouping).value <= gain.high
    again = judge(experiment)
    assert (again.model == judged.model).all()
    assert (again.psi == judged.psi).all()
    assert again.flags == judged.flags


def test_where_treating_does_the_same_to_everybody_no_ranking_is_claimed() -> None:
    found = uplift(Mailing(4000).experiment()[0], 0.2)
    assert (found.verdict, found.share, found.by_share) == (NOTHING, 0.2, True)
    assert found.figures is not None
    assert found.figures.harmed is None
    assert found.average.low > 0, "treating helps, whoever it is"


def test_a_flag_is_recommended_where_a_model_adds_nothing() -> None:
    found = uplift(Mailing(8000, base=0.2, by_flag=0.16).experiment()[0])
    assert found.verdict == FLAG
    assert found.figures is not None
    assert found.figures.qini[FLAG].low > 0


def test_a_ranking_fitted_before_claims_nothing_of_nothing() -> None:
    """Scores that were chosen on earlier blocks among noise: at most 5% of verdicts are one, harm included in 5%."""
    rng, claimed, harmed, n, examples = np.random.default_rng(11), 0, 0, 1500, 300
    experiment = experiment_of(np.arange(n) % 2, np.full(n, 0.5), np.zeros(n), rng.normal(size=(n, 1)), [Column("x")])
    for _ in range(examples):
        psi, x = 0.5 + rng.normal(size=n), rng.normal(size=(6, n))
        blocks = np.repeat([0, 1, 2, 3, 4], n // 5)
        scores = np.zeros((2, n))
        for block in (1, 2, 3, 4):
            past, now = blocks < block, blocks == block
            slopes = x[:, past] @ (psi[past] - psi[past].mean())
            scores[0, now] = slopes @ x[:, now]
            best = int(np.argmax(np.abs(slopes)))
            scores[1, now] = np.sign(slopes[best]) * x[best, now] > 0
        rows = np.flatnonzero(blocks)
        judged = Judged(
            rows,
            psi[rows],
            scores[0, rows],
            scores[1, rows],
            x[0, rows],
            scores[0, rows] < 0,
            blocks[rows],
            rows,
            (None,),
            (None,),
        )
        claimed += verdict_of(judged, 0.3, by_share=False) != NOTHING
        harmed += harmed_of(replace(judged, psi=psi[rows] - 0.5), experiment) is not None
    assert claimed / examples <= 0.05 + 2 * (0.05 * 0.95 / examples) ** 0.5
    assert harmed / examples <= 0.05 + 2 * (0.05 * 0.95 / examples) ** 0.5


def test_ordinary_cross_fitting_would_claim_too_much() -> None:
    """The figure in the head of sequential.py: six flags, five folds, no heterogeneity."""
    rng, runs, folds = np.random.default_rng(0), 20_000, 5
    drawn = rng.normal(size=(runs, folds, 6))
    elsewhere = drawn.sum(axis=1, keepdims=True) - drawn
    best = np.abs(elsewhere).argmax(axis=2)[..., None]
    chosen = np.take_along_axis(np.sign(elsewhere) * drawn, best, 2)[..., 0]
    assert (chosen.sum(axis=1) / folds**0.5 > 1.96).mean() == pytest.approx(0.11, abs=0.01)
    before = np.cumsum(drawn, axis=1) - drawn
    best = np.abs(before).argmax(axis=2)[..., None]
    chosen = np.take_along_axis(np.sign(before) * drawn, best, 2)[:, 1:, 0]
    assert (chosen.sum(axis=1) / (folds - 1) ** 0.5 > 1.96).mean() == pytest.approx(0.025, abs=0.004)


def test_psi_agrees_with_an_independent_formula() -> None:
    """The mean of psi over a group against a regression with arms (Lin 2013), by statsmodels."""
    experiment, _ = Mailing(3000, by_flag=0.1).experiment()
    judged = judge(experiment)
    group = experiment.features[judged.rows, 3] == 1
    rows = judged.rows[group]
    x = experiment.features[rows][:, [0, 1, 2, 5]]
    x, arm = (x - x.mean(axis=0)) / x.std(axis=0), experiment.treated[rows].astype(float)
    design = sm.add_constant(np.column_stack([arm, x, arm[:, None] * x]))
    fitted = sm.OLS(experiment.outcome[rows], design).fit(cov_type="HC2")
    psi = judged.psi[group]
    assert psi.mean() == pytest.approx(fitted.params[1], abs=0.6 * fitted.bse[1])
    assert psi.std(ddof=1) / len(psi) ** 0.5 == pytest.approx(fitted.bse[1], rel=0.1)


def test_too_few_events_are_refused_with_what_would_do() -> None:
    found = uplift(Mailing(600, base=0.05, effect=0.02).experiment()[0])
    counts = found.enough
    assert (found.verdict, found.figures) == (TOO_FEW, None)
    assert counts.fewest == min(counts.treated_good, counts.control_good) < 50
    assert counts.customers == int(np.ceil(600 * 50 / counts.fewest))
    nobody = experiment_of([1, 0] * 9, [0.5] * 18, [0] * 18, np.arange(18.0)[:, None], [Column("a")])
    assert enough(nobody).customers is None


def test_what_four_of_five_prove() -> None:
    rng = np.random.default_rng(3)
    size = provable(1.959964)  # a standard error of 1
    assert (rng.normal(size, 1, 100_000) > 1.959964).mean() == pytest.approx(0.8, abs=0.01)
    assert customers_for(0.5, 1.959964, 1000) == int(np.ceil(1000 * (size / 0.5) ** 2))
    assert customers_for(0.0, 1.0, 1000) is None


def test_rows_of_a_customer_stay_together_and_blocks_have_their_sizes() -> None:
    experiment, _ = Mailing(5000).experiment()
    twice = replace(experiment, customers=np.arange(5000) // 2)
    blocks = blocks_of(twice, seed=4)
    assert (blocks[0::2] == blocks[1::2]).all()
    assert np.bincount(blocks) / 5000 == pytest.approx([0.4, 0.15, 0.15, 0.15, 0.15], abs=0.005)
    assert (blocks_of(twice, seed=4) == blocks).all()


def test_an_experiment_holds_together() -> None:
    filled = experiment_of(
        [1, 0, 1], [0.5] * 3, [1, 0, 1], [[1.0], [np.nan], [3.0]], [Column("a")], risk=[1, np.nan, 2]
    )
    assert filled.features.tolist() == [[1.0, 0.0], [2.0, 1.0], [3.0, 0.0]]
    assert [column.name for column in filled.columns] == ["a", "a is missing"]
    assert filled.risk is not None
    assert filled.risk.argmin() == 1
    with pytest.raises(ModelError, match="Ask whether, not how much"):
        experiment_of([1, 0], [0.5, 0.5], [12.0, 0], [[1.0], [2.0]], [Column("a")])
    with pytest.raises(ModelError, match="2 customers by 1 columns are needed"):
        experiment_of([1, 0], [0.5, 0.5], [1, 0], [[1.0, 2.0]], [Column("a")])
    with pytest.raises(ModelError, match="0, 1 or beyond"):
        experiment_of([1, 0], [0.5, 1.0], [1, 0], [[1.0], [2.0]], [Column("a")])
