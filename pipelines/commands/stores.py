"""`churn verify`, `restore-ledger`, `backup`, `upgrade`: what nobody could make again. Reads, calls, prints."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pipelines.commands.lists import alone
from pipelines.commands.scheduled import EXIT_CODES, command_log, log_option
from pipelines.runtime.errors import USER_ERRORS
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


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def backup(folder: Path) -> None:
    """Copy everything that nobody could make again to FOLDER, which is new: one moment of it, while others work.

    params.yaml, ledger with the published copies, champions, MLflow's store, vault, tombstones.
    """
    from pipelines.commands.backup import backup as copy_all
    from pipelines.runtime.run_lock import using_stores

    try:
        with using_stores():
            copy_all(folder, click.echo)
    except USER_ERRORS as error:
        click.echo(f"\n{error}", err=True)
        sys.exit(1)


@click.command()
@click.option("--check", is_flag=True, help="Only say what would change.")
def upgrade(*, check: bool) -> None:
    """Bring ledger and champions that an older version left up to date; what was before is kept.

    The first command that writes does it by itself; a newer version's ledger is refused.
    """
    from pipelines.commands.upgrade import upgrade as bring_up

    with alone():
        bring_up(click.echo, check=check)
