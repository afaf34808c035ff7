"""The figures of metrics.json, from a report that the evaluation itself makes of a few simulated predictions.

A figure without a description is a fault: the build stops with its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from models.evaluation.profit import Costs
from models.evaluation.report import report
from models.learners.rule_names import IN_WORDS, RULES
from pipelines.commands.reference.markdown import code, table

CUSTOMERS, DRAWS, SEED = 60, 20, 7
MOMENTS = {"2020-01-06": "backtest", "2020-02-03": "test"}
SEGMENT = "regular"
_STANDS_FOR = {
    **dict.fromkeys(IN_WORDS, "BASELINE"),
    **dict.fromkeys(MOMENTS, "MOMENT"),
    SEGMENT: "SEGMENT",
    **{f"group_{number:02d}": "group_NN" for number in range(1, 11)},
    **{f"{number:02d}": "NN" for number in range(1, 11)},
}
PARTS = {
    "test": "The newest moment with a known outcome. It serves no choice and only reports.",
    "backtest": "Each earlier held-out moment (backtest fold). These choose between settings.",
    "pooled": "All held-out moments together, with 95% intervals that draw whole customers.",
    "segments": "All held-out moments, by the kind of customer, beside the best rule for these very customers.",
    "never_seen": "All held-out moments, customers that are in no training row.",
    "baselines": "The same figures for everything that the model has to beat.",
    "paired": "Model minus baseline on the same rows, with an interval; below zero is better for log loss, above zero "
    "for ROC AUC.",
    "before_test": "`paired` and `grade` without the test moment: what the promotion gate reads. Left out where no "
    "held-out moment was known at the test moment.",
    "calibration": "Ten groups of equal size at the test moment, lowest probability first: what was promised and what "
    "happened.",
    "capacity": "Of as many customers as `at_risk.capacity` allows, at the test moment.",
    "grade": "A, B or C: whether the model beats the best baseline, and what to do about it.",
    "profit": "What contacting would have earned at the test moment, by the costs under `value:`.",
    "value": "How well the expected value was expected, on customers who stayed, beside their own average.",
}
FIGURES = {
    "as_of": "the moment",
    "customers": "eligible customers",
    "churners": "of them, those who left",
    "churn_rate": "share that left",
    "promised_rate": "mean probability",
    "roc_auc": "chance that a churner scores above a stayer, ties counting half",
    "average_precision": "precision summed over the steps of recall",
    "log_loss": "mean negative log likelihood, in nats; lower is better",
    "brier": "mean squared distance of probability and outcome; lower is better",
    "ece": "expected calibration error: mean distance of promised and observed share over ten groups of equal size",
    "lift_at_10": "churn rate among the tenth with the highest probability, over the churn rate of all",
    "precision_at_10": "share that left among that tenth",
    "recall_at_10": "share of all churners that are in that tenth",
    "moments": "held-out moments",
    "roc_auc_low": "lower end of the interval",
    "roc_auc_high": "upper end of the interval",
    "log_loss_low": "lower end of the interval",
    "log_loss_high": "upper end of the interval",
    "MOMENT": "model minus baseline at this moment",
    "difference": "model minus baseline, over all moments",
    "low": "lower end of the 95% interval",
    "high": "upper end of the 95% interval",
    "promised": "mean probability of the group",
    "observed": "share of the group that left",
    "precision": "share of those taken that left",
    "recall": "share of all churners that are taken",
    "lift": "precision over the churn rate of all",
    "grade": "the letter",
    "name": "the rule with the lowest log loss among these rows",
    "best_baseline": "the simple rule with the lowest log loss",
    "text": "the verdict in a sentence",
    "customer_value": "money that a kept customer brings",
    "incentive_cost": "money of an offer that is taken",
    "contact_cost": "money of a contact",
    "alpha": "of the Beta density of the share of contacted churners who stay",
    "beta": "of the same density",
    "success_share": "its mean",
    "contacted_share": "share of all customers that is contacted",
    "profit_per_customer": "money, per customer, contacted or not",
    "profit": "money, of all customers",
    "probability": "the lowest probability that is contacted",
    "stayed": "observations of customers who stayed",
    "mean_value": "money that they brought on average",
    "mean_expected": "money that was expected on average",
    "mean_absolute_error": "money",
    "root_mean_squared_error": "money",
    "rank_correlation": "Spearman's",
    "expected": "money expected, mean of the group",
    "brought": "money brought, mean of the group",
    "own_average": "money by the customers' own average, mean of the group",
}


def metrics() -> str:
    """A heading, the words and a table for every part of metrics.json."""
    costs, earlier = Costs(customer_value=500.0), [day for day, role in MOMENTS.items() if role == "backtest"]
    found = report(_predictions(), draws=DRAWS, seed=SEED, capacity=10, costs=costs, before_test=earlier)
    parts = []
    for part, content in found.items():
        rows = list(dict.fromkeys((code(path), FIGURES[path.rsplit(".", 1)[-1]]) for path in _paths(part, content)))
        parts.append(f"### `{part}`\n\n{PARTS[part]}\n\n{table(('figure', 'meaning'), rows)}")
    return "\n\n".join(parts)


def baselines() -> str:
    """What the model has to beat; the grade asks about the simple rules alone."""
    rows = [(code(name), words, "yes" if name in RULES else "shown only") for name, words in IN_WORDS.items()]
    return table(("baseline", "what it is", "counts for the grade"), rows)


def _paths(path: str, content: Any) -> Iterator[str]:
    """The figures below a part; names of baselines, moments, segments and groups stand as one word."""
    if not isinstance(content, Mapping):
        yield path
        return
    for key, inner in content.items():
        yield from _paths(f"{path}.{_STANDS_FOR.get(key, key)}", inner)


def _predictions() -> pd.DataFrame:
    """Simulated predictions of two moments, with everything that a stream with money and segments has."""
    random = np.random.default_rng(SEED)
    frames = []
    for day, role in MOMENTS.items():
        chance = random.uniform(0.05, 0.95, CUSTOMERS)
        frames.append(
            pd.DataFrame(
                {
                    "customer_id": [f"c{number}" for number in range(CUSTOMERS)],
                    "as_of": pd.Timestamp(day),
                    "role": role,
                    "churned": random.random(CUSTOMERS) < chance,
                    "seen_in_training": np.arange(CUSTOMERS) % 3 > 0,
                    "segment": SEGMENT,
                    "value_ahead": 50 + 10 * chance,
                    "expected_value": 50 + 9 * chance,
                    "own_average_value": 52 + 8 * chance,
                    **dict.fromkeys(("model", *IN_WORDS), chance),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
