"""`churn publish` and `churn feedback`: what becomes of a list. Reads arguments, calls one function, prints."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from pipelines.runtime.errors import USER_ERRORS
from pipelines.settings import params
from pipelines.settings.moments import stamp


@contextmanager
def alone() -> Iterator[params.Settings]:
    """The settings, while nothing else of the project runs; a mendable error is printed, exit code 1."""
    from pipelines.runtime.run_lock import only_run

    try:
        settings = params.load()
        with only_run(click.echo):
            yield settings
    except USER_ERRORS as error:
        click.echo(f"\n{error}", err=True)
        sys.exit(1)


@click.command()
@click.option("--as-of", metavar="DATE", help="The list's day.  [default: observations.score.as_of of params.yaml]")
@click.option("--revise", is_flag=True, help="Let it take the place of another list for this day. Both are kept.")
def publish(as_of: str | None, revise: bool) -> None:
    """Publish the list: into the ledger, an immutable copy beside it, then to the sinks of params.yaml.

    The same list again adds nothing, and tries sinks again that failed before.
    """
    from pipelines.publishing.deliver import Delivery
    from pipelines.publishing.publish import publish as publish_list

    with alone() as settings:
        day = as_of or settings.observations.score.as_of
        delivery = Delivery(settings.publish.sinks, settings.privacy.pseudonymise)
        now, campaign = stamp(datetime.now(UTC)), settings.campaign.name
        publish_list(day, delivery, click.echo, campaign=campaign, revise=revise, moment=now)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def feedback(file: Path) -> None:
    """Take the team's report into the ledger: who was contacted, reached, kept, wrongly listed, and when.

    FILE is CSV or XLSX with the columns customer_id, when, and contacted, reached, kept, wrong (yes or no); channel and
    note if you like. Every bad row is named, and then nothing is written.
    """
    from pipelines.publishing.feedback import ReportReading
    from pipelines.publishing.feedback import feedback as record

    with alone() as settings:
        reading = ReportReading(settings.timezone, settings.privacy, settings.feedback)
        record(file, reading, click.echo, now=datetime.now(UTC))
