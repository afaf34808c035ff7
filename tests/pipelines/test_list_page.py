from __future__ import annotations

import html
import json
import re
from typing import Any

from pipelines.sinks import glance
from pipelines.sinks.list_page import page
from tests.pipelines.lists_for_tests import DEFINITION, METRICS, made, settings


def text_of(*, money: bool = True, metrics: Any = METRICS, **other: Any) -> str:
    table, scores = made(money=money, **other)
    return page(table, glance.figures(table, scores, settings()), glance.trust(metrics), settings())


def embedded(text: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_same_list_gives_the_same_page() -> None:
    assert text_of() == text_of()


def test_the_page_asks_nobody_for_anything() -> None:
    text = html.unescape(text_of())
    assert "default-src 'none'; script-src 'sha256-" in text
    assert "unsafe" not in text
    assert not re.findall(r"(?:src|href|action)=[\"'](?!data:)", text)
    assert not re.findall(r"https?://|@import|url\(|fetch\(|XMLHttpRequest|innerHTML|eval\(", text)


def test_customers_are_data_never_markup() -> None:
    text = text_of()
    assert "onerror=alert" in embedded(text)["rows"][0][embedded(text)["fields"].index("reason_1")]
    assert "<img" not in text


def test_the_week_at_a_glance_stands_in_the_markup() -> None:
    text = text_of()
    assert "4 March 2024" in text
    assert "<strong>250 customers</strong>" in text
    assert "of 500 active." in text
    assert "Leaving means: no order in the next 28 days." in text
    assert "Clearly better than the best simple rule." in text
    assert "of every 100 customers it put in the riskiest tenth, 49 did leave. Picked at random, 13 would have." in text


def test_a_model_without_a_test_is_said_to_be_untested() -> None:
    assert "Not tested on a later time than it learned from." in text_of(metrics={})


def test_without_money_nothing_speaks_of_money() -> None:
    text = text_of(money=False)
    assert "Money at risk</span>" not in text
    assert "highest risk first" in text
    assert embedded(text)["money"] is False


def test_plain_english_for_people() -> None:
    text = text_of()
    assert not re.search("\u2014|\u2013", text)
    markup = re.sub(r"<(script|style).*?</\1>", "", text, flags=re.DOTALL)
    assert not re.search(r"AUC|log.loss|probability|calibrat|baseline|churn", markup, re.IGNORECASE)


def test_five_thousand_customers_are_a_small_file() -> None:
    table, scores = made(5000)
    text = page(table, glance.figures(table, scores, settings()), glance.trust(METRICS), settings())
    assert len(text) < 1_500_000


def test_other_definitions_are_on_the_page() -> None:
    text = text_of(others=True)
    assert embedded(text)["others"] == ["silent_56d"]
    assert DEFINITION not in embedded(text)["fields"]
