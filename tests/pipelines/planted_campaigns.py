"""A shop with a planted truth: weekly lists by its own assignment, published, reported on, and what then happened.

Customers order every week until they leave. On their first list they leave with their own risk; the contacted with
`effect` less (below 0: more). Reports are as teams make them: some lists late or not at all, some customers wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from features.activity import ACTIVITY_SCHEMA
from features.windows import midnight
from models.decision.control_group import assign
from models.decision.lottery import Assignment, Candidate, Design, Earlier, draw
from pipelines.ledger import write
from pipelines.ledger.read import ENTRY, FILE
from pipelines.ledger.tables import HELD_BACK
from pipelines.runtime.files import write_json, write_parquet

DAY = 86_400_000_000
FIRST = date(2024, 3, 4)
HORIZON = 28
SEGMENTS = ("regular", "occasional")
ACTIONS = ("call", "letter")

PARAMS = """
sources: {shop: {reader: csv, path: shop.csv, activity: placed_order}}
observations: {train: {until: "2024-03-04"}, score: {as_of: "2024-03-25"}}
churn:
  silent_28d: {kind: silence, activity: placed_order, active_within_days: 56, gap_days: 0, horizon_days: 28}
campaign: {name: spring, share: 0.2, weeks: 3}
at_risk: {definition: silent_28d}
"""


@dataclass(frozen=True)
class Planted:
    """A campaign.

    `effect`: by how many shares fewer of the contacted leave. `base`: mean risk. `weekly`: new customers a week, both
    arms. `stay_on`: of a list, who stands on the next as well. `lottery`: places of a week, half of them sure and half
    drawn; 0: a share is held out.
    """

    effect: float = 0.0
    base: float = 0.4
    weekly: int = 150
    share: float = 0.2
    weeks: int = 8
    stay_on: float = 0.3
    reported: float = 0.7
    contaminated: float = 0.02
    seed: int = 1
    lottery: int = 0
    sure_holdout: float = 0.0


@dataclass
class World:
    """What was drawn: rows of lists, who left, and activity."""

    plan: Planted
    lists: dict[str, pd.DataFrame] = field(default_factory=dict)
    left: dict[str, bool] = field(default_factory=dict)
    until: dict[str, date] = field(default_factory=dict)
    draws: dict[str, list[tuple[str, float, str, int]]] = field(default_factory=dict)
    earlier: dict[str, tuple[int, Assignment, float]] = field(default_factory=dict)


def day_of(week: int) -> str:
    return (FIRST + timedelta(days=7 * week)).isoformat()


def world(plan: Planted) -> World:
    rng, made = np.random.default_rng(plan.seed), World(plan)
    groups: dict[str, str] = {}
    risk: dict[str, float] = {}
    standing: list[str] = []
    for week in range(plan.weeks):
        fresh = [f"c{week:02d}-{i:04d}" for i in range(plan.weekly)]
        spread = rng.uniform(-0.25, 0.25, plan.weekly)
        risk |= dict(zip(fresh, np.clip(plan.base + spread, 0.02, 0.98), strict=True))
        on = sorted([*fresh, *standing], key=lambda one: (-risk[one], one))
        table = _table(on, risk)
        if plan.lottery:
            table = _drawn(made, table, week)
        else:
            known = pd.Series(groups, dtype="str")
            chosen = assign(table, known, key="k", campaign="spring", share=plan.share)
            table["group"] = table["customer_id"].map(chosen)
        groups |= dict(zip(table["customer_id"], table["group"], strict=True))
        for one in [one for one in table["customer_id"] if one not in made.left]:
            chance = risk[one] - plan.effect * (groups[one] == "contact")
            made.left[one] = bool(rng.random() < chance)
            made.until[one] = FIRST + timedelta(days=7 * week)
        made.lists[day_of(week)] = table
        standing = [one for one in on if rng.random() < plan.stay_on]
    return made


def _drawn(made: World, table: pd.DataFrame, week: int) -> pd.DataFrame:
    """Those of a ranking who are sure, drawn or not drawn; what is recorded of them goes to `draws`."""
    plan = made.plan
    design = Design(plan.lottery, plan.lottery // 2, HORIZON // 7, "k", "spring", plan.sure_holdout)
    people = [Candidate(one, tier) for one, tier in zip(table["customer_id"], table["risk_tier"], strict=True)]
    before = {one: Earlier(own.group, week - since, own.draws) for one, (since, own, _) in made.earlier.items()}
    found = draw(people, before, design)
    for one in found:
        if one.probability is not None:
            made.earlier[one.customer] = week, one, one.probability
    counting = [made.earlier[one.customer] for one in found]
    made.draws[day_of(week)] = [(own.customer, chance, own.by, own.draws) for _, own, chance in counting]
    groups = {one.customer: one.group for one in found}
    own = table[table["customer_id"].isin(groups)].reset_index(drop=True)
    return own.assign(group=own["customer_id"].map(groups), rank=range(1, len(own) + 1))


def _table(on: list[str], risk: dict[str, float]) -> pd.DataFrame:
    table = pd.DataFrame({"customer_id": on, "rank": range(1, len(on) + 1)})
    table["churn_probability"] = [round(risk[one], 6) for one in on]
    tiers = np.where(table["churn_probability"] > 0.4, "high", "medium")
    sums = [sum(map(ord, one)) for one in on]
    table = table.assign(risk_tier=tiers, segment=[SEGMENTS[one % 2] for one in sums])
    table = table.assign(action=[ACTIONS[one // 2 % 2] for one in sums], channel="phone", reason_1="quiet")
    return table.assign(value_at_risk=(table["churn_probability"] * 60).round(6), expected_net_value=5.0)


def publish_lists(made: World, path: Path = FILE, days: int | None = None) -> None:
    """Into the ledger, as `churn publish` does behind its checks."""
    held = pd.DataFrame(columns=list(HELD_BACK))
    for day, table in list(made.lists.items())[:days]:
        told = write.Published(
            as_of=day, list_id=f"list-{day}", content="c", campaign="spring", definition="silent_28d"
        )
        entries, draws = table.reindex(columns=list(ENTRY)), made.draws.get(day)
        content = write.Content(entries, held, {}, share=made.plan.share, draws=draws)
        with write.writing(path) as con:
            write.publish(con, told, content)


def report_rows(made: World, seed: int = 2) -> pd.DataFrame:
    """The team's report: late, partial, and wrong about a few of the control group."""
    rng, rows = np.random.default_rng(seed), []
    for day, table in made.lists.items():
        for one, group in zip(table["customer_id"], table["group"], strict=True):
            chance = made.plan.reported if group == "contact" else made.plan.contaminated
            if rng.random() < chance:
                when = date.fromisoformat(day) + timedelta(days=int(rng.integers(1, 7)))
                rows.append((one, when.isoformat(), "yes", "yes" if rng.random() < 0.6 else ""))
    return pd.DataFrame(rows, columns=["customer_id", "when", "contacted", "reached"])


def write_activity(made: World, folder: Path, until: str) -> Path:
    """The stream that is known when `until` begins: an order a week, as long as a customer stays."""
    end, rows = date.fromisoformat(until), []
    for one, listed in made.until.items():
        last = listed if made.left[one] else end
        start = FIRST - timedelta(days=21)
        rows += [(one, at) for at in _weeks(start, min(last, end), sum(map(ord, one)) % 7)]
    table = pd.DataFrame(rows, columns=["customer_id", "day"]).sort_values(["day", "customer_id"])
    stamps = [midnight(str(day), "UTC") + 12 * 3600 * 1_000_000 for day in table["day"]]
    columns: dict[str, Any] = {name: [None] * len(table) for name in ACTIVITY_SCHEMA.names}
    columns |= {
        "activity_id": [f"a{i}" for i in range(len(table))],
        "customer_id": table["customer_id"].tolist(),
        "occurred_at": stamps,
        "activity": ["placed_order"] * len(table),
        "value": [20.0] * len(table),
    }
    write_parquet(folder / "activity" / "all.parquet", pa.table(columns, schema=ACTIVITY_SCHEMA))
    facts = {"moment": until, "timezone": "UTC", "has_recorded_at": False, "digest": f"{made.plan}{until}"}
    write_json(folder / "facts.json", facts)
    return folder


def _weeks(start: date, end: date, offset: int) -> list[date]:
    first = start + timedelta(days=offset)
    return [first + timedelta(days=7 * i) for i in range(60) if first + timedelta(days=7 * i) < end]


def project_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the settings of the lists, as the working directory."""
    monkeypatch.chdir(folder)
    (folder / "params.yaml").write_text(PARAMS)
    return folder
