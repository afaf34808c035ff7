"""Every language says everything, with the same names in it."""

from __future__ import annotations

import html
import re
import string
from dataclasses import replace
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import yaml

from features.catalogue.wording import TOKEN
from pipelines.rendering.language import catalogue as catalogues
from pipelines.rendering.language.catalogue import catalogue
from pipelines.settings.campaign.at_risk import languages
from pipelines.stages.make_list import make_list
from tests.pipelines.lists_for_tests import explained, settings, shop
from tests.pipelines.texts_said import reasons, texts

THAI = re.compile("[\u0e01-\u0e3a\u0e40-\u0e4e]")
OTHERS = sorted(set(languages()) - {"en"})


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("code", OTHERS)
def test_nothing_that_the_code_says_is_missing(code: str) -> None:
    said = texts()
    missing = [text for text in said if text not in catalogue(code).texts and text not in catalogue(code).open]
    lines = "\n".join(f'  "{text}": ""  # {said[text]}' for text in missing)
    path = f"pipelines/rendering/language/languages/{code}.yaml"
    assert not missing, f"add to `texts:` of {path}, with the same {{names}}, or to `open:`:\n{lines}"
    clauses = sorted(reasons() - set(catalogue(code).reasons) - set(catalogue(code).open))
    lines = "\n".join(f'  "{clause}": ""' for clause in clauses)
    assert not clauses, f"add to `reasons:` of {path}, with the same <names>:\n{lines}"


@pytest.mark.parametrize("code", OTHERS)
def test_what_is_marked_as_open_is_said_and_not_translated_yet(code: str) -> None:
    known, said = catalogue(code), {*texts(), *reasons()}
    assert len(known.open) == len(set(known.open))
    assert [text for text in known.open if text not in said] == [], "nobody says it any more: take it out"
    assert [text for text in known.open if text in {*known.texts, *known.reasons}] == [], (
        "it is translated: take it out"
    )


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_has_the_names_of_the_english_text(code: str) -> None:
    wrong = [
        f"{english!r}: {sorted(names(english))}, but {said!r}: {sorted(names(said))}"
        for english, said in catalogue(code).texts.items()
        if names(english) != names(said)
    ]
    assert not wrong, f"pipelines/rendering/language/languages/{code}.yaml:\n" + "\n".join(wrong)
    wrong = [
        f"{english!r}, but {said!r}"
        for english, said in catalogue(code).reasons.items()
        if {token.group() for token in TOKEN.finditer(english)} != {token.group() for token in TOKEN.finditer(said)}
    ]
    assert not wrong, f"pipelines/rendering/language/languages/{code}.yaml:\n" + "\n".join(wrong)


@pytest.mark.parametrize("code", languages())
def test_no_text_is_translated_twice_and_none_is_empty(code: str) -> None:
    content = (catalogues.LANGUAGES / f"{code}.yaml").read_text()
    keys = [
        key.value
        for _, section in yaml.compose(content, yaml.SafeLoader).value
        if isinstance(section, yaml.MappingNode)
        for key, _ in section.value
    ]
    assert len(keys) == len(set(keys)), sorted(key for key in set(keys) if keys.count(key) > 1)
    assert all(said for said in (*catalogue(code).texts.values(), *catalogue(code).reasons.values()))


class _Noting(dict[str, str]):
    """Translations that note what was asked for in vain."""

    def __init__(self, known: dict[str, str]) -> None:
        super().__init__(known)
        self.asked: set[str] = set()

    def get(self, text: str, default: str | None = None) -> str | None:  # type: ignore[override]
        if text == default and text.strip() and text not in self:
            self.asked.add(text)
        return super().get(text, default)


@pytest.mark.parametrize("code", OTHERS)
def test_a_list_asks_for_no_text_that_is_not_there(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noting = _Noting(dict(catalogue(code).texts))
    known = replace(catalogue(code), texts=noting)
    monkeypatch.setattr("pipelines.rendering.language.language.catalogue", lambda _: known)
    small, chosen = shop(tmp_path), settings().model_copy(update={"language": code})
    make_list(chosen, small.inputs, small.out)
    for customer in ("0000", "0030", "0039"):
        explained(customer, chosen, small.data)
    assert not noting.asked


def test_a_thai_list_keeps_the_contract_s_words_where_machines_read(tmp_path: Path) -> None:
    small, thai = shop(tmp_path), settings().model_copy(update={"language": "th", "currency": "THB"})
    make_list(thai, small.inputs, small.out)
    for table in (pd.read_parquet(small.out / "at_risk.parquet"), pd.read_csv(small.out / "at_risk.csv", dtype="str")):
        assert set(table["risk_tier"]) <= {"very high", "high", "medium", "low"}
        reasons = table["reason_1"].fillna("").astype("str")
        assert (reasons.str.contains("สั่งซื้อ|ใช้จ่าย") == (reasons != "")).all()
        assert (reasons != "").any()
        assert table["as_of"].astype("str").str.startswith("2024-03-04").all()
    said = explained("0030", thai, small.data)
    assert "อยู่ลำดับที่" in said
    assert "พ.ศ. 2567" in said
    assert "฿" in said


def test_people_read_thai_in_the_workbook_and_on_the_page(tmp_path: Path) -> None:
    small, thai = shop(tmp_path), settings().model_copy(update={"language": "th", "currency": "THB"})
    make_list(thai, small.inputs, small.out)
    book = openpyxl.load_workbook(small.out / "at_risk.xlsx")
    assert book.sheetnames[0] == "เสี่ยงสูญเสีย"
    tiers = {cell.value for row in book.worksheets[0].iter_rows() for cell in row} & {"สูงมาก", "สูง", "ปานกลาง", "ต่ำ"}
    assert tiers
    explained = {row[2].value: row[1].value for row in book["ความหมายของคอลัมน์"].iter_rows()}
    headings = {cell.value for row in book.worksheets[0].iter_rows(max_row=2) for cell in row}
    assert {"ลูกค้า", "โอกาสเลิกเป็นลูกค้า", "รักษาไว้ได้"} <= headings
    assert explained["customer_id"] == "รหัสลูกค้าตามที่ใช้ในระบบของคุณ"
    assert not [text for text in explained.values() if not THAI.search(str(text))]
    page = (small.out / "at_risk.html").read_text()
    assert '<html lang="th">' in page
    body = re.sub(r"<script.*?</script>|<style.*?</style>|<[^>]+>", " ", page.partition("<body>")[2], flags=re.DOTALL)
    assert "4 มีนาคม พ.ศ. 2567" in body
    english = {
        word for word in re.findall(r"[A-Za-z]\w+", html.unescape(body)) if not re.fullmatch("L?[0-9a-f]+", word)
    }
    assert english <= {"at_risk", "held_back", "control", "win_back", "xlsx", "csv"}  # names of files
