"""Off-policy evaluation: what another playbook or ranking would have brought on past lists.

Every row is a customer who could have been given one of several actions (leaving alone is one), with known
probabilities. With w the probability that the new rule gives the logged action over the probability that it had, r the
reward, and q predictions of the reward of each action, fitted on other rows:

    self-normalised     sum w r / sum w                             (Swaminathan and Joachims 2015, NeurIPS 28)
    doubly robust       mean q_new + sum w (r - q_logged) / sum w   (Dudik, Langford and Li 2011, ICML; normalised as
                                                                     in Thomas and Brunskill 2016, ICML)

Intervals come from the spread of what each row adds, at Student's t with the effective sample size
`(sum w)^2 / sum w^2` (Kish 1965). Where the new rule does what was never done there is nothing to learn from, and the
answer is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from models.errors import ModelError

Floats = npt.NDArray[np.float64]

FEWEST_EFFECTIVE = 50.0
MOST_UNCOVERED = 0.01
MOST_OF_ONE = 0.1
SELF_NORMALISED, DOUBLY_ROBUST = "self_normalised", "doubly_robust"


@dataclass(frozen=True)
class PolicyValue:
    """What a rule brings per customer, on the customers of the log.

    Attributes:
        method: `self_normalised` or `doubly_robust`.
        value, low, high: reward per customer; NaN where refused.
        logged: reward per customer of what was done.
        gain, gain_low, gain_high: `value` less `logged`, paired; NaN where refused.
        effective: customers of equal weight that would be as much evidence.
        uncovered_share: of what the rule does, the share that the log never could have done, 0..1.
        refusal: name of the sentence why there is no value: `never_done`, `too_little_overlap`, or empty.
    """

    method: str
    value: float
    low: float
    high: float
    logged: float
    gain: float
    gain_low: float
    gain_high: float
    effective: float
    uncovered_share: float
    refusal: str


def policy_value(
    action: Any, probabilities: Any, reward: Any, policy: Any, predictions: Any = None, *, level: float = 0.05
) -> PolicyValue:
    """The value of a rule on logged actions.

    Args:
        action: place of the action that each customer was given, one per customer.
        probabilities: customers by actions, with which each action was given; rows sum to 1.
        reward: what came of it: stayed (1 or 0) or money less costs.
        policy: customers by actions, with which the rule would give each; rows sum to 1; ones and zeros for a rule
            that draws nothing.
        predictions: customers by actions, expected reward, fitted on other rows; None: the self-normalised estimate.
        level: 0.05: intervals hold 95%.
    """
    done, before, after, r = _sound(action, probabilities, policy, reward)
    rows = np.arange(len(done))
    weights = after[rows, done] / before[rows, done]
    uncovered = float(np.where(before <= 0, after, 0.0).sum(axis=1).mean())
    effective = float(weights.sum() ** 2 / max((weights**2).sum(), 1e-300))
    method = SELF_NORMALISED if predictions is None else DOUBLY_ROBUST
    logged = float(r.mean())
    refusal = _refusal(weights, effective, uncovered)
    if refusal:
        no = float("nan")
        return PolicyValue(method, no, no, no, logged, no, no, no, effective, uncovered, refusal)
    q = np.zeros_like(before) if predictions is None else np.asarray(predictions, dtype=np.float64)
    expected, rest = (after * q).sum(axis=1), r - q[rows, done]
    correction = float(weights @ rest / weights.sum())
    value = float(expected.mean()) + correction
    added = expected - expected.mean() + weights * (rest - correction) / weights.mean()
    t = float(stdtrit(max(effective - 1, 1.0), 1 - level / 2))
    half, paired = t * _error(added), t * _error(added - (r - logged))
    gain = value - logged
    return PolicyValue(
        method, value, value - half, value + half, logged, gain, gain - paired, gain + paired, effective, uncovered, ""
    )


def _error(added: Floats) -> float:
    return float(np.sqrt((added**2).sum() / max(len(added) - 1, 1) / len(added)))


def _refusal(weights: Floats, effective: float, uncovered: float) -> str:
    if uncovered > MOST_UNCOVERED:
        return "never_done"
    if effective < FEWEST_EFFECTIVE or weights.max() > MOST_OF_ONE * weights.sum():
        return "too_little_overlap"
    return ""


def _sound(
    action: Any, probabilities: Any, policy: Any, reward: Any
) -> tuple[npt.NDArray[np.int64], Floats, Floats, Floats]:
    done, r = np.asarray(action, dtype=np.int64), np.asarray(reward, dtype=np.float64)
    before, after = np.asarray(probabilities, dtype=np.float64), np.asarray(policy, dtype=np.float64)
    if before.ndim != 2 or before.shape != after.shape or len(done) != len(before) or len(r) != len(done) or not len(r):
        raise ModelError(
            f"playbook: {len(done):,} actions, {len(r):,} rewards, probabilities {before.shape} and {after.shape} do "
            "not fit together. Give customers by actions, at least one customer."
        )
    faults = []
    for name, table in (("logged", before), ("new", after)):
        wrong = int(((table < 0).any(axis=1) | (np.abs(table.sum(axis=1) - 1) > 1e-6)).sum())
        if wrong:
            faults.append(f"playbook: {wrong:,} rows of {name} probabilities do not sum to 1.")
    never = int((before[np.arange(len(done)), done] <= 0).sum())
    if never:
        faults.append(f"playbook: {never:,} logged actions had probability 0. Record what each was drawn with.")
    if faults:
        raise ModelError("\n".join(faults))
    return done, before, after, r
