"""The table of past lists, its sentences, and the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.backfill import Backfill
from pipelines.modelling.backfill_report import draw, report_lines
from pipelines.settings.churn import Silence

pytestmark = pytest.mark.slow

SILENT = Silence(kind="silence", active_within_days=56, horizon_days=28)


def found(*, money: bool = True, customers: int = 200) -> Backfill:
    random = np.random.default_rng(3)
    parts = []
    for day in ("2024-03-04", "2024-03-11"):
        chance = random.beta(1, 3, customers)
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": [f"{number:04d}" for number in range(customers)],
                    "as_of": pd.Timestamp(day),
                    "model": chance,
                    "churned": random.random(customers) < chance,
                    "expected_value": random.gamma(2, 20, customers) if money else np.nan,
                    "days_since_last": random.random(customers),
                }
            )
        )
    return Backfill.of("silent_28d", pd.concat(parts), ["days_since_last"], capacity=50, currency="USD")


def test_the_table_and_what_it_means() -> None:
    lines = report_lines(found(), SILENT, ["2024-03-18  not known yet: its window ends on 2024-04-15"])
    text = "\n".join(lines)
    assert lines[0] == "What the last 2 lists of silent_28d would have said, and what happened."
    assert "Leaving: no order in the next 28 days." in text
    head, first, second = lines[4:7]
    assert head.split()[:4] == ["list", "of", "customers", "left"]
    assert len({len(head), len(first), len(second)}) == 1
    assert first.split()[:2] == ["2024-03-04", "200"]
    assert "not known yet: its window ends on 2024-04-15" in lines[7]
    assert "by the best simple rule (days since the last order)" in text
    assert "Money: $" in text
    assert max(map(len, lines)) <= 118


def test_without_money_there_is_none_in_it() -> None:
    lines = report_lines(found(money=False, customers=50), SILENT, [])
    assert not any("$" in line or "Money" in line for line in lines)


def test_few_leavers_are_said_to_be_few() -> None:
    assert "too few to tell skill from luck" in "\n".join(report_lines(found(customers=30), SILENT, []))


def test_the_same_figures_give_the_same_picture(tmp_path: Path) -> None:
    for name in ("one", "two"):
        draw(found(), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    draw(found(money=False), tmp_path / "three")
    assert (tmp_path / "three").read_bytes()[:4] == b"\x89PNG"
