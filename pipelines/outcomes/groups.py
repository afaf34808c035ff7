"""Effects per action, segment and channel: many comparisons, so their number is named, and they are pooled.

Each group's interval allows for all comparisons of the campaign (Bonferroni) and for its looks; beside it stands the
effect that is to be believed, which is pooled with the other groups of its kind (models/effect/groups.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models.effect.groups import pooled
from models.effect.shares import difference, normal_critical
from pipelines.outcomes.effect import Schedule, effect_of, looks_at, stacked_counts
from pipelines.settings.campaign.outcomes import Outcomes

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("action", "segment", "channel")
FEWEST = 10  # customers of a group in either arm


def groups_of(people: pd.DataFrame, schedule: Schedule, setting: Outcomes) -> dict[str, Any]:
    """Effects of groups.

    Args:
        people: those who can be compared.
        schedule: of the campaign's looks.
        setting: the section.

    Returns:
        `comparisons` (how many there are), `groups`: rows of `kind`, `name`, both arms, `effect` with `low` and `high`
        for all comparisons together (null where nothing may be said), `is_claimed`, and `believed`: the pooled effect
        with its 95% interval.
    """
    chosen = [(kind, name, own) for kind in KINDS for name, own in _groups(people, kind)]
    rows = []
    for kind, name, own in chosen:
        seen = looks_at(own, schedule, setting, level=setting.level / len(chosen))
        now = seen.now
        critical = np.inf if now is None else seen.looks[now].critical
        found = effect_of(own, critical) | {"kind": kind, "name": name, "is_claimed": seen.claimed is not None}
        rows.append(found if now is not None else found | {"low": None, "high": None})
    return {"comparisons": len(chosen), "groups": [row for kind in KINDS for row in _believed(rows, chosen, kind)]}


def _groups(people: pd.DataFrame, kind: str) -> list[tuple[str, pd.DataFrame]]:
    """The groups that have customers in both arms; none where there is only one of a kind."""
    words = people[kind].fillna("").astype("str")
    found = [(str(word), own.reset_index(drop=True)) for word, own in people.groupby(words) if word]
    both = [(word, own) for word, own in found if min(_sizes(own)) >= FEWEST]
    return both if len(both) > 1 else []


def _sizes(people: pd.DataFrame) -> tuple[int, int]:
    contacted = int(people["contacted_arm"].sum())
    return contacted, len(people) - contacted


def _believed(rows: list[dict[str, Any]], chosen: list[Any], kind: str) -> list[dict[str, Any]]:
    own = [(row, people) for row, (_, _, people) in zip(rows, chosen, strict=True) if row["kind"] == kind]
    known = [(row, people) for row, people in own if row["effect"] is not None]
    if not known:
        return []
    errors = [_error(people) for _, people in known]
    found = pooled([row["effect"] for row, _ in known], errors)
    return [
        row
        | {
            "believed": {
                "effect": round(float(found.effects[place]), 6),
                "low": round(float(found.low[place]), 6),
                "high": round(float(found.high[place]), 6),
            }
        }
        for place, (row, _) in enumerate(known)
    ]


def _error(people: pd.DataFrame) -> float:
    """The standard error: half of the interval of one standard error's width each way, of the score interval."""
    one = difference(stacked_counts(people, [np.ones(len(people), dtype=bool)]), np.array([normal_critical()]))
    return max(float(one.high[0] - one.low[0]) / (2 * normal_critical()), 1e-6)
