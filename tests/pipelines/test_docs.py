"""The documentation builds strictly, no link leads nowhere, and no page asks anything of another site."""

from __future__ import annotations

import re
import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pipelines.commands.reference.links import POLICY, faults_of_site
from pipelines.commands.reference.site import build
from tests.pipelines.chromium_for_tests import require_chromium

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"!?\[[^]]*\]\(([^)\s]+)\)")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return build(tmp_path_factory.mktemp("docs") / "built")


@pytest.mark.slow
def test_the_documentation_builds_without_a_fault(built: tuple[Path, list[str]]) -> None:
    site, faults = built
    assert faults == []
    written = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert written <= {path.relative_to(site) for path in site.rglob("*.html")}
    assert "<code>at_risk.win_back</code>" in (site / "reference/settings.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_page_outside_the_navigation_and_a_dead_link_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    shutil.copytree(ROOT / "docs/overrides", project / "docs/overrides")
    (project / "docs/zensical.toml").write_text(
        '[project]\nsite_name = "x"\nuse_directory_urls = false\nnav = ["index.md", "gone.md"]\n'
        '[project.theme]\nfont = false\ncustom_dir = "overrides"\n'
    )
    (project / "docs/index.md").write_text("# Home\n\n[itself](#home), [page](nowhere.md), [anchor](#nowhere)\n")
    (project / "docs/lost.md").write_text("# Lost\n")
    monkeypatch.chdir(project)
    _, faults = build(tmp_path / "built")
    assert faults[:2] == [
        "lost.md: is not in the navigation. Add it to docs/zensical.toml.",
        "docs/zensical.toml: names gone.md, and there is no such page.",
    ]
    assert "page does not exist" in faults[-1]
    assert "anchor does not exist" in faults[-1]


def test_what_built_pages_fetch_from_outside_is_found(tmp_path: Path) -> None:
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    (tmp_path / "lost.html").write_text(f'{policy}<h1 id="lost">Lost</h1>')
    (tmp_path / "index.html").write_text(
        f'{policy}<script src="https://cdn.example.org/x.js"></script><img src="//cdn.example.org/x.png">'
        '<link rel="stylesheet" href="gone.css"><a href="lost.html#nobody">x</a><a href="lost.html#lost">y</a>'
        '<a href="https://example.org">followed when clicked</a>'
    )
    (tmp_path / "none.html").write_text("<p>no policy</p>")
    (tmp_path / "x.css").write_text("@import 'https://fonts.example.org/f.css'; a {background: url(data:image/png,x)}")
    assert faults_of_site(tmp_path) == [
        "index.html: fetches https://cdn.example.org/x.js from outside.",
        "index.html: fetches //cdn.example.org/x.png from outside.",
        "index.html: lost.html#nobody leads nowhere.",
        "index.html: gone.css leads nowhere.",
        "none.html: has no content policy that refuses requests to other sites.",
        "x.css: fetches https://fonts.example.org/f.css from outside.",
    ]


@pytest.mark.browser
@pytest.mark.slow
def test_a_browser_asks_nothing_of_another_site_and_search_works(built: tuple[Path, list[str]]) -> None:
    chromium = require_chromium()
    from playwright.sync_api import sync_playwright

    handler = partial(_Quiet, directory=str(built[0]))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as play:
        Thread(target=server.serve_forever, daemon=True).start()
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab, asked, said = browser.new_page(), list[str](), list[str]()
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: said.append(message.text))
        here = f"http://127.0.0.1:{server.server_port}/"
        tab.goto(f"{here}index.html", wait_until="networkidle")
        tab.keyboard.press("/")
        tab.locator("dialog[open] input").fill("watermark")
        tab.locator("dialog[open] a[href*='reference/settings.html']").first.wait_for()
        browser.close()
        server.shutdown()
    assert len(asked) > 3
    assert [url for url in asked if not url.startswith((here, "data:", "blob:"))] == []
    assert said == []


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files and writes no log."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def slugs(page: Path) -> set[str]:
    """Anchors of a page on a code host."""
    heads = re.findall(r"(?m)^#+ (.+)$", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_links_work_on_a_code_host_too() -> None:
    """What a generated table adds to a page is seen in the built site alone, so its anchors are not asked for here."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
        for url in LINK.findall(text):
            if "://" in url:
                continue
            path, _, anchor = url.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), f"{page.relative_to(ROOT)}: {url}"
            written = target.suffix == ".md" and "<!-- generated:" not in target.read_text(encoding="utf-8")
            assert not (anchor and written) or anchor in slugs(target), f"{page.relative_to(ROOT)}: {url}"


def test_the_readme_fits_on_some_screens_and_opens_three_doors() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 200
    for door in ("retention-team", "data-scientist", "operations", "own-data"):
        assert f"](docs/{door}/index.md)" in text
    assert re.findall(r"!\[[^]]+\]\(([^)]+)\)", text) == ["docs/pictures/at_risk_page.png"]


def test_nobody_is_told_to_install_a_name_that_is_not_ours() -> None:
    """The name is registered by nobody: whoever did would be installed by everybody who followed such advice."""
    places = ["README.md", "CONTRIBUTING.md", "params.yaml", "Makefile"]
    files = [ROOT / name for name in places]
    for folder, kinds in (
        ("docs", ("*.md",)),
        ("features", ("*.py",)),
        ("models", ("*.py",)),
        ("pipelines", ("*.py", "*.yaml")),
    ):
        files += [path for kind in kinds for path in (ROOT / folder).rglob(kind)]
    for path in files:
        assert not re.search(r"install [\"'`]?churn-pipeline", path.read_text(encoding="utf-8")), path
