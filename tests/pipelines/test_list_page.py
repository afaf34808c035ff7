from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from models.segments import NAMED
from models.subscribers import KINDS
from pipelines.rendering import highlights
from pipelines.rendering.columns import NO_CONTACT
from pipelines.rendering.language.language import Language
from pipelines.rendering.page.data import customers_on, digits, without_customers
from pipelines.rendering.page.list_page import page
from pipelines.rendering.page.words import WORDS
from pipelines.rendering.wording import SEGMENTS, column_description
from pipelines.settings.campaign.at_risk import languages
from tests.pipelines.lists_for_tests import DEFINITION, METRICS, decided, made, moment, settings, undecided, week

ROOT = Path(__file__).parents[2]


def full_page(**other: Any) -> str:
    """A page with everything that one can have."""
    table, scores = made(60)
    rich = decided(table)
    told = week(rich, **other)
    return page(
        rich,
        highlights.figures(rich, scores, settings().at_risk, bound="capacity"),
        highlights.trust(METRICS),
        moment=moment(),
        language=Language(),
        week=told,
    )


def markup(text: str) -> str:
    return html.unescape(re.sub(r"<(script|style).*?</\1>", "", text, flags=re.DOTALL))


def text_of(*, money: bool = True, metrics: Any = METRICS, **other: Any) -> str:
    listed, scores = made(money=money, **other)
    table = undecided(listed)
    return page(
        table,
        highlights.figures(table, scores, settings().at_risk, bound="capacity"),
        highlights.trust(metrics),
        moment=moment(),
        language=Language(),
    )


def embedded(text: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_same_list_gives_the_same_page() -> None:
    assert text_of() == text_of()
    assert full_page() == full_page()


def test_the_page_asks_nobody_for_anything() -> None:
    text = html.unescape(full_page())
    assert "default-src 'none'; script-src 'sha256-" in text
    assert "unsafe" not in text
    assert not re.findall(r"(?:src|href|action)=[\"'](?!data:|#)", text)
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


def test_who_is_new_and_who_left_since_the_last_list_is_known_to_the_page() -> None:
    table, _ = made(60)
    first, second, *_ = ids = table["customer_id"].astype(str).tolist()
    text = full_page(last={"as_of": "2024-02-26", "customers": [*ids[2:], "gone-1", "gone-2"], "value_at_risk": 9.0})
    data = embedded(text)
    names, fresh = (data["fields"].index(name) for name in ("customer_id", "is_new"))
    assert {row[names] for row in data["rows"] if row[fresh]} == {first, second}
    assert data["left"] == ["gone-1", "gone-2"]
    assert "is_new" not in data["kinds"], "no column of the list: it is not saved as one"
    assert {"gone-1", first} <= customers_on(text)
    again = without_customers(text, frozenset({"gone-1"}))
    assert again is not None
    assert "gone-1" not in again
    assert embedded(again)["rows"] == data["rows"]
    assert "is_new" not in embedded(full_page(last=None))["fields"], "on a first list nobody is new"


def test_every_kind_of_customer_is_explained_where_it_stands() -> None:
    text = full_page()
    shown = set(embedded(text)["lists"]["segment"])
    assert set(embedded(text)["meanings"]) == shown
    assert all(embedded(text)["meanings"].values())
    legend = markup(text).partition("What the kinds of customer mean")[2].partition("</dl>")[0]
    assert set(re.findall("<dt>(.*?)</dt>", legend)) == shown
    assert all(means in legend for means in embedded(text)["meanings"].values())
    means = embedded(text)["meanings"]["regular"]
    assert f'title="{means}"><span class="bar-label">regular' in text


def test_all_kinds_that_there_are_have_their_words() -> None:
    assert set(SEGMENTS) == {*(name for name, _, _ in NAMED), *KINDS}
    assert column_description("segment", {}).endswith(f"; occasional: {SEGMENTS['occasional']}.")


def test_a_model_without_a_test_is_said_to_be_untested() -> None:
    assert "Not tested on a later time than it learned from." in text_of(metrics={})


def test_without_money_nothing_speaks_of_money() -> None:
    text = text_of(money=False)
    assert "Money at risk</span>" not in text
    assert "highest risk first" in text
    assert embedded(text)["money"] is False


def test_plain_english_for_people() -> None:
    text = full_page()
    assert not re.search("\u2014|\u2013", text)
    technical = r"AUC|log.loss|probability|calibrat|baseline|churn|cohort|scatter|champion"
    assert not re.search(technical, re.sub(r' (?:id|class)="[^"]*"', "", markup(text)), re.IGNORECASE)
    assert not re.search(technical, " ".join(embedded(text)["words"].values()), re.IGNORECASE)


def test_five_thousand_customers_are_a_small_file() -> None:
    table, scores = made(5000)
    text = page(
        table,
        highlights.figures(table, scores, settings().at_risk, bound="capacity"),
        highlights.trust(METRICS),
        moment=moment(),
        language=Language(),
    )
    assert len(text) < 1_500_000


def test_other_definitions_are_on_the_page() -> None:
    text = text_of(others=True)
    assert embedded(text)["others"] == ["silent_56d"]
    assert DEFINITION not in embedded(text)["fields"]


def test_a_page_with_nothing_but_the_list_speaks_of_nothing_else() -> None:
    text = markup(text_of())
    for absent in ("Since the last list", "held_back", "control.csv", "Who keeps coming back", "percentages right?"):
        assert absent not in text
    assert "What stands out first" not in text
    assert "timeline" not in embedded(text_of())["fields"]


def test_what_is_known_beside_the_list_is_said() -> None:
    text = markup(full_page())
    assert "<strong>10 new</strong>" in text
    assert "on the list since 26 February 2024; 2 are no longer on it, 50 still are. Money at risk: $" in text
    assert "held_back.csv: 21 customers (no consent: 12; contacted lately: 9)." in text
    assert "in control.csv: 31 customers." in text
    assert "in win_back.csv: 45 customers." in text
    assert "came back since: 3 customers." in text
    assert "an effect below 9 points will not be provable" in text
    assert "The next 100 customers would have brought $512." in text
    assert "Acting is expected to bring $" in text
    assert "First those for whom acting is worth most." in text


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("2024-03-03", ""),  # the whole day before the list's is known
        ("2024-02-29", ""),
        ("2024-02-28", "The data ends on 28 February 2024. What customers did in the 4 days before this list's day"),
    ],
)
def test_stale_data_is_said_first(end: str, said: str) -> None:
    text = markup(full_page(data_end=end))
    assert ("The data ends on" in text) is bool(said)
    assert said in text[: text.index("<h1>")]


def test_a_list_by_which_nobody_can_be_reached_says_so_first() -> None:
    assert html.escape(NO_CONTACT) in text_of()[: text_of().index("<h1>")]
    assert NO_CONTACT not in markup(full_page())


def test_pictures_are_drawn_from_the_weeks_figures() -> None:
    text = markup(full_page())
    assert "Of the customers to whom it gave the highest risk, 60% on average, 55% did leave." in text
    assert text.count('class="said"') == 10
    assert text.count('class="heat"') == sum(range(12))
    assert "Mar 2023 or before" in text
    assert "Feb 2024" not in text  # nobody can have come again yet
    assert re.findall(r'class="bar-label">([^<]*)<', text) == [
        *("regular", "high value", "hibernating"),
        *("Time since the last order", "How many orders", "Complaints", "Many small signs together"),
    ]


def test_a_bare_number_in_the_markup_is_nobodys_id() -> None:
    """Who looks for a customer with the id 250 (to forget them) finds rows of data and no figure of a picture."""
    plain = re.sub(r'<script type="application/json".*?</script>', "", full_page(), flags=re.DOTALL)
    assert re.findall(r"""["'>](\d+)["'<]""", plain.replace('tabindex="0"', "").replace('dy="0', "")) == []


def test_timelines_are_one_digit_a_week() -> None:
    assert digits([0, 1, 9, 10, 35, 36, 500]) == "019azzz"
    found = embedded(full_page())
    row = dict(zip(found["fields"], found["rows"][0], strict=True))
    assert len(row["timeline"]) == 52
    assert found["lists"]["action"][row["action"]] == "Personal call"
    assert row["customer_id"] not in str(found["lists"])


def test_columns_may_be_there_and_empty() -> None:
    table, scores = made(20)
    empty = decided(table).assign(
        **dict.fromkeys(
            ("expected_net_value", "change", "action", "channel", "owner", "send_by", "name", "email"), None
        )
    )
    text = page(
        empty,
        highlights.figures(empty, scores, settings().at_risk, bound="capacity"),
        highlights.trust({}),
        moment=moment(),
        language=Language(),
    )
    found = embedded(text)
    row = dict(zip(found["fields"], found["rows"][0], strict=True))
    assert (row["expected_net_value"], row["name"], found["lists"]["send_by"][row["send_by"]]) == (None, "", "")


@pytest.mark.parametrize("code", sorted(languages()))
def test_in_every_language_every_gap_is_filled(code: str) -> None:
    chosen = settings().model_copy(update={"language": code})
    table, scores = made(30)
    rich = decided(table)
    figures, trust = (
        highlights.figures(rich, scores, chosen.at_risk, bound="capacity"),
        highlights.trust(METRICS, "", Language(code)),
    )
    text = page(rich, figures, trust, moment=moment(), language=Language(code), week=week(rich))
    assert f'<html lang="{code}">' in text
    assert not re.search(r"{\w*}", markup(text))
    known = {name for words in WORDS.values() for name in re.findall(r"{(\w+)}", words)}
    asked = {name for words in embedded(text)["words"].values() for name in re.findall(r"{(\w+)}", words)}
    assert asked <= known


def test_a_forgotten_customer_leaves_the_page_and_the_others_stay() -> None:
    text = full_page()
    before = embedded(text)
    gone = before["rows"][3][before["fields"].index("customer_id")]
    page_without = without_customers(text, frozenset({gone}))
    assert page_without is not None
    after = embedded(page_without)
    assert after == before | {"rows": [row for row in before["rows"] if gone not in row]}
    assert len(after["rows"]) == 59
    assert without_customers(text, frozenset({"250"})) is None  # nobody's id, though pictures are full of numbers


def test_the_page_for_the_team_needs_no_technical_word() -> None:
    written = ROOT / "docs/retention-team/index.md"
    part = written.read_text(encoding="utf-8")
    found = re.findall(
        r"\b(?:html|csv|parquet|json|yaml|browser|script|data ?base|pipeline|python|command|model\w*|score\w*|"
        r"probabilit\w*|calibrat\w*|churn\w*|metric\w*|segment\w*|tier\w*|cohort\w*|param\w*)\b",
        part,
        re.IGNORECASE,
    )
    assert found == []
    picture = re.search(r"!\[[^]]+\]\(([^)]+)\)", part)
    assert picture
    assert (written.parent / picture[1]).stat().st_size < 200_000
    words = embedded(full_page())["words"]
    for heading in re.findall(r"^\| ([A-Z][^|]*) \|", part, re.MULTILINE):
        assert heading in words.values()
