"""`churn restore-ledger`: what nobody could make again. Reads arguments, calls, prints."""

from __future__ import annotations

import click

from pipelines.commands.lists import alone


@click.command("restore-ledger")
def restore_ledger() -> None:
    """Rebuild a lost ledger from the published copies and the record beside it; where it is whole, do nothing.

    Nothing is delivered twice. What copies of version 0.1 do not hold (feedback, times, deliveries) is said.
    """
    from pipelines.publishing.rebuild import restore_ledger as rebuild

    with alone() as settings:
        rebuild(settings.publish.sinks, click.echo)
