"""`churn outcomes`: what published lists and campaigns achieved. Reads arguments, calls one function, prints."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pipelines.commands.lists import alone
from pipelines.settings import artifacts
from pipelines.settings.moments import for_day, parse_day
from pipelines.settings.params import Settings

if TYPE_CHECKING:
    from pipelines.ledger.assigned import Campaigns
    from pipelines.outcomes.labels import Stream
    from pipelines.outcomes.refresh import Target
    from pipelines.outcomes.report import Question


@click.command()
@click.option(
    "--as-of",
    metavar="DATE",
    help="What is known when this day begins.  [default: the day of params.yaml or of the newest list]",
)
def outcomes(as_of: str | None) -> None:
    """Say what published lists achieved: who left, whether contacting helped, and when nothing can be said yet.

    A list is judged when its horizon is over. Activity that reaches far enough is used as it is; else the sources are
    read up to the day, only what is new in them. Page, workbook, CSV and JSON are in data/outcomes.
    """
    from pipelines.outcomes.refresh import newest_day, published

    with alone() as settings:
        ledger = published()
        day = parse_day(as_of) if as_of else max(settings.observations.score.as_of, newest_day(ledger))
        _refresh(settings, ledger, day)


def _refresh(settings: Settings, ledger: Campaigns, day: str) -> None:
    from pipelines.outcomes.refresh import refresh

    with activity_known(settings, day) as stream:
        refresh(ledger, question_of(settings), stream, target_of(settings), click.echo, known_until=day)


@contextmanager
def activity_known(settings: Settings, day: str) -> Iterator[Callable[[], Stream]]:
    """Gives the activity that is known when a day begins. What had to be pulled for it is deleted behind the block."""
    from pipelines.commands.plan import Places, pull_activity
    from pipelines.outcomes.labels import Stream, reaching

    places = Places(artifacts.WEEKLY / day)

    def stream() -> Stream:
        here = [artifacts.DATA / "activity" / branch for branch in ("score", "train")]
        known = reaching(here, day, settings.timezone)
        if known is not None:
            return known
        click.echo(f"Reading what the sources have before {day} ...")
        for note in pull_activity(places).perform(for_day(settings, day)):
            click.echo(f"  {note}")
        return Stream.of(places.activity)

    try:
        yield stream
    finally:
        shutil.rmtree(places.activity, ignore_errors=True)


def question_of(settings: Settings) -> Question:
    """What is asked, by params.yaml."""
    from pipelines.outcomes.report import Question
    from pipelines.outcomes.terms import TodaysTerms
    from pipelines.publishing.archive import FOLDER

    playbook = tuple(rule.model_dump(mode="json") for rule in settings.playbook)
    return Question(
        TodaysTerms(settings.churn, settings.campaign, settings.value, playbook),
        settings.outcomes,
        tuple(settings.contact_rules.contact_activities),
        settings.timezone,
        settings.currency,
        FOLDER,
    )


def target_of(settings: Settings) -> Target:
    """Where the files go, in the list's language."""
    from pipelines.outcomes.refresh import Target
    from pipelines.rendering.language.language import Language

    return Target(artifacts.OUTCOMES, Language(settings.language, settings.currency, settings.activities))
