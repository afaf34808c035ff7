"""`churn verify`, `churn restore-ledger`: what nobody could make again. Reads arguments, calls, prints."""

from __future__ import annotations

import click

from pipelines.commands.lists import alone
from pipelines.commands.scheduled import EXIT_CODES, command_log, log_option
from pipelines.settings import params


@click.command(epilog=EXIT_CODES)
@log_option
def verify(*, form: str) -> None:
    """Recompute every digest that is kept, and say what does not fit.

    Champion, registry, ledger, published copies, lists, landing store, vault. Nothing is changed. Ends with 1 where
    something does not fit, and where there was nothing to compare.
    """
    from pipelines.commands.verify.run import verify as compare
    from pipelines.runtime.run_lock import only_run

    with command_log(form) as log:
        settings = params.load()
        with only_run(lambda text: log("waiting", text)):
            compare(settings.privacy, log)


@click.command("restore-ledger")
def restore_ledger() -> None:
    """Rebuild a lost ledger from the published copies and the record beside it; where it is whole, do nothing.

    Nothing is delivered twice. What copies of version 0.1 do not hold (feedback, times, deliveries) is said.
    """
    from pipelines.publishing.rebuild import restore_ledger as rebuild

    with alone() as settings:
        rebuild(settings.publish.sinks, click.echo)
