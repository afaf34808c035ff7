"""The page in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.rendering import files, highlights
from pipelines.rendering.language.language import Language
from pipelines.rendering.page.list_page import write_page
from tests.pipelines.chromium_for_tests import require_chromium
from tests.pipelines.lists_for_tests import METRICS, decided, made, moment, settings, undecided, week

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHROMIUM = require_chromium()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


class Page:
    """A page opened from disk, and everything it said or asked for."""

    def __init__(self, browser: Any, path: Path, *, today: str = "", **options: Any) -> None:
        self.tab = browser.new_page(**options)
        if today:
            self.tab.clock.set_fixed_time(today)
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
    def requests(self) -> list[str]:
        """What it asked for beyond itself; a picture within the page and a file made by the page ask nobody."""
        return [url for url in self.asked if not url.startswith(("data:", "blob:"))]

    @property
    def status(self) -> str:
        return str(self.tab.locator("#status").inner_text())


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("page") / "at_risk.html"
    listed, scores = made(others=True)
    table = undecided(listed)
    write_page(
        table,
        highlights.figures(table, scores, settings().at_risk, bound="capacity"),
        highlights.trust(METRICS),
        target,
        moment=moment(),
        language=Language(),
    )
    return target


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a page that has everything, and the list it was made from as CSV."""
    folder = tmp_path_factory.mktemp("full")
    table, scores = made(others=True)
    rich = decided(table)
    figures, trust = highlights.figures(rich, scores, settings().at_risk, bound="capacity"), highlights.trust(METRICS)
    write_page(rich, figures, trust, folder / "at_risk.html", moment=moment(), language=Language(), week=week(rich))
    files.write_csv(rich, folder / "at_risk.csv")
    return folder / "at_risk.html"


@pytest.fixture
def rich(browser: Any, full: Path) -> Iterator[Page]:
    found = Page(browser, full, viewport={"width": 1360, "height": 900})
    yield found
    assert found.said == []
    assert found.requests == [full.as_uri()]
    found.tab.close()


@pytest.fixture
def opened(browser: Any, path: Path) -> Iterator[Page]:
    """Whatever a test does with the page, it may not complain and not ask for anything but itself."""
    found = Page(browser, path, viewport={"width": 1280, "height": 900})
    yield found
    assert found.said == []
    assert found.requests == [path.as_uri()]
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
    wanted = chip.locator(".number").inner_text().split()[0]
    chip.click()
    assert chip.get_attribute("aria-pressed") == "true"
    assert opened.status.startswith(f"{wanted} of 250 customers")
    assert {cell.split("\n")[-1].split("%")[-1].strip() for cell in opened.column("risk", 9)} == {"high"}
    opened.tab.get_by_label("Kind of customer").select_option("regular")
    assert set(opened.column("segment", 9)) == {"regular"}


def test_what_a_kind_means_is_there_with_and_without_a_mouse(opened: Page) -> None:
    opened.tab.get_by_label("Kind of customer").select_option("regular")
    means = "comes often, and came not long ago or keeps to their own rhythm"
    assert opened.tab.locator("td.segment").first.get_attribute("title") == means
    legend = opened.tab.locator(".kinds dl")
    assert not legend.is_visible()
    opened.tab.locator(".kinds summary").focus()
    opened.tab.keyboard.press("Enter")
    assert means in legend.inner_text()
    opened.tab.locator(".toggle").first.focus()
    opened.tab.keyboard.press("Enter")
    assert f"regular: {means}" in opened.tab.locator("tr.detail").inner_text()


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


def test_all_rows_come_page_by_page_and_for_the_printer(opened: Page) -> None:
    assert opened.tab.locator("tr.row").count() == 100
    opened.tab.get_by_role("button", name="Show 100 more").press("Enter")
    assert opened.tab.locator("tr.row").count() == 200
    assert opened.tab.evaluate("document.activeElement.closest('tr').dataset.at") == "100"
    opened.tab.emulate_media(media="print")
    opened.tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.tab.locator("tr.row").count() == 250
    assert not opened.tab.locator(".controls").is_visible()


def test_every_column_sorts(rich: Page) -> None:
    for place, key in enumerate(("rank", "customer", "risk", "money", "net", "segment", "reason", "action")):
        button = rich.tab.locator("#head button").nth(place)
        for wanted in ("ascending", "descending"):
            while rich.tab.locator(f"th.{key}").get_attribute("aria-sort") != wanted:
                button.press("Enter")
            order = [cell.lower() for cell in rich.column(key, 100)]
            if key in ("money", "net"):
                amounts = [float(cell.replace("$", "").replace(",", "")) for cell in order]
                assert amounts == sorted(amounts, reverse=wanted == "descending")
            if key == "segment":
                assert order == sorted(order, reverse=wanted == "descending")
    assert rich.tab.locator('th[aria-sort="none"]').count() == 7


def test_filters_by_what_to_do_and_who_does_it(rich: Page) -> None:
    rich.tab.get_by_label("What to do").select_option("Personal call")
    assert rich.status.startswith("125 of 250 customers")
    rich.tab.get_by_label("Who does it").select_option("Noor")
    assert all(cell.startswith("Personal call\nby phone, Noor, until 8") for cell in rich.column("action", 20))
    assert rich.tab.get_by_label("Who does it").locator("option").all_inner_texts() == ["Everyone", "Kim", "Noor"]
    rich.tab.get_by_label("Search").fill("zoe4@example.org")
    assert rich.column("customer")[0].startswith("Zoë Ünal 4\n")
    assert "In colour: 1 customer." in rich.tab.locator("#scatter-told").inner_text()


def test_a_page_without_actions_has_no_filters_for_them(opened: Page) -> None:
    assert not opened.tab.get_by_label("What to do").is_visible()
    assert not opened.tab.get_by_label("Who does it").is_visible()
    assert opened.tab.locator("th").all_inner_texts() == [
        *("Place", "Customer", "Risk of leaving", "Money at risk", "Kind of customer", "What stands out")
    ]


def test_the_detail_shows_the_weeks_of_a_customer(rich: Page) -> None:
    rich.tab.locator(".toggle").nth(4).click()
    detail = rich.tab.locator("tr.detail")
    picture = detail.locator("svg.timeline")
    assert picture.locator("rect").count() == 52
    assert str(picture.get_attribute("aria-label")).startswith("Orders per week, the last 52 weeks. ")
    said = detail.inner_text()
    for words in ("Personal call", "zoe4@example.org", "+44 20 7946 0004", "Worth of acting", "To be done by\n8"):
        assert words in said
    rich.tab.keyboard.press("ArrowDown")
    assert rich.tab.evaluate("document.activeElement.closest('tr').dataset.at") == "5"
    rich.tab.keyboard.press("ArrowUp")
    assert rich.tab.evaluate("document.activeElement.closest('tr').dataset.at") == "4"


def test_the_download_of_everything_is_the_csv_file_beside_the_page(rich: Page, full: Path, tmp_path: Path) -> None:
    def saved() -> bytes:
        with rich.tab.expect_download() as found:
            rich.tab.get_by_role("button", name="Download these as a table").click()
        found.value.save_as(tmp_path / found.value.suggested_filename)
        return (tmp_path / found.value.suggested_filename).read_bytes()

    everything = saved()
    assert everything == full.with_suffix(".csv").read_bytes()
    assert (tmp_path / "at_risk_2024-03-04.csv").exists()
    assert rich.status == "250 customers saved as at_risk_2024-03-04.csv"
    rich.tab.get_by_label("What to do").select_option("Points reminder")
    part = saved().decode("utf-8-sig")
    assert (tmp_path / "at_risk_2024-03-04_part.csv").exists()
    lines = everything.decode("utf-8-sig").splitlines()
    assert part.splitlines() == [lines[0], *(line for line in lines if "Points reminder" in line)]
    assert "'=1+1" in everything.decode("utf-8-sig")


def test_the_download_is_the_list_alone_where_nobody_can_be_reached(opened: Page, path: Path, tmp_path: Path) -> None:
    table = undecided(made(others=True)[0])
    files.write_csv(table, tmp_path / "wanted.csv")
    with opened.tab.expect_download() as found:
        opened.tab.locator("#download").click()
    found.value.save_as(tmp_path / "got.csv")
    assert (tmp_path / "got.csv").read_bytes() == (tmp_path / "wanted.csv").read_bytes()


def test_a_dot_of_the_picture_opens_its_customer(rich: Page) -> None:
    from playwright.sync_api import expect

    row = rich.tab.evaluate("JSON.parse(document.getElementById('data').textContent).rows[200][1]")
    rich.tab.get_by_label("Search").fill(row)
    expect(rich.tab.locator("#scatter .dots")).to_have_count(2)  # everyone faintly, and who is shown
    box = rich.tab.locator("#scatter").bounding_box()
    place = str(rich.tab.locator("#scatter .dots").last.get_attribute("d")).removeprefix("M").removesuffix("h0")
    x, y = (float(one) * box["width"] / 520 for one in place.split())
    rich.tab.locator("#scatter").click(position={"x": x + 2, "y": y - 2})
    assert rich.tab.locator("tr.detail").count() == 1
    assert row in str(rich.tab.locator("tr.open td.customer").inner_text())


@pytest.mark.parametrize(("today", "days"), [("2024-03-11T09:00:00", 0), ("2024-03-12T09:00:00", 8)])
def test_an_old_list_says_so(browser: Any, path: Path, today: str, days: int) -> None:
    found = Page(browser, path, today=today)
    said = found.tab.locator("#old")
    assert said.is_visible() is bool(days)
    assert said.inner_text() == (
        f"This list is {days} days old. Ask for a newer one before you act on it." if days else ""
    )
    found.tab.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1360, 360])
def test_axe_finds_no_serious_fault(browser: Any, full: Path, scheme: str, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    found = Page(browser, full, viewport={"width": width, "height": 900}, color_scheme=scheme)
    found.tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found.tab.locator(".toggle").nth(1).click()
    faults = Axe().run(found.tab).response["violations"]
    assert [(one["id"], [node["html"][:90] for node in one["nodes"]][:3]) for one in faults] == []
    found.tab.close()


def test_everything_is_reached_by_the_keyboard(rich: Page) -> None:
    reached = []
    for _ in range(30):
        rich.tab.keyboard.press("Tab")
        reached.append(rich.tab.evaluate("document.activeElement.id || document.activeElement.className"))
    for wanted in ("skip", "chip", "search", "segment", "action", "owner", "download", "sort", "toggle"):
        assert wanted in reached
    # Below the list, a hundred customers further on.
    rich.tab.evaluate("document.querySelector('.scroll').focus()")
    assert rich.tab.evaluate("document.activeElement.className") == "scroll"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(browser: Any, full: Path, scheme: str) -> None:
    found = Page(browser, full, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    assert not found.tab.locator(".cards").is_visible()
    found.tab.locator("#pictures > summary").click()
    assert found.tab.locator(".cards").is_visible()
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
def test_text_stands_out_from_its_ground(browser: Any, full: Path, scheme: str) -> None:
    found = Page(browser, full, color_scheme=scheme)
    found.tab.locator(".toggle").first.click()
    assert found.tab.evaluate(CONTRAST) == []
    found.tab.close()


def test_five_thousand_customers_are_quick(browser: Any, tmp_path: Path) -> None:
    target = tmp_path / "at_risk.html"
    table, scores = made(5000)
    rich = decided(table)
    figures = highlights.figures(rich, scores, settings().at_risk, bound="capacity")
    write_page(rich, figures, highlights.trust(METRICS), target, moment=moment(), language=Language(), week=week(rich))
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
