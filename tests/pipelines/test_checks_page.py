"""The page of checks: readable offline, whatever stands in the data."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pipelines.checks.page import checks_summary, write_page


def check(statement: str, **failed: Any) -> dict[str, Any]:
    good = {
        "passed": True,
        "observed": "0 of 10 rows",
        "allowed": "none",
        "unexpected_count": 0,
        "unexpected_share": 0.0,
    }
    good["warns"] = False
    return {"statement": statement, **good, "offending": [], "expectation": "expect_x", "column": "x", **failed}


def bad(statement: str = "Every row has a customer_id", **changed: Any) -> dict[str, Any]:
    offending = [{"activity_id": "a1"}, {"activity_id": "a2"}]
    return check(statement, passed=False, unexpected_count=5, unexpected_share=0.5, offending=offending) | changed


def report(*checks: dict[str, Any], suite: str = "activity", subject: str = "score", **changed: Any) -> dict[str, Any]:
    failed = sum(not entry["passed"] and not entry["warns"] for entry in checks)
    warnings = [entry["statement"] for entry in checks if not entry["passed"] and entry["warns"]]
    counts = {"rows": 1234, "checks": len(checks), "failed": failed, "passed": not failed, "notes": []}
    counts["warnings"] = warnings
    return {"suite": suite, "subject": subject, **counts, "expectations": list(checks), **changed}


GOOD = report(check("One"), check("Two"))


@pytest.mark.parametrize(
    ("reports", "line"),
    [
        ([GOOD], "All 2 checks passed."),
        ([GOOD, GOOD], "All 4 checks passed."),
        ([GOOD, report(check("One"), bad())], "1 of 4 checks failed (activity (score)): no list was written."),
        (
            [GOOD, report(check("One"), bad(warns=True))],
            "3 of 4 checks passed, 1 warns (activity (score)).",
        ),
        ([], "Nothing was checked: no list was written."),
        ([report()], "Nothing was checked: no list was written."),
    ],
)
def test_verdict(reports: list[dict[str, Any]], line: str) -> None:
    assert checks_summary(reports) == line


class Page(HTMLParser):
    """Tags, attributes and text of a page, and whether what is opened is closed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(tmp_path: Path, *reports: dict[str, Any]) -> Page:
    write_page(reports, tmp_path / "page.html")
    page = Page(tmp_path / "page.html")
    assert page.open == []
    return page


def test_failed_checks_come_first_with_their_rows(tmp_path: Path) -> None:
    text = page_of(tmp_path, report(check("This is right"), bad("This is wrong"))).text
    assert text.index("1 of 2 checks failed") < text.index("This is wrong") < text.index("This is right")
    assert "activity_id a1" in text
    assert "and 3 more" in text
    assert "50.00%" in text


def test_the_overview_links_to_every_table(tmp_path: Path) -> None:
    page = page_of(tmp_path, GOOD, report(bad(), suite="features", notes=["mind this"]))
    links = [value for name, value in page.attributes if name == "href"]
    places = [value for name, value in page.attributes if name == "id"]
    assert links == ["#table-1", "#table-2"]
    assert {str(link)[1:] for link in links} <= set(places)
    assert "Note: mind this" in page.text


INJECTION = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{ 7 * 7 }}"


def test_nothing_out_of_the_data_becomes_part_of_the_page(tmp_path: Path) -> None:
    entry = bad(INJECTION, observed=INJECTION, allowed=INJECTION, offending=[{INJECTION: INJECTION}])
    page = page_of(tmp_path, report(entry, subject=INJECTION, suite=INJECTION, notes=[INJECTION]))
    clean = page_of(tmp_path, report(bad(offending=[{"a": "b"}]), notes=["note"]))
    assert page.tags == clean.tags
    assert page.text.count(INJECTION) >= 6


def test_the_page_brings_everything_along_and_forbids_the_rest(tmp_path: Path) -> None:
    page = page_of(tmp_path, GOOD, report(bad()))
    html = (tmp_path / "page.html").read_text()
    assert not {"script", "link", "img", "iframe", "form"} & set(page.tags)
    assert not re.search(r"https?:|//[a-z]|url\(|@import", html)
    assert not [name for name, _ in page.attributes if name == "style" or name.startswith("on")]
    style = html.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in html


def test_the_page_can_be_read_by_everyone(tmp_path: Path) -> None:
    page = page_of(tmp_path, GOOD, report(bad()))
    assert page.tags.count("h1") == 1
    assert page.tags.count("caption") == page.tags.count("table")
    assert ("lang", "en") in page.attributes
    assert {"FAILED", "passed"} <= set(page.text.split()), "words, not colour alone"
    html = (tmp_path / "page.html").read_text()
    for wanted in ("prefers-color-scheme: dark", "@media print", "width=device-width", 'scope="col"', 'scope="row"'):
        assert wanted in html


def test_same_reports_same_bytes(tmp_path: Path) -> None:
    write_page([GOOD, report(bad())], tmp_path / "one.html")
    write_page([GOOD, report(bad())], tmp_path / "two.html")
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()
