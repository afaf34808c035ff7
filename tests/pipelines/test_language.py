from __future__ import annotations

import re

import pytest
from babel import Locale

from features.catalogue.activities import ACTIVITIES
from features.catalogue.measures import MEASURES
from features.catalogue.wording import sentence_of
from pipelines.rendering.language.catalogue import Catalogue, catalogue
from pipelines.rendering.language.language import ENGLISH, Language
from pipelines.settings.campaign.at_risk import LANGUAGES, languages

THAI = Language("th", "THB")


def test_english_says_what_stands_in_the_code() -> None:
    assert ENGLISH.say("The list") == "The list"
    assert ENGLISH.say("{low} and more", low="49%") == "49% and more"
    assert (ENGLISH.count(1, "customer", "customers"), ENGLISH.count(2469, "customer", "customers")) == (
        "1 customer",
        "2,469 customers",
    )


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (ENGLISH, "Customers at risk"),
        (THAI, "ลูกค้ากลุ่มเสี่ยง"),
    ],
)
def test_a_text_is_said_in_the_language(language: Language, said: str) -> None:
    assert language.say("Customers at risk") == said


def test_what_a_language_does_not_have_is_said_in_english() -> None:
    assert THAI.say("Nobody has translated {this}", this="it") == "Nobody has translated it"


@pytest.mark.parametrize(
    ("code", "currency", "value", "said"),
    [
        ("en", "USD", 1234.5, "$1,234"),
        ("en", "USD", -12.5, "-$12.50"),
        ("en", "CHF", 1234.5, "CHF 1,234"),
        ("en", "JPY", 12.4, "¥12"),
        ("th", "THB", 1234.5, "฿1,234"),
        ("th", "THB", 12.5, "฿12.50"),
        ("th", "USD", 12.5, "$12.50"),
        ("th", "THB", float("nan"), ""),
    ],
)
def test_amounts(code: str, currency: str, value: float, said: str) -> None:
    assert Language(code, currency).money(value) == said


@pytest.mark.parametrize(
    ("form", "value", "said"),
    [
        (".0f", 12345.4, "12,345"),
        (".0f", -0.2, "0"),
        ("+.1f", 2.0, "+2.0"),
        ("+.1f", -2.0, "-2.0"),
        (".0%", 0.125, "12%"),
    ],
)
def test_numbers_follow_the_locale(form: str, value: float, said: str) -> None:
    assert ENGLISH.figure(value, form) == THAI.figure(value, form) == said


def test_another_locale_writes_numbers_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    german = Catalogue(name="Deutsch", locale="de", day="d. MMMM y", month="MMM y")
    monkeypatch.setattr("pipelines.rendering.language.language.catalogue", lambda code: german)
    language = Language("de", "EUR")
    assert language.money(1234.5) == "1.234\N{NO-BREAK SPACE}€"
    assert language.number(12345) == "12.345"
    assert language.percent(0.004) == "0,4\N{NO-BREAK SPACE}%"
    assert language.day("2017-03-04") == "4. März 2017"


@pytest.mark.parametrize(
    ("language", "day", "month"),
    [(ENGLISH, "4 December 2017", "Dec 2017"), (THAI, "4 ธันวาคม พ.ศ. 2560", "ธ.ค. 2560")],
)
def test_days_are_of_the_language_s_calendar(language: Language, day: str, month: str) -> None:
    assert (language.day("2017-12-04"), language.month("2017-12-04")) == (day, month)


SINCE = "Last order {since:.0f} days ago; usually every {gap:.0f} days"


@pytest.mark.parametrize(
    ("template", "values", "said"),
    [
        (SINCE, {"since": 41.0, "gap": 9.0}, "สั่งซื้อครั้งล่าสุดเมื่อ 41 วันก่อน (ปกติทุก 9 วัน)"),
        (SINCE, {"since": 41.0, "gap": 1.0}, "สั่งซื้อครั้งล่าสุดเมื่อ 41 วันก่อน (ปกติทุกวัน)"),
        ("{n:.0f} orders in the last 28 days", {"n": 3.0}, "สั่งซื้อ 3 ครั้งใน 28 วันที่ผ่านมา"),
        ("{n:.0f} orders in the last 28 days", {"n": 0.0}, "ไม่ได้สั่งซื้อใน 28 วันที่ผ่านมา"),
        ("{n:.0f} campaigns received in the last 28 days", {"n": 0.0}, "ไม่ได้รับแคมเปญใน 28 วันที่ผ่านมา"),
        ("{n:.0f} pieces in the last 28 days", {"n": 3.0}, "ซื้อ 3 ชิ้นใน 28 วันที่ผ่านมา"),
        ("{n:,.2f} spent so far", {"n": 1234.5}, "ใช้จ่ายรวม ฿1,234 นับตั้งแต่เริ่มเป็นลูกค้า"),
        ("{n:.0f} watched video in the last 28 days", {"n": 3.0}, "watched video 3 ครั้งใน 28 วันที่ผ่านมา"),
        ("A sentence of {n:.0f} from long ago", {"n": 3.0}, "A sentence of 3 from long ago"),
    ],
)
def test_a_stored_english_template_is_said_in_the_language(template: str, values: dict[str, float], said: str) -> None:
    assert THAI.reason(template, values, {"n": THAI.money} if "spent" in template else {}) == said


def test_every_sentence_of_every_activity_has_its_words() -> None:
    for code in set(languages()) - {"en"}:
        for measure, declared in MEASURES.items():
            for activity in ACTIVITIES if declared.sentence else ():
                words = {"activity": activity, "main": "placed_order", "name": "x", "days": 28, "rhythm": True}
                template = catalogue(code).template(sentence_of(declared.sentence, **words))
                assert template is not None, (code, measure, activity)
                english = rf"\b({ACTIVITIES[activity].noun}|{ACTIVITIES[activity].nouns}|days?|last)\b"
                assert not re.search(english, re.sub(r"{.*?}", "", template))


def test_the_languages_are_the_files() -> None:
    assert languages() == tuple(sorted(path.stem for path in LANGUAGES.iterdir()))
    assert {"en", "th"} <= set(languages())
    for code in languages():
        assert Locale.parse(catalogue(code).locale)


def test_an_unknown_language_is_named() -> None:
    with pytest.raises(ValueError, match=r"'xx' is not a language\. Allowed: en, th"):
        catalogue("xx")
