"""The commands of `churn` that a person types: run, look, explain, promote. Read arguments, call one function, print.

A scheduler's commands are in `scheduled`, what becomes of a list in `lists`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import click

from pipelines.runtime.errors import USER_ERRORS
from pipelines.settings import params


@contextmanager
def _in_words(*, reading: bool = False) -> Iterator[None]:
    """A mendable error is printed without a traceback, exit code 1. `reading`: stores, beside whoever else does."""
    from pipelines.runtime.run_lock import using_stores

    try:
        with using_stores() if reading else nullcontext():
            yield
    except USER_ERRORS as error:
        click.echo(f"\n{error}", err=True)
        sys.exit(1)


def _say(text: str) -> None:
    click.echo(text)


@click.command()
@click.option("--no-promote", is_flag=True, help="Train and compare, but keep the champion that scores.")
@click.option("--full", is_flag=True, help="Read every source again from nothing, not only what is new.")
@click.option("--quick", is_flag=True, help="A first look in data/quick: no search, one seed; promotes nothing.")
def run(no_promote: bool, full: bool, quick: bool) -> None:
    """Bring everything up to date and print the list: pull, check, train, compare, promote, score, list.

    What has not changed is not done again. Safe to interrupt; run it again and it goes on.
    """
    from pipelines.commands import run as runner
    from pipelines.runtime.run_lock import only_run

    if quick and (full or no_promote):
        raise click.UsageError("--quick stands alone: it promotes nothing, and reads the sources as a run does.")
    with _in_words():
        settings = params.load()
        with only_run(_say):
            if quick:
                from pipelines.commands import quick as quick_look

                click.echo(quick_look.result(quick_look.quick(settings, _say), settings))
                return
            runner.run(settings, _say, promote=not no_promote, full=full)
            click.echo(runner.result(settings))


@click.command()
def doctor() -> None:
    """Look at the activity before anything is trained: is there enough, and what would leaving mean here?"""
    from pipelines.commands.doctor.run import diagnose

    with _in_words(reading=True):
        click.echo(diagnose(params.load()))


@click.group(invoke_without_command=True)
@click.pass_context
def sources(context: click.Context) -> None:
    """List the presets: exports that are understood by naming them. See also `churn sources show`, `check`."""
    if context.invoked_subcommand is None:
        from pipelines.commands.sources import listed

        click.echo("\n".join(listed()))


@sources.command()
@click.argument("preset")
def show(preset: str) -> None:
    """One preset in full: its fields, where they are documented, an entry to copy."""
    from pipelines.commands.sources import listed

    with _in_words():
        click.echo("\n".join(listed(preset)))


@sources.command()
@click.option("--rows", default=5, show_default=True, help="How many rows of each source to show.")
def check(rows: int) -> None:
    """Try the configured sources and show the first rows that would result, before anything runs."""
    from pipelines.commands.sources import checked

    with _in_words():
        click.echo("\n".join(checked(params.load(), rows)))


@click.command()
@click.argument("customer")
def explain(customer: str) -> None:
    """Say why CUSTOMER is on the list, or why not, with the numbers."""
    from pipelines.at_risk.explain import explain_customer
    from pipelines.at_risk.placement import newer_list
    from pipelines.rendering.language.language import Language
    from pipelines.settings.decision import ListPolicy
    from pipelines.settings.reading import ContactReading
    from pipelines.sources.privacy.pseudonyms import internal_id

    with _in_words(reading=True):
        settings = params.load()
        name = internal_id(customer, settings.privacy)
        language = Language(settings.language, settings.currency, settings.activities)
        text = explain_customer(name, ListPolicy.of(settings), ContactReading.of(settings), language)
        click.echo(text.replace(name, customer))
        click.echo(newer_list(settings.observations.score.as_of), err=True, nl=False)


@click.command()
@click.argument("definition", required=False)
@click.option("--weeks", type=click.IntRange(1, 104), default=8, show_default=True, help="Past lists to judge.")
def backfill(definition: str | None, weeks: int) -> None:
    """Show what the last lists would have said, scored by what was known then, and how each turned out."""
    from pipelines.modelling.backfill import backfill as judge
    from pipelines.runtime.run_lock import only_run
    from pipelines.settings.training import TrainingSettings

    with _in_words():
        settings = params.load()
        name = _chosen(definition or settings.at_risk.definition, settings)[0]
        with only_run(_say):
            training, as_of = TrainingSettings.of(settings, name), settings.observations.score.as_of
            click.echo(judge(training, weeks, capacity=settings.at_risk.capacity, newest_list=as_of))


@click.command()
@click.argument("definition", required=False)
@click.option("--force", is_flag=True, help="Promote although the gate says no. The reason is kept with the version.")
def promote(definition: str | None, force: bool) -> None:
    """Make the candidate the champion that scores, where it passes the gate."""
    from pipelines.modelling.promote import promote as promote_one
    from pipelines.runtime.run_lock import only_run
    from pipelines.settings.training import TrainingSettings

    with _in_words():
        settings = params.load()
        with only_run(_say):
            for name in _chosen(definition, settings):
                training = TrainingSettings.of(settings, name)
                click.echo(promote_one(training, margin=settings.promotion.margin, force=force))


@click.command()
@click.argument("definition", required=False)
def rollback(definition: str | None) -> None:
    """Bring the previous champion back. The next list is scored by it."""
    from pipelines.modelling.promote import rollback as roll_back_one
    from pipelines.runtime.run_lock import only_run

    with _in_words():
        settings = params.load()
        with only_run(_say):
            for name in _chosen(definition, settings):
                click.echo(roll_back_one(name))


@click.command()
@click.argument("definition", required=False)
@click.option("--version", "number", help="Another version that was a champion: it scores again, whatever its shop.")
def restore(definition: str | None, number: str | None) -> None:
    """On a new machine: fetch the champion from the MLflow registry. With --version, a former one."""
    from pipelines.modelling.promote import restore as restore_one
    from pipelines.runtime.run_lock import only_run

    with _in_words():
        settings = params.load()
        with only_run(_say):
            for name in _chosen(definition, settings):
                click.echo(restore_one(name, number))


@click.command()
@click.option("--to", type=click.Path(path_type=Path), help="A folder of your choice.  [default: data/exports/AS_OF]")
def export(to: Path | None) -> None:
    """Write the list under the customers' own ids, where `privacy.pseudonymise` is on."""
    from pipelines.publishing.export import export as export_list

    with _in_words(reading=True):
        settings = params.load()
        day, pseudonymised = settings.observations.score.as_of, settings.privacy.pseudonymise
        for line in export_list(day, to, pseudonymised=pseudonymised):
            click.echo(line)


@click.command()
@click.argument("customer", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--again", is_flag=True, help="Everybody forgotten before, where old results or a backup brought them back."
)
def forget(customer: str | None, yes: bool, again: bool) -> None:
    """Remove CUSTOMER from every store of this project, for ever, and say what that was."""
    from pipelines.erasure import forget as erasure
    from pipelines.publishing.deliver import Delivery
    from pipelines.runtime.run_lock import alone_with_stores

    if (customer is None) != again:
        raise click.UsageError("Name one customer, or say --again.")

    with _in_words():
        settings = params.load()
        if customer is not None and not yes:
            click.confirm("This cannot be undone. Forget this customer?", abort=True)
        delivery = Delivery(settings.publish.sinks, settings.privacy.pseudonymise)
        chosen = erasure.ErasureSettings(settings.identities, settings.privacy, delivery)
        with alone_with_stores(_say):
            if customer is None:
                erasure.again(chosen, _say)
            else:
                erasure.forget(customer, chosen, _say)


@click.command()
def ui() -> None:
    """Open MLflow on the runs of this project (stop it with Ctrl-C)."""
    from pipelines.modelling.tracking.mlflow_store import open_ui

    with _in_words():
        open_ui(_say)


def _chosen(definition: str | None, settings: params.Settings) -> list[str]:
    if definition is None:
        return list(settings.churn)
    if definition not in settings.churn:
        from pipelines.runtime.errors import ChurnError, did_you_mean

        near = did_you_mean(definition, settings.churn)
        raise ChurnError(f"{definition} is not a churn definition of params.yaml.{near}")
    return [definition]
