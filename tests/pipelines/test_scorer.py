"""Who scored, said in words, and a list that a rule made."""

from __future__ import annotations

import html
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models import columns
from models.churn_model import ChurnModel
from models.learners import level
from models.learners.level import Level
from models.learners.logistic import Linear
from models.learners.rule_names import BASE_RATE, MODEL, RULES
from models.learners.rules import Rule
from models.sums import write_sums
from models.training.contest import Contest, settled
from pipelines.rendering import scorer
from pipelines.rendering.highlights import trust
from pipelines.rendering.language.language import Language
from pipelines.runtime.files import read_json
from pipelines.stages.make_list import make_list
from tests.pipelines import lists_for_tests
from tests.pipelines.lists_for_tests import DEFINITION, METRICS, Shop, settings, shop

MOMENTS = ("2024-01-01", "2024-01-29")


def scored_by(name: str, *, model: float = 0.5, rule: float = 0.4, ranks: bool = True) -> dict[str, Any]:
    losses = {MODEL: model, "bg_nbd": rule, "days_since_last": 0.6}
    return Contest(name, ranks, losses, MOMENTS, "time", 0.6, 0.7).to_json()


SAID = [
    (scored_by(MODEL, model=0.3), "The model scores: it came closer", "0.3000 against 0.4000 on 2 held-out moments"),
    (scored_by(MODEL), "and the best simple rule, a formula of each customer's own buying habit, does not", "0.5000"),
    (scored_by("bg_nbd"), "A simple rule scores, a formula of each customer's own buying habit", "no closer"),
    (scored_by("days_since_last"), "and the model does not", "0.5000 against 0.6000"),
    (scored_by(BASE_RATE, ranks=False), "so the list is by value", "another horizon_days"),
    (scored_by("days_since_last", ranks=False), "so the list is by the days since the last order", "more history"),
    (settled(MODEL).to_json(), "The model scores, as model.scorer", ""),
    (settled("order_count").to_json(), "A simple rule scores, counting orders, as model.scorer", ""),
    (settled(BASE_RATE).to_json(), "Everybody has the average risk", ""),
]


@pytest.mark.parametrize(("given", "says", "and_"), SAID)
def test_who_scores_and_why_is_said_in_every_language(given: dict[str, Any], says: str, and_: str) -> None:
    text = " ".join(scorer.who_scores(given))
    assert says in text
    assert and_ in text
    thai = scorer.who_scores(given, Language("th"))
    assert len(thai) == len(scorer.who_scores(given))
    assert not any("{" in sentence or "scores" in sentence for sentence in thai)


def test_every_rule_has_words_and_of_former_champions_nothing_is_said() -> None:
    assert set(scorer.RULES) == set(RULES)
    assert scorer.who_scores(None) == []
    assert not scorer.is_rule(None)


def test_how_far_to_trust_a_rule() -> None:
    found = trust(METRICS | {"scored_by": scored_by("bg_nbd")})
    assert found["verdict"] == "A simple rule"
    assert any(line.startswith("A simple rule scores, a formula") for line in found["lines"])
    assert trust(METRICS | {"scored_by": scored_by(BASE_RATE, ranks=False)})["verdict"] == "No order by risk"
    assert trust(METRICS | {"scored_by": scored_by(MODEL, model=0.3)})["verdict"] == "Good"


def crowned(folder: Path, *, money: bool = True, constant: bool = False) -> Shop:
    """The shop's folders with a rule as the champion."""
    made = shop(folder, money=money)
    since = "placed_order_days_since_last"
    eligible = made.features[made.features[since] <= 56]
    line = Linear.fit(columns.numbers(eligible, [since]), (eligible[since] > 20).to_numpy(dtype=float), penalty=0.1)
    rule = Rule(BASE_RATE, (), replace(line, **dict.fromkeys(("centre", "scale", "coefficients"), line.centre[:0])))
    rule = rule if constant else Rule("days_since_last", (since,), line)
    model: ChurnModel = replace(
        made.model,
        linear=None,
        logistic_share=0.0,
        rule=rule,
        level=Level(None, 0.1, 0.3, 4),
        calibration=level.shifted(0),
    )
    scores = lists_for_tests.scores(made.features, model.anchored(made.features), money=money)
    table = pa.Table.from_pandas(scores, preserve_index=False)
    pq.write_table(table, made.data / f"scores/{DEFINITION}.parquet")
    model.save(made.data / "champion" / DEFINITION)
    by = scored_by(rule.name, ranks=not constant)
    metrics = {"metrics": METRICS | {"scored_by": by}}
    (made.data / "champion" / DEFINITION / "champion.json").write_text(json.dumps(metrics))
    write_sums(made.data / "champion" / DEFINITION)
    return replace(made, scores=scores, model=model)


@pytest.mark.parametrize("money", [True, False])
def test_a_rule_makes_a_list_as_a_model_does(tmp_path: Path, money: bool) -> None:
    made = crowned(tmp_path, money=money)
    make_list(settings(), made.inputs, made.out)
    table = pd.read_parquet(made.out / "at_risk.parquet")
    assert len(table) == 12
    assert table["reason_1"].str.startswith("Last order ").any()
    assert table["expected_value"].notna().all() == money
    content = read_json(made.out / "manifest.json")
    assert content["scored_by"]["scorer"] == "days_since_last"
    assert content["level"] == {"shift": 0.1, "spread": 0.3}
    sentence = "A simple rule scores, the days since the last order"
    page = (made.out / "at_risk.html").read_text(encoding="utf-8")
    assert html.escape(sentence) in page
    assert "What would help a model: more history" in page
    book = openpyxl.load_workbook(made.out / "at_risk.xlsx")
    cells = [str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row]
    assert any(sentence in cell for cell in cells)


def test_between_which_numbers_leave_stands_on_page_workbook_and_manifest(tmp_path: Path) -> None:
    made = crowned(tmp_path)
    make_list(settings(), made.inputs, made.out)
    figures = read_json(made.out / "manifest.json")["figures"]
    for ending in ("", "_listed"):
        interval, expected = figures[f"leavers_interval{ending}"], figures[f"expected_leavers{ending}"]
        assert 0 <= interval["low"] < expected < interval["high"]
    low, high = (round(figures["leavers_interval_listed"][end]) for end in ("low", "high"))
    sentence = f"9 times out of 10 it is between {low} and {high}."
    assert sentence in (made.out / "at_risk.html").read_text(encoding="utf-8")
    book = openpyxl.load_workbook(made.out / "at_risk.xlsx")
    assert any(cell.value == sentence for sheet in book for row in sheet.iter_rows() for cell in row)


def test_where_nothing_ranks_the_list_is_by_value(tmp_path: Path) -> None:
    made = crowned(tmp_path, constant=True)
    make_list(settings(), made.inputs, made.out)
    table = pd.read_parquet(made.out / "at_risk.parquet")
    assert table["churn_probability"].nunique() == 1
    assert table["expected_value"].is_monotonic_decreasing
    assert (table["reason_1"] == "").all()
    assert "so the list is by value" in (made.out / "at_risk.html").read_text(encoding="utf-8")


def test_drift_stands_on_the_page_and_in_the_manifest(tmp_path: Path) -> None:
    made = crowned(tmp_path)
    report = {"passed": True, "checks": 7, "failed": 0, "warnings": ["As much placed_order as usual: found less."]}
    (made.data / f"validation/scores_{DEFINITION}.json").write_text(json.dumps(report))
    make_list(settings(), made.inputs, made.out)
    assert "1 check warn" in (made.out / "at_risk.html").read_text(encoding="utf-8")
    checks = read_json(made.out / "manifest.json")["checks"]
    assert checks[f"scores_{DEFINITION}"]["warnings"] == report["warnings"]
