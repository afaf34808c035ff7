"""`churn uplift`: whom to contact, by an experiment. Reads arguments, calls one function, prints."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.commands.effect.outcomes import activity_known, question_of, target_of
from pipelines.commands.lists import alone
from pipelines.runtime.errors import USER_ERRORS, ChurnError
from pipelines.settings import artifacts
from pipelines.settings.moments import parse_day

if TYPE_CHECKING:
    from pipelines.outcomes.uplift.table import Found
    from pipelines.rendering.language.language import Language

EPILOG = (
    "Example: churn uplift --table mailing.csv --treatment segment --treated 'E-mail' --control 'None' --outcome visit"
)


@click.command(epilog=EPILOG)
@click.option(
    "--table",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="CSV or Parquet, a row per customer.  [default: a campaign of the ledger]",
)
@click.option("--campaign", metavar="NAME", help="Of the ledger.  [default: the newest]")
@click.option(
    "--as-of", metavar="DATE", help="Of a campaign: what is known when this day begins, as `outcomes` takes it."
)
@click.option("--treatment", metavar="COL", help="With --table: who was treated: yes or no, or names of arms.")
@click.option("--outcome", metavar="COL", help="With --table: what came of it, yes or no.")
@click.option(
    "--outcome-is",
    type=click.Choice(["good", "bad"]),
    help="Whether yes is good (stayed, visited) or bad (left).  [default: by the column's name, where that says]",
)
@click.option(
    "--treated", multiple=True, metavar="VALUE", help="Of --treatment; again for more.  [default: the others]"
)
@click.option(
    "--control", multiple=True, metavar="VALUE", help="Of --treatment; again for more.  [default: the others]"
)
@click.option(
    "--probability",
    metavar="COL|NUMBER",
    help="With which each row was to be treated, between 0 and 1.  [default: the share that was]",
)
@click.option(
    "--features",
    metavar="COL,COL",
    help="What was known before; again for more.  [default: all other columns that can have been known before]",
    multiple=True,
)
@click.option("--customer", metavar="COL", help="Ids, where a customer may have several rows.")
@click.option("--risk", metavar="COL", help="A score to beat, highest first.  [default: who does worst untreated]")
@click.option(
    "--k",
    "top",
    metavar="N|SHARE",
    help="Whom you can treat: a share below 1, or so many of the rows; decides the comparison.  [default: all shares "
    "alike; what the top 30% bring is shown]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=artifacts.OUTCOMES,
    show_default=True,
    help="Folder for uplift.html and uplift.json.",
)
def uplift(
    table: Path | None, campaign: str | None, as_of: str | None, top: str | None, out: Path, **columns: Any
) -> None:
    """Say whom to contact: who can be persuaded, whether knowing it pays, and whom contacting drives away.

    Needs an experiment: some were treated by chance, others not. That is any table, or a campaign of the ledger. A
    model of the effect is fitted on some customers and judged on others only. It is used where it is provably better
    than the best single flag, than risk, and than nobody; else the answer says what is better, or that nothing is
    proven and how many customers it would take.
    """
    if table is None:
        _require(columns, given=False)
        _of_campaign(campaign, as_of, top, out)
        return
    _require(columns, given=True)
    if campaign or as_of:
        raise click.UsageError("--campaign and --as-of are of the ledger: leave them, or --table, out.")
    try:
        _say(_of_table(table, columns), top, out, _language())
    except USER_ERRORS as error:
        click.echo(f"\n{error}", err=True)
        sys.exit(1)


def _require(columns: dict[str, Any], *, given: bool) -> None:
    if given:
        missing = [f"--{name}" for name in ("treatment", "outcome") if not columns[name]]
        if missing:
            raise click.UsageError(f"--table needs {' and '.join(missing)} as well.")
    else:
        unused = [f"--{name.replace('_', '-')}" for name, value in columns.items() if value]
        if unused:
            raise click.UsageError(f"{', '.join(unused)}: of a table. Say which, with --table FILE.")


def _of_table(table: Path, columns: dict[str, Any]) -> Found:
    from pipelines.outcomes.uplift.table import Asked, from_table

    named = [name.strip() for given in columns["features"] for name in given.split(",") if name.strip()]
    return from_table(table, Asked(**{**columns, "features": tuple(named)}))


def _of_campaign(campaign: str | None, as_of: str | None, top: str | None, out: Path) -> None:
    from pipelines.outcomes.refresh import newest_day, published
    from pipelines.outcomes.uplift.campaign import from_campaign

    with alone() as settings:
        ledger = published()
        day = parse_day(as_of) if as_of else max(settings.observations.score.as_of, newest_day(ledger))
        with activity_known(settings, day) as stream:
            found = from_campaign(campaign, ledger, question_of(settings), stream, known_until=day)
        _say(found, top, out, target_of(settings).language)


def _say(found: Found, top: str | None, out: Path, language: Language) -> None:
    from models.effect.uplift.verdict import uplift as judged
    from pipelines.outcomes.uplift.content import content_of
    from pipelines.outcomes.uplift.ground import figure_lines, ground_lines
    from pipelines.outcomes.uplift.page import page
    from pipelines.outcomes.uplift.sentences import verdict_lines
    from pipelines.runtime.files import atomic_file, write_json
    from pipelines.runtime.progress import progress

    share = _share(top, len(found.experiment))
    said = judged(found.experiment, share, say=progress("Fitting and judging", "blocks"))
    content = content_of(found, said)
    with atomic_file(out / artifacts.UPLIFT_PAGE) as partial:
        partial.write_text(page(content, language), encoding="utf-8", newline="\n")
    write_json(out / artifacts.UPLIFT, content)
    parts = (verdict_lines, figure_lines, ground_lines)
    paragraphs = ["\n".join(lines) for part in parts if (lines := part(content, language))]
    click.echo("\n\n".join([*paragraphs, str(out / artifacts.UPLIFT_PAGE)]))


def _share(top: str | None, rows: int) -> float | None:
    """A share of the rows, from a share or a number of them."""
    if top is None:
        return None
    try:
        value = float(top)
    except ValueError:
        value = -1.0
    share = value if value < 1 else value / rows
    if not 0 < share < 1:
        raise ChurnError(f"--k {top}: give a share between 0 and 1, or a number of customers from 1 to {rows - 1:,}.")
    return share


def _language() -> Language:
    """That of params.yaml, where there is one: a table needs no project."""
    from pipelines.rendering.language.language import ENGLISH, Language
    from pipelines.settings import params

    if not Path("params.yaml").is_file():
        return ENGLISH
    settings = params.load()
    return Language(settings.language, settings.currency, settings.activities)
