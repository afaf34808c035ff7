"""Faults of built pages: links and anchors that lead nowhere, and whatever a browser would fetch from outside.

A link to another site is no fault: it is followed when somebody clicks it. Scripts, styles, pictures, fonts and frames
are fetched unasked, so theirs must lie in the site; every page must carry the content policy that refuses others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

POLICY = "default-src 'self'"
FETCHED = {
    ("link", "href"),
    *((tag, "src") for tag in ("script", "img", "iframe", "source", "audio", "video", "embed")),
}
FETCHED_LINKS = {"stylesheet", "icon", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch", "manifest"}
IN_STYLES = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


@dataclass
class _Page(HTMLParser):
    """What one page links to, fetches, and can be linked to by."""

    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    policy: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag's id and where it leads."""
        known = {name: value or "" for name, value in attrs}
        self.anchors |= {known[name] for name in ("id", "name") if name in known}
        if tag == "meta" and known.get("http-equiv", "").lower() == "content-security-policy":
            self.policy = known.get("content", "")
        if tag == "a" and "href" in known:
            self.links.append(known["href"])
        for name, value in known.items():
            fetches = tag != "link" or bool(FETCHED_LINKS & set(known.get("rel", "").split()))
            if (tag, name) in FETCHED and fetches:
                self.fetched.append(value)


def faults_of_site(site: Path) -> list[str]:
    """Every fault of the pages and styles below `site`, with the page that has it."""
    pages = {path: _read(path) for path in sorted(site.rglob("*.html"))}
    faults = [fault for path, page in pages.items() for fault in _faults(path, page, pages, site)]
    for style in sorted(site.rglob("*.css")):
        found = [one or two for one, two in IN_STYLES.findall(style.read_text(encoding="utf-8"))]
        faults += [f"{style.relative_to(site)}: fetches {url} from outside." for url in found if _outside(url)]
    return faults


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def _faults(path: Path, page: _Page, pages: dict[Path, _Page], site: Path) -> Iterator[str]:
    where = path.relative_to(site)
    if POLICY not in page.policy:
        yield f"{where}: has no content policy that refuses requests to other sites."
    for url in page.fetched:
        if _outside(url):
            yield f"{where}: fetches {url} from outside."
    if path.name == "404.html":  # its links are absolute, because it is shown for any address
        return
    for url in (*page.links, *page.fetched):
        if not _outside(url) and not _there(path, url, pages):
            yield f"{where}: {url} leads nowhere."


def _outside(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.netloc) or parts.scheme not in ("", "data")


def _there(path: Path, url: str, pages: dict[Path, _Page]) -> bool:
    parts = urlsplit(url)
    if parts.scheme == "data":
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    target = target / "index.html" if target.is_dir() else target
    if not target.is_file():
        return False
    anchor = unquote(parts.fragment)
    return not anchor or anchor.startswith("__") or target not in pages or anchor in pages[target].anchors
