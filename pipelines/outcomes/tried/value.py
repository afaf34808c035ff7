"""The value of another playbook on past lists: how many would have stayed, and the money, by off-policy evaluation.

Whoever could have gone either way counts, by first assignment: they got the list's action with a known probability and
were left alone else. Another playbook is judged as it would treat the same customers, capacity aside. Estimators and
refusals: models/effect/policy/off_policy.py; predictions are cross-fitted linear regressions, one for each action.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.effect.policy.off_policy import MOST_UNCOVERED, policy_value
from models.effect.robust import FOLDS, folds_of, ridge
from pipelines.outcomes import validity
from pipelines.outcomes.tried.rules import action_for, customers_of, places_of
from pipelines.runtime.errors import ChurnError
from pipelines.settings.campaign.playbook import LEAVE_ALONE, PlaybookRule

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
UNKNOWN = "unknown"
_FEWEST = 20  # customers of an action, for a regression of their own


@dataclass(frozen=True)
class Log:
    """What was done on past lists.

    Attributes:
        people: those who can be compared, see effect.comparable.
        archived: the playbook by the list's day.
        margin_share: what is left of money spent.
        has_contacts: whether a channel may have been forbidden.
    """

    people: pd.DataFrame
    archived: Mapping[str, Sequence[PlaybookRule]]
    margin_share: float
    has_contacts: bool


def require_people(name: str, people: pd.DataFrame) -> pd.DataFrame:
    """Customers of a campaign who can be compared.

    Raises:
        ChurnError: there are none.
    """
    if people.empty:
        raise ChurnError(
            f"campaign {name}: nobody on its matured lists could have been contacted or not by chance, so no other "
            "playbook can be judged by it. Set campaign.share or campaign.design in params.yaml."
        )
    return people


def tried(log: Log, rules: Sequence[PlaybookRule]) -> dict[str, Any]:
    """What a playbook would have brought.

    Returns:
        `customers`, `lists`; `unknown_share` (of whom nobody knows what it would do); `refusal` (`unknown`,
        `never_done`, `too_little_overlap`, or ""); `new_action`: what it does most where it was never done, or null;
        `stayed` and `money` (null without money, or refused): PolicyValue as JSON has it; `former`: `stayed` of
        contacting everybody as the lists said.
    """
    people = log.people
    customers = customers_of(people, log.archived)
    days = people["as_of"].astype("str")
    wanted = [
        action_for(one, rules, log.archived.get(day, ()), has_contacts=log.has_contacts)
        for one, day in zip(customers, days, strict=True)
    ]
    unknown = float(np.mean([one is None for one in wanted]))
    head = {"customers": len(people), "lists": int(days.nunique()), "unknown_share": round(unknown, 6)}
    empty = {"refusal": UNKNOWN, "new_action": None, "stayed": None, "money": None, "former": None}
    if unknown > MOST_UNCOVERED:
        return head | empty
    keep = np.array([one is not None for one in wanted], dtype=bool)
    known = people[keep].reset_index(drop=True)
    return head | _judged(known, [one for one in wanted if one is not None], log.margin_share)


def _judged(people: pd.DataFrame, wanted: list[str], margin_share: float) -> dict[str, Any]:
    listed = people["action"].fillna("").astype("str").tolist()
    actions = [LEAVE_ALONE, *sorted({*listed, *wanted} - {LEAVE_ALONE})]
    would, new = places_of(listed, actions), places_of(wanted, actions)
    arm, chance = people["contacted_arm"].to_numpy(dtype=bool), people["chance"].to_numpy(dtype=np.float64)
    rows = np.arange(len(people))
    before = np.zeros((len(people), len(actions)))
    before[rows, would] = chance
    before[:, 0] += 1 - chance
    done = np.where(arm, would, 0)
    stayed = 1 - people["left"].to_numpy(dtype=np.float64)
    found = _value(people, done, before, stayed, new)
    money = people["spent"].to_numpy(dtype=np.float64) * margin_share - people["cost"].to_numpy(dtype=np.float64)
    has_money = np.isfinite(money).all() and not found["refusal"]
    return {
        "refusal": found["refusal"],
        "new_action": _new(before, new, actions),
        "stayed": found,
        "money": _value(people, done, before, money, new) if has_money else None,
        "former": _value(people, done, before, stayed, would),
    }


def _new(before: Floats, new: npt.NDArray[np.int64], actions: Sequence[str]) -> str | None:
    """What is done most of what could never have been done; None where there is nothing."""
    never = new[before[np.arange(len(new)), new] <= 0]
    return actions[int(np.bincount(never).argmax())] if len(never) else None


def _value(
    people: pd.DataFrame, done: npt.NDArray[np.int64], before: Floats, reward: Floats, rule: npt.NDArray[np.int64]
) -> dict[str, Any]:
    after = np.zeros_like(before)
    after[np.arange(len(rule)), rule] = 1.0
    found = asdict(policy_value(done, before, reward, after, _predictions(people, done, before.shape[1], reward)))
    return {name: _number(value) if isinstance(value, float) else value for name, value in found.items()}


def _number(value: float) -> float | None:
    return round(value, 6) if np.isfinite(value) else None


def _predictions(people: pd.DataFrame, done: npt.NDArray[np.int64], actions: int, reward: Floats) -> Floats | None:
    """Expected reward of every action, by regressions on other customers; None where they are too few for that."""
    arm = people["contacted_arm"].to_numpy(dtype=bool)
    if min(arm.sum(), (~arm).sum()) < 2 * FOLDS:
        return None
    folds, x, found = folds_of(arm), validity.covariates(people), np.zeros((len(people), actions))
    for fold in range(FOLDS):
        own, rest = folds == fold, folds != fold
        for action in range(actions):
            like = rest & (done == action)
            rows = like if like.sum() >= _FEWEST else rest & ((done > 0) == (action > 0))
            found[own, action] = ridge()(x[rows], reward[rows])(x[own])
    return found
