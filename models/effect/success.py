"""How many leavers an action keeps, learnt from both arms: s = 1 - p1 / p0, with p1 and p0 who left, contacted or not.

0.3: of those who would have left, three in ten stayed because of the contact. Below 0 the contact made some leave: then
p1 > p0, and -1 is twice as many.

What is believed beforehand is a mixture: with probability `harm` below 0, where the size of the harm is Beta(1, 4)
(small harm is more probable than large); else on [0, 1], the Beta of params.yaml. Pooling: with F_c the distribution
believed of cell c of action a (an action in one segment), `s_c = F_c^-1(Phi(z_c))` and

    z_c = sqrt(r1) common + sqrt(r2) action_a + sqrt(1 - r1 - r2) own_c,   all standard normal,

so each cell's belief is exactly the one stated until there is evidence, and evidence of one cell moves the others as
far as r1 and r2 say, which the data choose among (a Gaussian copula; partial pooling as in Gelman et al. 2013,
"Bayesian Data Analysis", 3rd edition, chapter 5). The three levels form a tree, so everything is summed exactly on a
grid of z.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaincinv, gammaln, logsumexp, ndtr, ndtri, xlog1py, xlogy

from models.errors import ModelError

Floats = npt.NDArray[np.float64]

HARM = 0.1
HARM_ALPHA, HARM_BETA = 1.0, 4.0
_MEAN_HARM, _LEAST = HARM_ALPHA / (HARM_ALPHA + HARM_BETA), 0.001
POOLINGS = ((0.0, 0.0), (0.2, 0.0), (0.0, 0.3), (0.2, 0.3), (0.5, 0.0), (0.5, 0.3), (0.0, 0.7), (0.2, 0.6))
BASE_NODES = 200  # shares p0 that are summed over
_EDGE, _STEP = 6.0, 0.05
GRID = np.arange(-_EDGE, _EDGE + _STEP / 2, _STEP)


@dataclass(frozen=True)
class Belief:
    """What is believed of an action's success before it was tried.

    Attributes:
        alpha, beta: of the Beta density on [0, 1], above 0.
        harm: probability that it makes customers leave, 0 to below 1.
    """

    alpha: float
    beta: float
    harm: float = HARM

    def __post_init__(self) -> None:
        if not (self.alpha > 0 and self.beta > 0 and 0 <= self.harm < 1):
            found = f"alpha {self.alpha:g}, beta {self.beta:g}, harm {self.harm:g}"
            raise ModelError(f"success: alpha and beta must lie above 0, harm from 0 to below 1, found {found}.")

    @classmethod
    def stated(cls, success: float, mass: float, harm: float = HARM) -> Belief:
        """The belief whose mean is a stated success, harm allowed for: what is stated stays so until there is evidence.

        Args:
            success: 0..1; where it leaves no room for that much harm, there is less of it.
            mass: alpha + beta: how many customers the statement is worth.
            harm: probability that the action makes customers leave.
        """
        harm = min(harm, max(0.0, (1 - _LEAST - success) / (1 + _MEAN_HARM)))
        good = min(max((success + harm * _MEAN_HARM) / (1 - harm), _LEAST), 1 - _LEAST)
        return cls(good * mass, (1 - good) * mass, harm)

    def quantile(self, probability: Floats) -> Floats:
        """The s below which so much of the belief lies."""
        u = np.asarray(probability, dtype=np.float64)
        harmed = np.clip(1 - u / self.harm, 0.0, 1.0) if self.harm else np.zeros_like(u)
        good = np.clip((u - self.harm) / (1 - self.harm), 0.0, 1.0)
        below, above = -betaincinv(HARM_ALPHA, HARM_BETA, harmed), betaincinv(self.alpha, self.beta, good)
        return np.asarray(np.where(u < self.harm, below, above), dtype=np.float64)

    def below(self, s: float) -> float:
        """How much of the belief lies below s."""
        if s < 0:
            return float(self.harm * (1 - betainc(HARM_ALPHA, HARM_BETA, min(-s, 1.0))))
        return float(self.harm + (1 - self.harm) * betainc(self.alpha, self.beta, min(s, 1.0)))


@dataclass(frozen=True)
class Evidence:
    """What became of the customers of one action in one segment; numbers of effective customers may be fractions.

    Attributes:
        action, segment: names.
        contacted, contacted_left, control, control_left: see counts.Counts.
        belief: of this action.
    """

    action: str
    segment: str
    contacted: float
    contacted_left: float
    control: float
    control_left: float
    belief: Belief

    def __post_init__(self) -> None:
        if not (0 <= self.contacted_left <= self.contacted and 0 <= self.control_left <= self.control):
            raise ModelError(f"success: {self.action}, {self.segment}: more left than were there, or fewer than none.")


@dataclass(frozen=True)
class Success:
    """What is believed after the evidence.

    Attributes:
        action, segment: names; segment is empty for the action as a whole.
        mean: of s, -1..1: what an expected value uses.
        low, high: between which s lies with the probability asked for.
        harm: probability that s is below 0.
        prior_mean: the mean before the evidence.
    """

    action: str
    segment: str
    mean: float
    low: float
    high: float
    harm: float
    prior_mean: float


def posterior(evidence: Sequence[Evidence], *, level: float = 0.05) -> list[Success]:
    """What is believed of each cell, and then of each action as a whole, after all the evidence.

    An action as a whole is what a segment of it that has no evidence of its own would be believed to be.

    Args:
        evidence: one per action and segment, no cell twice; cells without customers are welcome.
        level: 0.05: intervals hold 95%.
    """
    cells = [(one.action, one.segment) for one in evidence]
    if len(set(cells)) < len(cells):
        raise ModelError("success: an action and segment stand twice. Add their customers up.")
    actions = list(dict.fromkeys(one.action for one in evidence))
    beliefs = {one.action: one.belief for one in evidence}
    whole = [Evidence(action, "", 0.0, 0.0, 0.0, 0.0, beliefs[action]) for action in actions]
    everyone = [*evidence, *(one for one in whole if (one.action, "") not in cells)]
    masses = _tree(everyone)
    return [_told(one, mass, level) for one, mass in zip(everyone, masses, strict=True)]


def log_likelihood(evidence: Evidence, s: Floats) -> Floats:
    """Log probability of the contacted's leavers, if s were known; p0 summed over what the control group tells of it.

    p0 has Jeffreys' Beta(1/2, 1/2) before; p1 = p0 (1 - s), at most 1.
    """
    middles = (np.arange(BASE_NODES) + 0.5) / BASE_NODES
    left, stayed = evidence.control_left, evidence.control - evidence.control_left
    base = betaincinv(left + 0.5, stayed + 0.5, middles)
    share = np.clip(base[:, None] * (1 - s[None, :]), 0.0, 1.0)
    x, n = evidence.contacted_left, evidence.contacted
    chance = xlogy(x, share) + xlog1py(n - x, -share) + gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
    return np.asarray(logsumexp(chance, axis=0) - np.log(BASE_NODES), dtype=np.float64)


def _tree(evidence: Sequence[Evidence]) -> list[Floats]:
    """Mass of each cell's z on the grid: up from cells to actions to what is common, and down again; poolings mixed."""
    told = [log_likelihood(one, one.belief.quantile(ndtr(GRID))) for one in evidence]
    likelihoods = [np.exp(one - one.max()) for one in told]
    results, weights = [], []
    for common, action in POOLINGS:
        masses, log_chance = _pass(evidence, likelihoods, common, action)
        results.append(masses)
        weights.append(log_chance)
    mix = np.exp(np.array(weights) - logsumexp(weights))
    return [np.asarray(sum(w * r[cell] for w, r in zip(mix, results, strict=True))) for cell in range(len(evidence))]


def _pass(
    evidence: Sequence[Evidence], likelihoods: Sequence[Floats], common: float, action: float
) -> tuple[list[Floats], float]:
    """Mass of each cell for one pooling, and the log probability of all the evidence.

    The action's own level is `sqrt(common) C + sqrt(action) A`, the cell's is that plus what is its own.
    """
    actions = list(dict.fromkeys(one.action for one in evidence))
    to_action, to_cell = _kernel(float(np.sqrt(common)), action), _kernel(1.0, 1 - common - action)
    up = [to_cell @ one for one in likelihoods]
    of_action = {
        name: np.prod([up[i] for i, one in enumerate(evidence) if one.action == name], axis=0) for name in actions
    }
    to_common = {name: to_action @ of_action[name] for name in actions}
    start = _normal(GRID)
    joint = start * np.prod(list(to_common.values()), axis=0)
    masses = []
    for place, one in enumerate(evidence):
        others = joint / np.maximum(to_common[one.action], 1e-300)
        level = (others @ to_action) * of_action[one.action] / np.maximum(up[place], 1e-300)
        mass = (level @ to_cell) * likelihoods[place]
        masses.append(mass / mass.sum())
    return masses, float(np.log(max(joint.sum(), 1e-300)))


@cache
def _kernel(slope: float, variance: float) -> Floats:
    """Probability of each point of the grid (columns) from each (rows): normal about `slope` times it."""
    spread = max(np.sqrt(variance), _STEP)  # nothing of its own: as narrow as the grid can tell
    density = np.exp(-(((GRID[None, :] - slope * GRID[:, None]) / spread) ** 2) / 2)
    return np.asarray(density / density.sum(axis=1, keepdims=True), dtype=np.float64)


def _normal(z: Floats) -> Floats:
    density = np.exp(-(z**2) / 2)
    return np.asarray(density / density.sum(), dtype=np.float64)


def _told(one: Evidence, mass: Floats, level: float) -> Success:
    s, before = one.belief.quantile(ndtr(GRID)), _normal(GRID)
    cumulated = np.cumsum(mass) - mass / 2
    ends = one.belief.quantile(ndtr(np.interp([level / 2, 1 - level / 2], cumulated, GRID)))
    low, high = (float(end) for end in ends)
    return Success(one.action, one.segment, float(mass @ s), low, high, _harm(one.belief, mass), float(before @ s))


def _harm(belief: Belief, mass: Floats) -> float:
    """Mass of s below 0. The likelihood jumps there, so the two cells of the grid beside it end at it."""
    if belief.harm == 0:
        return 0.0
    edge = float(ndtri(belief.harm))
    first = int(np.searchsorted(GRID, edge))
    below = mass[:first].sum() + mass[first - 1] * ((edge - GRID[first - 1]) / _STEP - 0.5)
    above = mass[first:].sum() + mass[first] * ((GRID[first] - edge) / _STEP - 0.5)
    return float(below / (below + above))
