"""The page in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.sinks import glance
from pipelines.sinks.list_page import write_page
from tests.pipelines.lists_for_tests import METRICS, made, settings

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if CHROMIUM is None:
    reason = "the page was not opened: install Chromium (Debian: apt-get install chromium) or Google Chrome"
    pytest.skip(reason, allow_module_level=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


class Page:
    """A page opened from disk, and everything it said or asked for."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.tab = browser.new_page(**options)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.tab.on("console", lambda message: self.said.append(message.text))
        self.tab.on("pageerror", lambda error: self.said.append(str(error)))
        self.tab.on("request", lambda request: self.asked.append(request.url))
        self.tab.goto(path.as_uri())
        self.tab.wait_for_selector("tr.row")

    def column(self, css: str, rows: int = 5) -> list[str]:
        return [cell.strip() for cell in self.tab.locator(f"tr.row td.{css}").all_inner_texts()[:rows]]

    @property
    def status(self) -> str:
        return str(self.tab.locator("#status").inner_text())


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("page") / "at_risk.html"
    table, scores = made(others=True)
    write_page(table, glance.figures(table, scores, settings()), glance.trust(METRICS), settings(), target)
    return target


@pytest.fixture
def opened(browser: Any, path: Path) -> Iterator[Page]:
    """Whatever a test does with the page, it may not complain and not ask for anything but itself."""
    found = Page(browser, path, viewport={"width": 1280, "height": 900})
    yield found
    assert found.said == []
    assert [url for url in found.asked if not url.startswith("data:")] == [path.as_uri()]
    found.tab.close()


def test_sorting_by_a_heading_and_back(opened: Page) -> None:
    assert opened.column("rank", 3) == ["1", "2", "3"]
    opened.tab.get_by_role("button", name="Risk of leaving").click()
    risks = [float(cell.split("%")[0]) for cell in opened.column("risk", 20)]
    assert risks == sorted(risks, reverse=True)
    assert opened.tab.locator("th.risk").get_attribute("aria-sort") == "descending"
    opened.tab.get_by_role("button", name="Risk of leaving").click()
    risks = [float(cell.split("%")[0]) for cell in opened.column("risk", 20)]
    assert risks == sorted(risks)
    opened.tab.get_by_role("button", name="Place").click()
    assert opened.column("rank", 3) == ["1", "2", "3"]


def test_searching_by_customer_and_by_words_of_a_reason(opened: Page) -> None:
    customer = opened.column("customer")[2]
    opened.tab.get_by_label("Search").fill(customer)
    assert opened.column("customer") == [customer]
    assert opened.status.startswith("1 of 250 customers, $")
    opened.tab.get_by_label("Search").fill("REGULAR usually  every")
    assert set(opened.column("segment")) == {"regular"}
    assert all("usually every" in reason for reason in opened.column("reason"))
    opened.tab.get_by_label("Search").fill("nobody at all")
    assert opened.column("customer") == []
    opened.tab.get_by_role("button", name="Show all").click()
    assert opened.status.startswith("All 250 customers, $")


def test_filters_by_tier_and_kind(opened: Page) -> None:
    chip = opened.tab.locator('.chip[data-tier="high"]')
    wanted = chip.locator(".number").inner_text()
    chip.click()
    assert chip.get_attribute("aria-pressed") == "true"
    assert opened.status.startswith(f"{wanted} of 250 customers")
    assert {cell.split("\n")[-1].split("%")[-1].strip() for cell in opened.column("risk", 9)} == {"high"}
    opened.tab.get_by_label("Kind of customer").select_option("regular")
    assert set(opened.column("segment", 9)) == {"regular"}


def test_a_row_opens_for_its_reasons_by_mouse_and_by_keyboard(opened: Page) -> None:
    toggle = opened.tab.locator(".toggle").nth(2)
    toggle.focus()
    opened.tab.keyboard.press("Enter")
    assert toggle.get_attribute("aria-expanded") == "true"
    detail = opened.tab.locator(f"#{toggle.get_attribute('aria-controls')}")
    assert detail.locator("li").all_inner_texts() == [
        "Last order 4 days ago; usually every 9 days",
        "2 orders in the last 91 days",
    ]
    assert "times the average of" in detail.inner_text()
    opened.tab.keyboard.press("Enter")
    assert detail.count() == 0
    opened.tab.locator("tr.row td.segment").nth(1).click()
    assert "No single number stands out" in opened.tab.locator("tr.detail").inner_text()


def test_hostile_text_is_shown_as_text(opened: Page) -> None:
    assert opened.column("reason", 1)[0].startswith("</script><img src=x")
    assert opened.tab.locator("img").count() == 0


def test_all_rows_come_by_scrolling_and_for_the_printer(opened: Page) -> None:
    assert opened.tab.locator("tr.row").count() < 250
    opened.tab.emulate_media(media="print")
    opened.tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.tab.locator("tr.row").count() == 250
    assert not opened.tab.locator(".controls").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(browser: Any, path: Path, scheme: str) -> None:
    found = Page(browser, path, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    assert found.tab.evaluate("document.documentElement.scrollWidth") <= 360
    found.tab.get_by_label("Sort by").select_option("risk")
    risks = [float(cell.split("%")[0]) for cell in found.column("risk", 9)]
    assert risks == sorted(risks, reverse=True)
    found.tab.locator(".toggle").first.click()
    assert found.tab.locator("tr.detail").is_visible()
    assert found.tab.evaluate("document.documentElement.scrollWidth") <= 360
    assert found.said == []
    found.tab.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Any, path: Path, scheme: str) -> None:
    found = Page(browser, path, color_scheme=scheme)
    found.tab.locator(".toggle").first.click()
    assert found.tab.evaluate(CONTRAST) == []
    found.tab.close()


def test_five_thousand_customers_are_quick(browser: Any, tmp_path: Path) -> None:
    target = tmp_path / "at_risk.html"
    table, scores = made(5000)
    write_page(table, glance.figures(table, scores, settings()), glance.trust(METRICS), settings(), target)
    found = Page(browser, target)
    painted = found.tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert painted < 3000  # milliseconds on a busy machine; well below 1000 on a free one
    assert found.status.startswith("All 5,000 customers")
    found.tab.close()


# Every element with text of its own has a contrast of at least 4.5 (3 where it is large), as WCAG AA asks.
CONTRAST = """() => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const linear = [r, g, b].map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const faults = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || node.closest("script, style, noscript, .hidden") || !node.offsetParent) continue;
    const style = getComputedStyle(node), size = parseFloat(style.fontSize);
    const [one, two] = [light(parts(style.color)), light(ground(node))].sort((a, b) => b - a);
    const wanted = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    const found = (one + 0.05) / (two + 0.05);
    if (found < wanted) faults.push(`${node.className || node.tagName}: ${found.toFixed(2)}`);
  }
  return [...new Set(faults)];
}"""
