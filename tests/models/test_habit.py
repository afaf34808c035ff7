from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models import segments
from models.learners import rules
from models.learners.bgnbd import BgNbd
from models.learners.bgnbd_score import COLUMN, BgNbdScore
from models.learners.rules import Rule
from models.training import split, train
from models.training.recipe import Recipe
from tests.models.panels_for_tests import DEFINITION, MOMENTS, columns_info, panel

ROLES = segments.roles(columns_info(summary=True), "placed_order")


def row(customer: str, moment: str, repeats: float, last: float, age: float) -> dict[str, object]:
    names = ("placed_order_btyd_frequency", "placed_order_btyd_recency", "placed_order_btyd_age")
    return {"customer_id": customer, "moment": moment, **dict(zip(names, (repeats, last, age), strict=True))}


def fitted(rows: list[dict[str, object]], definition: dict[str, object] = DEFINITION) -> BgNbdScore:
    table = pd.DataFrame(rows)
    found = BgNbdScore.fit(table, table["moment"].to_numpy(dtype=str), definition, ROLES)
    assert found is not None
    return found


def test_every_customer_counts_once_as_they_stood_at_the_newest_moment() -> None:
    """c2 is gone at the second moment, so was silent since: only the age goes on."""
    random = np.random.default_rng(0)
    others = [
        row(f"o{n}", "2021-02-01", float(random.poisson(3)), float(random.uniform(20, 60)), 80.0) for n in range(80)
    ]
    rows = [row("c1", "2021-01-04", 1, 10, 40), row("c1", "2021-02-01", 2, 60, 68), row("c2", "2021-01-04", 3, 20, 30)]
    x, t, age = (
        np.array([float(one[f"placed_order_btyd_{name}"]) for one in others], dtype=float)  # type: ignore[arg-type]
        for name in ("frequency", "recency", "age")
    )
    expected = BgNbd.fit(np.append(x, [2, 3]), np.append(t, [60, 20]), np.append(age, [68, 58]))
    assert fitted(rows + others).law == expected
    as_they_were = BgNbd.fit(np.append(x, [2, 3]), np.append(t, [60, 20]), np.append(age, [68, 30]))
    assert fitted(rows + others, {**DEFINITION, "kind": "cancellation"}).law == as_they_were
    assert fitted(rows + others, {**DEFINITION, "active_within_days": 20}).law == as_they_were  # moments too far apart


def test_without_a_summary_there_is_no_habit() -> None:
    assert segments.roles(columns_info(), "placed_order").summary is None
    data = panel(customers=50)
    assert (
        BgNbdScore.fit(data.features, data.moments, DEFINITION, segments.roles(columns_info(), "placed_order")) is None
    )


@pytest.mark.parametrize("off", [(), ("placed_order_days_since_last",), ("placed_order_btyd_age",)])
def test_the_model_carries_its_habit_and_tells_it_as_silence(off: tuple[str, ...]) -> None:
    recipe = Recipe(seeds=1, max_rounds=20, logistic_share=0.5, rounds=15)
    data = panel(summary=True)
    model = train.train(data, split.plan(MOMENTS, span_days=28, origins=1), recipe, DEFINITION, without=off).fitted
    assert COLUMN not in model.columns
    assert (COLUMN in model.known.names) == ("placed_order_btyd_age" not in off)
    told, odds = model.contributions(data.features), model.log_odds(data.features)
    assert list(told.columns) == model.learned
    rest = odds - told.sum(axis=1).to_numpy()
    assert rest == pytest.approx(np.full(len(rest), rest[0]), abs=1e-6)


def test_the_habit_of_an_origin_sees_no_later_row() -> None:
    before = panel(summary=True)
    plan = split.plan(MOMENTS, span_days=28, origins=1)
    late = before.moments > "2021-04-26"
    changed = before.features.copy()
    changed.loc[late, "placed_order_btyd_frequency"] += 5
    one, two = (
        train.train(
            type(before)(table, before.churned, before.value_ahead, before.columns_info, before.activities),
            plan, Recipe(seeds=1, max_rounds=10), DEFINITION,
        )
        for table in (before.features, changed)
    )  # fmt: skip
    assert one.held_out.habit == two.held_out.habit
    assert one.shipped.habit != two.shipped.habit


def test_json_keeps_it_exactly() -> None:
    habit = BgNbdScore(BgNbd(0.2, 4.4, 0.8, 2.4), ("a", "b", "c"), "d", 3, 28)
    assert BgNbdScore.from_json(habit.to_json()) == habit


def test_a_rule_tells_each_customer_against_the_average_one() -> None:
    random = np.random.default_rng(0)
    rows = [row(f"c{n}", "2021-02-01", float(random.poisson(4)), float(random.uniform(5, 75)), 80.0) for n in range(60)]
    table, roles = pd.DataFrame(rows), ROLES
    habit = fitted(rows)
    names = dict.fromkeys([roles.recency, roles.frequency, *([roles.money] if roles.money else []), *roles.names])
    features = table.assign(**{name: random.uniform(1, 9, len(table)) for name in names if name not in table})
    churned = (random.random(len(table)) < 0.3).astype(float)
    rule = rules.fitted(
        features, churned, roles=roles, columns_info=columns_info(), definition=DEFINITION, habit=habit
    )["bg_nbd"]
    told = rule.contributions(features)[rule.told_as]
    assert told.mean() == pytest.approx(0, abs=1e-12)
    assert (told > 0).any(), "less than even chances, and yet a reason"
    assert rule.log_odds(features) - told.to_numpy() == pytest.approx(rule.average)
    assert Rule.from_json(rule.to_json()) == rule
