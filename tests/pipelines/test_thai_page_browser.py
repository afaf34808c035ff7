"""The page in Thai, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.stages.make_list import make_list
from tests.pipelines.chromium_for_tests import require_chromium
from tests.pipelines.lists_for_tests import settings, shop

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHROMIUM = require_chromium()


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    small = shop(tmp_path_factory.mktemp("thai"))
    make_list(settings().model_copy(update={"language": "th", "currency": "THB"}), small.inputs, small.out)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page, said = browser.new_page(), list[str]()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto((Path(small.out) / "at_risk.html").as_uri())
        page.wait_for_selector("tr.row")
        yield page
        assert said == []
        browser.close()


def test_what_the_script_writes_is_thai(tab: Any) -> None:
    tab.locator("tr.row .toggle").first.click()
    words = tab.locator("main").inner_text()
    assert "แสดงทั้งหมด ลูกค้า 12 ราย" in words
    assert "ข้อสังเกตเด่น" in words
    assert "฿" in words
    assert set(re.findall(r"[A-Za-z_]{3,}", re.sub(r"\w+\.(csv|xlsx)", "", words))) == set()


def test_words_of_a_reason_are_found(tab: Any) -> None:
    everyone = tab.locator("tr.row").count()
    tab.locator("#search").fill("ลูกค้าคนอื่นปกติ")
    found = tab.locator("tr.row").count()
    assert 0 < found < everyone
    assert all("ลูกค้าคนอื่นปกติ" in row for row in tab.locator("tr.row").all_inner_texts())
    tab.locator("#search").fill("ไม่มีคำนี้")
    assert tab.get_by_text("ไม่พบลูกค้าที่ตรงเงื่อนไข").is_visible()
