"""`churn score` and `churn weekly`: the commands that schedulers run. Exit codes and JSON lines are their contract.

0 done, or there was nothing left to do; 1 something to mend, said in words; 2 wrong use of the command; 3 nobody to
score; 4 a check of the data failed; 5 try again later: another run is at work, or MLflow does not answer; 130 or 143
stopped by Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from pipelines.commands.stopping import StoppedError
from pipelines.runtime.errors import (
    USER_ERRORS,
    CheckFailedError,
    ChurnError,
    NothingToScoreError,
    TryAgainError,
    kind_of,
    system_faults,
)
from pipelines.runtime.log import Log
from pipelines.settings import params
from pipelines.settings.moments import for_day, parse_day, stamp, this_week

MEND, NOTHING_TO_SCORE, CHECK_FAILED, TRY_AGAIN = 1, 3, 4, 5
CODES: dict[type[ChurnError], int] = {
    NothingToScoreError: NOTHING_TO_SCORE,
    CheckFailedError: CHECK_FAILED,
    TryAgainError: TRY_AGAIN,
}
EXIT_CODES = (
    "Exit codes: 0 done or nothing to do, 1 something to mend, 2 wrong use, 3 nobody to score, 4 a check of the data "
    "failed, 5 try again later (another run, MLflow away), 130 or 143 stopped by Ctrl-C or SIGTERM."
)
as_of_option = click.option("--as-of", metavar="DATE", help="The day, like 2017-12-04.")
log_option = click.option(
    "--log", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="JSON: one line each."
)


@contextmanager
def command_log(form: str) -> Iterator[Log]:
    """The log of a command; what stops it is its last line, and the exit code."""
    out = sys.stdout

    def say(text: str) -> None:
        click.echo(text, file=out)

    def clock() -> str:
        return stamp(datetime.now(UTC))

    log = Log(form == "json", clock, say)
    try:
        with system_faults():
            yield log
    except USER_ERRORS as error:
        code = next((number for kind, number in CODES.items() if isinstance(error, kind)), MEND)
        log.failed(error, code, kind=kind_of(error))
        sys.exit(code)
    except StoppedError as stopped:
        log.failed(stopped, stopped.code, kind=stopped.kind)
        sys.exit(stopped.code)
    except Exception as error:
        if log.as_json:
            log.failed(error, MEND, kind=kind_of(error))
        raise


@click.command(epilog=EXIT_CODES)
@click.option(
    "--activity",
    type=click.Path(path_type=Path),
    help="Activity: a file, a folder of files, or what pull_activity left.",
)
@click.option("--features", type=click.Path(path_type=Path), help="A ready feature table of the day (Parquet).")
@click.option("--model", help="A model's folder, or models:/NAME@champion.  [default: data/champion/DEFINITION]")
@click.option("--definition", help="The churn definition.  [default: the one that the model was trained for]")
@as_of_option
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The scores, a Parquet file.")
@click.option(
    "--chunk-customers", type=click.IntRange(1), help="Rows of the feature table at a time.  [default: 50000]"
)
@click.option("--every-row", is_flag=True, help="Take every row of --features for a customer.")
@log_option
def score(
    *,
    activity: Path | None,
    features: Path | None,
    model: str | None,
    definition: str | None,
    as_of: str | None,
    out: Path,
    chunk_customers: int | None,
    every_row: bool,
    form: str,
) -> None:
    """Score every customer of an activity stream or a feature table, without DVC.

    Run it again after an interruption and it goes on; where OUT is already that of the same inputs, nothing is done.
    """
    if activity is None and features is None:
        raise click.UsageError("Give --activity, --features, or both.")
    if every_row and (features is None or activity is not None):
        raise click.UsageError("--every-row is for --features alone: activity tells who is a customer.")
    if out.suffix != ".parquet":
        raise click.UsageError(f"--out {out}: the scores are a Parquet file. Let its name end with .parquet.")
    from pipelines.commands.score.request import CHUNK_CUSTOMERS, Request
    from pipelines.commands.score.run import score as score_all
    from pipelines.runtime.run_lock import using_stores

    with command_log(form) as log:
        settings = params.load()
        day = parse_day(as_of) if as_of else settings.observations.score.as_of
        request = Request(out, activity, features, model, definition, chunk_customers or CHUNK_CUSTOMERS, every_row)
        with using_stores():
            score_all(request, for_day(settings, day), log)


@click.command(epilog=EXIT_CODES)
@as_of_option
@click.option("--no-publish", is_flag=True, help="Make the list, but leave ledger and sinks alone.")
@click.option("--revise", is_flag=True, help="Make a published week again, and publish it in the place of the former.")
@log_option
def weekly(*, as_of: str | None, no_publish: bool, revise: bool, form: str) -> None:
    """Make and publish the list of a week: pull, check, score, list, publish. Never trains; the champion scores.

    Without --as-of it is the Monday of the present week. Running it again for the same week does nothing.
    """
    if revise and no_publish:
        raise click.UsageError("--revise publishes; it does not go with --no-publish.")
    from pipelines.commands.weekly import Options
    from pipelines.commands.weekly import weekly as make
    from pipelines.runtime.run_lock import only_run

    now = datetime.now(UTC)
    with command_log(form) as log:
        settings = params.load()
        day = parse_day(as_of) if as_of else this_week(now, settings)
        options = Options(not no_publish, revise, stamp(now))
        with only_run(lambda text: log("waiting", text)), _present(as_of, day):
            make(for_day(settings, day), log, options)


@contextmanager
def _present(given: str | None, day: str) -> Iterator[None]:
    """Where nobody named the day, a failed check also says which day it was about."""
    try:
        yield
    except CheckFailedError as error:
        if given is not None:
            raise
        hint = (
            f"This was the present week ({day}). Where the data end before it, bring newer data, or name a day that "
            "they reach: churn weekly --as-of DATE."
        )
        raise CheckFailedError(*error.faults, hint) from None
