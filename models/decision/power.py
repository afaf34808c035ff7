"""Statistical power of a campaign with a control group, and the design that detects a given effect.

Two shares of leavers are compared, of those contacted and of those held out, at the end, by the two-sided z-test of two
proportions. With `n1` contacted of whom `p1` leave and `n2` held out of whom `p2` leave (Fleiss, Levin and Paik 2003,
"Statistical Methods for Rates and Proportions", 3rd edition, section 4.3, without continuity correction):

    p = (n1 p1 + n2 p2) / (n1 + n2)              what both have in common if contacting does nothing
    s0 = sqrt(p (1 - p) (1/n1 + 1/n2))           spread of the difference if contacting does nothing
    s1 = sqrt(p1 (1 - p1)/n1 + p2 (1 - p2)/n2)   spread of the difference as it is
    power = Phi((|p2 - p1| - z s0) / s1) + Phi((-|p2 - p1| - z s0) / s1),   z = 1.96 at the 5% level

Effects are differences `p2 - p1` in shares (0.09: 9 points). Customers count once, however many weeks they are on the
list: what accumulates over the weeks are new ones. All who were assigned are compared, reached or not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, sqrt

from models import normal
from models.errors import ModelError

LEVEL, POWER = 0.05, 0.8
MOST_WEEKS = 104
FEWEST = 10  # customers in a group; with fewer the normal distribution is no picture of their share
SHARES = tuple(percent / 100 for percent in range(1, 51))
_FINE = 1e-6


@dataclass(frozen=True)
class Plan:
    """A campaign, before it begins.

    Attributes:
        weekly: customers contacted in a week, at least 1.
        weeks: planned, at least 1.
        share: of those assigned that are held out, 0 to 0.5.
        base_rate: share of those on the list who leave if nobody contacts them, 0..1.
        new_share: of a later week's list, those who were on none before, 0..1.
        pool: customers who can come on the list at all; None: unlimited.
    """

    weekly: int
    weeks: int
    share: float
    base_rate: float
    new_share: float = 1.0
    pool: int | None = None

    def __post_init__(self) -> None:
        allowed = {
            "weekly": (self.weekly, 1, float("inf")),
            "weeks": (self.weeks, 1, float("inf")),
            "share": (self.share, 0, 0.5),
            "base_rate": (self.base_rate, 0, 1),
            "new_share": (self.new_share, 0, 1),
        }
        faults = [
            f"campaign: {name} must lie between {low:g} and {high:g}, found {found:g}."
            for name, (found, low, high) in allowed.items()
            if not low <= found <= high
        ]
        if faults:
            raise ModelError("\n".join(faults))

    @property
    def is_exhausted(self) -> bool:
        """Whether everybody who can come on a list has been on one before the end."""
        return self.pool is not None and self.pool < self._everyone

    @property
    def _everyone(self) -> float:
        return self.weekly * (1 + (self.weeks - 1) * self.new_share) / (1 - self.share)

    @property
    def groups(self) -> tuple[int, int]:
        """Different customers contacted, and held out, by the end. The held out come on top of the week's contacts."""
        everyone = self._everyone if self.pool is None else min(self._everyone, float(self.pool))
        held_out = round(everyone * self.share)
        return round(everyone) - held_out, held_out


def power(effect: float, *, contacted: int, held_out: int, base_rate: float, level: float = LEVEL) -> float:
    """Probability (0..1) that the test finds an effect which is there.

    Args:
        effect: by how much contacting lowers the share that leave, in shares; 0 to `base_rate`.
        contacted: customers.
        held_out: customers; with fewer than 10 in either group the test does not hold and nothing is found.
        base_rate: the share of those held out who leave, 0..1.
        level: probability of finding an effect that is not there, two-sided.
    """
    if min(contacted, held_out) < FEWEST:
        return 0.0
    with_contact = base_rate - effect
    common = (contacted * with_contact + held_out * base_rate) / (contacted + held_out)
    none = sqrt(max(common * (1 - common), 0.0) * (1 / contacted + 1 / held_out))
    real = sqrt(with_contact * (1 - with_contact) / contacted + base_rate * (1 - base_rate) / held_out)
    if real == 0:
        return float(abs(effect) > 0)
    edge = normal.isf(level / 2) * none
    return normal.cdf((abs(effect) - edge) / real) + normal.cdf((-abs(effect) - edge) / real)


def smallest_effect(plan: Plan, *, target_power: float = POWER, level: float = LEVEL) -> float | None:
    """The minimum detectable effect, in shares: the plan proves it with probability `wanted`; None: it proves none."""
    contacted, held_out = plan.groups
    return smallest_effect_between(contacted, held_out, plan.base_rate, target_power=target_power, level=level)


def smallest_effect_between(
    contacted: int, held_out: int, base_rate: float, *, target_power: float = POWER, level: float = LEVEL
) -> float | None:
    """The minimum detectable effect, in shares: two groups prove it with probability `wanted`; None: they prove none.

    The largest effect there can be is that nobody leaves. The arguments are those of `power`.
    """

    def power_of(effect: float) -> float:
        return power(effect, contacted=contacted, held_out=held_out, base_rate=base_rate, level=level)

    if base_rate == 0 or power_of(base_rate) < target_power:
        return None
    low, high = 0.0, base_rate
    while high - low > _FINE:
        middle = (low + high) / 2
        low, high = (low, middle) if power_of(middle) >= target_power else (middle, high)
    return high


def share_for(effect: float, plan: Plan, *, target_power: float = POWER, level: float = LEVEL) -> float | None:
    """The smallest share held out, in whole percent up to a half, with which `effect` is proven; None: no share is."""
    return next(
        (share for share in SHARES if is_powered(effect, replace(plan, share=share), target_power, level)), None
    )


def weeks_for(effect: float, plan: Plan, *, target_power: float = POWER, level: float = LEVEL) -> int | None:
    """The fewest weeks, two years at most, with which the plan's share proves `effect`; None: no number does."""
    if not is_powered(effect, replace(plan, weeks=MOST_WEEKS), target_power, level):
        return None
    every = range(1, MOST_WEEKS + 1)
    return next((weeks for weeks in every if is_powered(effect, replace(plan, weeks=weeks), target_power, level)), None)


def is_powered(effect: float, plan: Plan, target_power: float = POWER, level: float = LEVEL) -> bool:
    """Whether the plan proves an effect with probability `wanted`. No effect is larger than that nobody leaves."""
    contacted, held_out = plan.groups
    possible = min(effect, plan.base_rate)
    return (
        power(possible, contacted=contacted, held_out=held_out, base_rate=plan.base_rate, level=level) >= target_power
    )


def holdout_cost(effect: float, held_out: int, base_rate: float) -> int:
    """Customers who leave because they were held out, if contacting has that effect: what the proof costs."""
    return ceil(held_out * min(effect, base_rate) - 1e-9)
