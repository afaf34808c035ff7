"""The page of the data checks: one HTML file without network access or scripts, for one report or for all of them.

Everything that comes from data is escaped, and the page's security policy forbids all but its own style.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from pipelines.runtime.files import atomic_file


def checks_summary(reports: Sequence[Mapping[str, Any]]) -> str:
    """All reports in one line: `All 214 checks passed.`, or how many failed or warn, in which tables, and what that
    means.
    """
    checks = sum(report["checks"] for report in reports)
    failed = sum(report["failed"] for report in reports)
    if not checks:
        return "Nothing was checked: no list was written."
    warn = sum(len(report.get("warnings", ())) for report in reports)
    if warn and not failed:
        where = ", ".join(_name(report) for report in reports if report.get("warnings"))
        verb = "warns" if warn == 1 else "warn"
        return f"{checks - warn:,} of {checks:,} checks passed, {warn:,} {verb} ({where})."
    if not failed:
        return f"All {checks:,} checks passed."
    where = ", ".join(_name(report) for report in reports if report["failed"])
    return f"{failed:,} of {checks:,} checks failed ({where}): no list was written."


def write_page(reports: Sequence[Mapping[str, Any]], path: Path) -> None:
    """One page for the reports (`Report.content()`), failed checks first. The same reports give the same bytes."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    folder = files("pipelines.checks")
    style = folder.joinpath("page.css").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(folder.joinpath("page.html.jinja").read_text(encoding="utf-8"))
    page = template.render(
        title="Data checks" if len(reports) != 1 else f"Data checks: {_name(reports[0])}",
        summary=checks_summary(reports),
        failed=any(report["failed"] for report in reports) or not reports,
        # Our own file, the only thing on the page that is not escaped; the policy allows exactly this style.
        style=Markup(style),  # noqa: S704
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        reports=[_template_values(report, place) for place, report in enumerate(reports)],
    )
    with atomic_file(path) as partial:
        partial.write_text(page, encoding="utf-8")


def _name(report: Mapping[str, Any]) -> str:
    return f"{report['suite']} ({report['subject']})"


def _template_values(report: Mapping[str, Any], place: int) -> dict[str, Any]:
    checks = report["expectations"]
    return {
        "name": _name(report),
        "anchor": f"table-{place + 1}",
        "rows": report["rows"],
        "checks": report["checks"],
        "failed": report["failed"],
        "passed": report["passed"],
        "notes": report["notes"],
        "warned": len(report.get("warnings", ())),
        "bad": [check for check in checks if not check["passed"]],
        "good": [check for check in checks if check["passed"]],
    }
