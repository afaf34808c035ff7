"""The report of one suite: built from a table's figures; as JSON, as a page, and as an error that stops a stage."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.expectations import SHAPE, plausible, silence, volume
from features.judging import ExpectationResult, judge
from pipelines.checks.figures import Rule, Table, out_of_bounds, unusable
from pipelines.runtime.errors import CheckFailedError
from pipelines.runtime.files import write_json

if TYPE_CHECKING:
    import pandas as pd

FAILURES_SHOWN = 3
"""How many failed checks the error names."""
ADVICE = {
    silence(""): " Deliver what is missing; where nothing is, raise checks.max_days_without_activity.",
    volume(""): " Where that is as it should be, raise checks.max_volume_ratio, or set checks.volume: warn.",
    plausible("two_spellings"): " Write them alike in every source (`customer_id: lower(trim(id))`), or say under "
    "`identities` who is one; where they are different people, raise checks.plausible.two_spellings.",
    plausible("one_customer"): " A cash desk, a test account or a reseller? Leave it out with `exclude`; where it is a "
    "customer, raise checks.plausible.one_customer.",
    plausible("strange_ids"): " Look at the column that is mapped to customer_id; where ids are like that, raise "
    "checks.plausible.id_length, or trim them in the mapping.",
    plausible("below_zero"): " Where these are returns, give them an activity of their own: `when_negative: "
    "returned_order` in the source; where it is as it should be, raise checks.plausible.below_zero.",
    plausible("largest_value"): " Look at the column that is mapped to value; where it is money, raise "
    "checks.plausible.largest_value.",
    plausible("years"): " Leave out with `exclude` what has no real date; where it is history, raise "
    "checks.plausible.years.",
    plausible("hole"): " Is a file or a month missing? Deliver it; where there was none, raise "
    "checks.plausible.hole_days.",
    plausible("one_instant"): " A date put in for an unknown one, or a bulk import? Leave those rows out with "
    "`exclude`; where it is as it should be, name it under checks.irregular_activities.",
    "score_shift": " Where that is as it should be, raise checks.max_score_shift, or set checks.score_shift: warn.",
}
"""What a failed check's line ends with, by how the name of its figure begins."""
FAILURES_WITH_ROWS = 12
"""How many failed checks have their rows looked up; every one has them counted."""


@dataclass
class Report:
    """The result of one suite.

    Attributes:
        suite: activity, features or scores.
        subject: which of them: the branch or the churn definition's folder.
        rows: of the table.
        expectations: per check `statement`, `passed`, `warns` (true where failing stops nothing), `observed`,
            `allowed`, `unexpected_count`, `unexpected_share`, `offending` (the first rows by key, or columns),
            `expectation` and `column` as Great Expectations knows them.
        notes: what a person should know though nothing is wrong.
        page: where it can be read; known once it is written.
    """

    suite: str
    subject: str
    rows: int
    expectations: list[dict[str, Any]]
    notes: list[str] = field(default_factory=list)
    page: Path | None = None

    @property
    def failed(self) -> list[dict[str, Any]]:
        """The checks that failed and stop, in the suite's order."""
        return [entry for entry in self.expectations if not entry["passed"] and not entry["warns"]]

    @property
    def drifted(self) -> list[dict[str, Any]]:
        """The checks that failed and only warn, in the suite's order."""
        return [entry for entry in self.expectations if not entry["passed"] and entry["warns"]]

    @property
    def warnings(self) -> list[str]:
        """What has drifted, a sentence each."""
        return [_failure_line(entry).strip() for entry in self.drifted]

    def with_rows(self, display: Callable[[Mapping[str, str]], dict[str, str]]) -> Report:
        """The same report with its rows as `display` names them."""
        entries = [{**entry, "offending": list(map(display, entry["offending"]))} for entry in self.expectations]
        return replace(self, expectations=entries)

    def content(self) -> dict[str, Any]:
        """The report as JSON: no times, no identifiers of its own, the same for the same data."""
        return {
            "suite": self.suite,
            "subject": self.subject,
            "passed": not self.failed,
            "rows": self.rows,
            "checks": len(self.expectations),
            "failed": len(self.failed),
            "warnings": self.warnings,
            "notes": self.notes,
            "expectations": self.expectations,
        }

    def write(self, json_path: Path) -> None:
        """The JSON, and the page of the same name beside it."""
        from pipelines.checks.page import write_page

        self.page = json_path.with_suffix(".html")
        write_json(json_path, self.content())
        write_page([self.content()], self.page)

    def require(self) -> None:
        """Stop the stage where a check failed.

        Raises:
            CheckFailedError: the first failed checks with what was observed and which rows, and where to read the rest.
        """
        if not self.failed:
            return
        many = f"{len(self.failed)} of {len(self.expectations)} checks failed"
        head = f"{self.suite} ({self.subject}): {many}; nothing is built on it."
        more = f"and {len(self.failed) - FAILURES_SHOWN} more. " if len(self.failed) > FAILURES_SHOWN else ""
        page = f"All of them with their rows: {self.page}" if self.page else ""
        last = [f"  {more}{page}".rstrip()] if more or page else []
        raise CheckFailedError(head, *(_failure_line(entry) for entry in self.failed[:FAILURES_SHOWN]), *last)


def _failure_line(entry: Mapping[str, Any]) -> str:
    named = entry["unexpected_count"] or entry["column"].startswith(plausible(""))
    keys = [_key(row) for row in entry["offending"][:3]] if named else []
    rest = (entry["unexpected_count"] or 0) - len(keys)
    rows = f" ({'; '.join(keys)}{f' and {rest:,} more' if rest > 0 else ''})" if keys else ""
    advice = next((text for start, text in ADVICE.items() if entry["column"].startswith(start)), "")
    return f"  {entry['statement']}: found {entry['observed']}{rows}; allowed {entry['allowed']}.{advice}"


def _key(row: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {text}" for name, text in row.items())


@dataclass(frozen=True)
class Finding:
    """A figure about the whole table: its value, its description, and the columns or files at fault."""

    value: float
    observed: str
    offending: Sequence[Mapping[str, str]] = ()


def report_of(
    suite: Any,
    subject: str,
    table: Table,
    rules: Mapping[str, Rule],
    findings: Mapping[str, Finding],
    *,
    notes: Sequence[str] = (),
    warning: Collection[str] = (),
) -> Report:
    """Judge a table by its suite, and look up the rows behind whatever failed.

    Args:
        suite: of features/expectations.py.
        subject: which table it is, in a word.
        table: whose figures are judged.
        rules: figures about rows, by name.
        beyond: figures about the whole, by name.
        notes: kept in the report.
        warning: figures whose checks stop nothing.
    """
    import pandas as pd

    figures = table.figures(rules)
    whole = pd.DataFrame({name: finding.value for name, finding in findings.items()}, index=figures.index)
    verdicts = judge(suite, pd.concat([figures, whole], axis=1))
    rows = int(figures["rows"].iloc[::2].sum())
    writer = _EntryWriter(table, figures, rules, findings, rows, frozenset(warning))
    return Report(suite.name, subject, rows, writer.all(verdicts), list(notes))


@dataclass
class _EntryWriter:
    """Turns verdicts into entries of the report: observed, allowed, how many rows, and which."""

    table: Table
    figures: pd.DataFrame
    rules: Mapping[str, Rule]
    findings: Mapping[str, Finding]
    rows: int
    warning: frozenset[str]

    def all(self, verdicts: Sequence[ExpectationResult]) -> list[dict[str, Any]]:
        broken = [(v, rule) for v in verdicts if not v.passed and (rule := self._rule(v)) is not None]
        further = iter(self.table.count([rule for v, rule in broken if v.column not in self.rules]))
        counts = {v.statement: self._counted(v.column) if v.column in self.rules else next(further) for v, _ in broken}
        offenders = {v.statement: self.table.offenders(rule) for v, rule in broken[:FAILURES_WITH_ROWS]}
        return [self._entry(v, counts.get(v.statement), offenders.get(v.statement, [])) for v in verdicts]

    def _counted(self, figure: str) -> int:
        """The figure over all files; it stands in two rows for each of them."""
        return int(self.figures[figure].iloc[::2].sum())

    def _rule(self, verdict: ExpectationResult) -> Rule | None:
        """The rule that the rows behind a failed verdict break, where it is about rows and the column exists."""
        column = verdict.column
        if column in self.rules:
            return self.rules[column]
        if column not in self.table.schema or column not in self.table.actual:
            return None
        if verdict.expectation.endswith("not_be_null"):
            return unusable(column, self.table.schema[column])
        return out_of_bounds(column, verdict.low, verdict.high)

    def _entry(self, verdict: ExpectationResult, count: int | None, rows: list[dict[str, str]]) -> dict[str, Any]:
        observed, allowed, offending = self._description(verdict, count)
        return {
            "statement": verdict.statement,
            "passed": verdict.passed,
            "warns": verdict.column in self.warning,
            "observed": observed,
            "allowed": allowed,
            "unexpected_count": 0 if verdict.passed else count,
            "unexpected_share": self._share(0 if verdict.passed else count),
            "offending": [] if verdict.passed else [*rows, *offending],
            "expectation": verdict.expectation,
            "column": verdict.column,
        }

    def _share(self, count: int | None) -> float | None:
        return None if count is None else round(count / max(self.rows, 1), 6)

    def _description(self, verdict: ExpectationResult, count: int | None) -> tuple[str, str, list[dict[str, str]]]:
        """Observed, allowed, and the columns or files at fault where the check is not about rows."""
        column = verdict.column
        if column in self.findings:
            finding = self.findings[column]
            return finding.observed, _allowed(verdict), [dict(row) for row in finding.offending]
        if column == "rows":
            empty = self.figures.index[::2][self.figures["rows"].iloc[::2] == 0].get_level_values("file")
            return f"{self.rows:,} rows", "at least 1 row in every file", [{"file": name} for name in empty if name]
        if column in ("", *SHAPE):
            types = column != ""
            schema_differences = [
                fit for fit in self.table.schema_differences() if (fit["column"] in self.table.common_columns) == types
            ]
            actual = "; ".join(f"{fit['column']} {fit['found']}" for fit in schema_differences[:5])
            return (
                f"{len(schema_differences)} that differ: {actual}" if schema_differences else "no difference",
                "the contract's columns",
                schema_differences,
            )
        if column in self.rules or verdict.expectation.endswith("not_be_null"):
            missing = column in self.table.schema and column not in self.table.actual
            return "no such column" if missing else f"{count or 0:,} of {self.rows:,} rows", "none", []
        rows = "" if verdict.passed else f", outside in {count or 0:,} of {self.rows:,} rows"
        return self._extremes(column) + rows, _allowed(verdict), []

    def _extremes(self, column: str) -> str:
        if column not in self.figures or self.figures[column].isna().all():
            return "nothing that can be compared"
        return f"{self.figures[column].min():g} to {self.figures[column].max():g}"


def _allowed(verdict: ExpectationResult) -> str:
    low, high = verdict.low, verdict.high
    if low is None:
        return "none" if high == 0 else f"at most {high:.3g}"
    if high is None:
        return f"at least {low:.3g}"
    return "none" if low == high == 0 else f"{low:g} to {high:g}"
