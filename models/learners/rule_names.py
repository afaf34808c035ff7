"""Who may score, and what a model is compared with: the names of the rules, light to import."""

from __future__ import annotations

IN_WORDS = {
    "days_since_last": "days since the last order",
    "own_rhythm": "days since the last order against the customer's own rhythm",
    "order_count": "counting orders",
    "rfm_score": "the RFM score",
    "logistic_rfmt": "a logistic regression on recency, frequency, money and tenure",
    "bg_nbd": "the BG/NBD model of buying habits",
    "logistic_rich": "a logistic regression on the same columns",
    "fitted_model": "the model that was trained",
}
"""Every baseline that there can be. BG/NBD needs the summary columns of the definition's activity, the own rhythm its
measure; the logistic regression on the rich features is the model's own simpler half (models/training/baselines.py);
the model that was trained stands beside a rule that scores in its place."""

RULES = tuple(name for name in IN_WORDS if name not in ("logistic_rich", "fitted_model"))
"""What a team could have without this pipeline: the model is graded against the best of these."""

NAIVE = ("days_since_last", "order_count", "rfm_score")
"""Of those the rules that a team could apply in a spreadsheet."""

UNMODELLED = ("days_since_last", "rfm_score")
"""Of those the ones that teams without a model rank by: past lists are compared with the better of them."""

MODEL = "model"
"""The model among those who may score."""

BASE_RATE = "base_rate"
"""The same probability for everybody: who scores where nothing ranks and there is money, so that the list is by value.
It reads no column, and is no baseline."""
