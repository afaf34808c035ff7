"""`python -m pipelines.commands.reference.site`, behind `make docs`: docs/ becomes a site of plain files.

Fails, naming every fault, where a link or an anchor leads nowhere, a page is not in the navigation, or a page asks for
anything from outside. The written pages are copied first and their tables filled in, so docs/ itself never changes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.commands.reference.links import faults_of_site
from pipelines.commands.reference.pages import filled

DOCS, CONFIG, TARGET = Path("docs"), "zensical.toml", Path("build/docs")


def build(target: Path = TARGET) -> tuple[Path, list[str]]:
    """Build the site below `target`, which is emptied. Must be called in the project's folder.

    Returns:
        The site's folder, and every fault: the builder's own first, then what only the built pages show.
    """
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(DOCS, target / "docs", ignore=shutil.ignore_patterns(CONFIG, "overrides"))
    shutil.copytree(DOCS / "overrides", target / "overrides")
    shutil.copy(DOCS / CONFIG, target)
    for page in sorted((target / "docs").rglob("*.md")):
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
    faults = unlisted(target)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", CONFIG]
    done = subprocess.run(command, cwd=target, capture_output=True, text=True, check=False)
    if done.returncode:
        return target / "site", [*faults, done.stdout + done.stderr]
    return target / "site", [*faults, *faults_of_site(target / "site")]


def unlisted(target: Path) -> list[str]:
    """Pages that the navigation does not name, and names to which there is no page."""
    config = tomllib.loads((target / CONFIG).read_text(encoding="utf-8"))
    named = set(_pages(config["project"]["nav"]))
    there = {page.relative_to(target / "docs").as_posix() for page in (target / "docs").rglob("*.md")}
    return [
        *(f"{page}: is not in the navigation. Add it to docs/{CONFIG}." for page in sorted(there - named)),
        *(f"docs/{CONFIG}: names {page}, and there is no such page." for page in sorted(named - there)),
    ]


def _pages(nav: Any) -> Iterator[str]:
    """The pages of a navigation: names, lists, and tables from titles to either."""
    if isinstance(nav, str):
        yield nav
        return
    for inner in nav.values() if isinstance(nav, dict) else nav:
        yield from _pages(inner)


def main() -> None:
    """Build the site, say where it is, or name what is wrong and end with exit code 1."""
    site, faults = build()
    if faults:
        print("\n".join(faults), file=sys.stderr)
        sys.exit(1)
    print(f"{site / 'index.html'}: open it in a browser. To search in it: python -m http.server --directory {site}")


if __name__ == "__main__":
    main()
