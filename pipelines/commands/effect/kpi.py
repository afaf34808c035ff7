"""`churn kpi`: the figures of a retention lead. Reads arguments, calls one function, prints."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from pipelines.commands.effect.outcomes import activity_known, question_of
from pipelines.commands.lists import alone
from pipelines.settings import artifacts
from pipelines.settings.moments import parse_day
from pipelines.settings.params import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.outcomes.kpi.report import Asked, Known
    from pipelines.outcomes.labels import Stream


@click.command()
@click.option(
    "--as-of", metavar="DATE", help="What is known when this day begins.  [default: observations.score.as_of]"
)
def kpi(as_of: str | None) -> None:
    """Work out the figures that a retention lead is asked for: retention, churn, revenue, cohorts, moves, costs.

    By calendar month and quarter, for everybody and by segment, tier, first order and the attributes under `kpi:`.
    Every figure has its formula, and an interval where chance plays a part. What the data do not hold is unknown, not
    0. Page, workbook, CSV and Parquet are in data/kpi/DATE.
    """
    with alone() as settings:
        day = parse_day(as_of) if as_of else settings.observations.score.as_of
        with activity_known(settings, day) as stream:
            refresh_kpis(settings, stream, day, click.echo)


def refresh_kpis(settings: Settings, stream: Callable[[], Stream], day: str, say: Callable[[str], None]) -> Path:
    """Bring data/kpi/DAY up to date; the page's path. Raises ChurnError as refresh.refresh does."""
    from pipelines.outcomes.kpi.refresh import refresh
    from pipelines.outcomes.refresh import Target
    from pipelines.rendering.language.language import Language

    target = Target(artifacts.KPIS, Language(settings.language, settings.currency, settings.activities))
    return refresh(stream, asked_of(settings, day), _known(settings), target, say)


def refresh_beside_list(settings: Settings, activity: Path, say: Callable[[str], None]) -> None:
    """The same behind a list, from the activity that it was made from.

    What is wrong there does not undo the list: it is said, and `churn kpi` says it again.
    """
    from pipelines.outcomes.labels import Stream
    from pipelines.runtime.errors import USER_ERRORS

    if settings.kpi.refresh == "off" or not (activity / artifacts.FACTS).is_file():
        return  # a list that was fresh left no activity behind
    try:
        refresh_kpis(settings, lambda: Stream.of(activity), settings.observations.score.as_of, lambda _line: None)
    except USER_ERRORS as error:
        say(f"The figures in {artifacts.KPIS} were not brought up to date: {error}")


def page_of(settings: Settings) -> Path | None:
    """The page of the list's day; None where there is none."""
    page = artifacts.KPIS / settings.observations.score.as_of / artifacts.KPI_PAGE
    return page if page.is_file() else None


def asked_of(settings: Settings, day: str) -> Asked:
    """What is asked, by params.yaml."""
    from pipelines.outcomes.kpi.report import Asked
    from pipelines.settings.churn import definition_of

    return Asked(
        as_of=day,
        definitions={name: definition_of(entry) for name, entry in settings.churn.items()},
        main=settings.at_risk.definition,
        setting=settings.kpi,
        customers=settings.customers,
        timezone=settings.timezone,
        targets=settings.targets,
    )


def _known(settings: Settings) -> Known:
    from pipelines.ledger.assigned import campaigns
    from pipelines.outcomes.kpi.report import Known
    from pipelines.outcomes.report import terms_by_day
    from pipelines.runtime.receipt import read_receipt

    ledger = campaigns()
    if ledger is None or not ledger.lists:
        return Known(None, {}, [])
    effects = read_receipt(artifacts.OUTCOMES / artifacts.EFFECTS)
    return Known(ledger, terms_by_day(ledger, question_of(settings)), list(effects.get("campaigns", [])))
