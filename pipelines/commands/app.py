"""The `churn` command: which commands there are. Each is imported when it is called, so help answers at once.

The commands themselves are in `project`, `lists`, `effect`, `scheduled` and `stores`; they alone
know the date of today.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from pipelines.commands.lazy_group import Lazy, LazyGroup

# The first sentences of the commands' own help, so that a list of commands needs none of their modules.
COMMANDS = {
    "backfill": Lazy(
        "pipelines.commands.project:backfill",
        "Show what the last lists would have said, scored by what was known then, and how each turned out.",
    ),
    "backup": Lazy(
        "pipelines.commands.stores:backup",
        "Copy everything that nobody could make again to FOLDER, which is new: one moment of it, while others work.",
    ),
    "doctor": Lazy(
        "pipelines.commands.project:doctor",
        "Look at the activity before anything is trained: is there enough, and what would leaving mean here?",
    ),
    "explain": Lazy(
        "pipelines.commands.project:explain",
        "Say why CUSTOMER is on the list, or why not, with the numbers.",
    ),
    "export": Lazy(
        "pipelines.commands.project:export",
        "Write the list under the customers' own ids, where `privacy.pseudonymise` is on.",
    ),
    "feedback": Lazy(
        "pipelines.commands.lists:feedback",
        "Take the team's report into the ledger: who was contacted, reached, kept, wrongly listed, and when.",
    ),
    "forget": Lazy(
        "pipelines.commands.project:forget",
        "Remove CUSTOMER from every store of this project, for ever, and say what that was.",
    ),
    "kpi": Lazy(
        "pipelines.commands.effect.kpi:kpi",
        "Work out the figures that a retention lead is asked for: retention, churn, revenue, cohorts, moves, costs.",
    ),
    "outcomes": Lazy(
        "pipelines.commands.effect.outcomes:outcomes",
        "Say what published lists achieved: who left, whether contacting helped, and when nothing can be said yet.",
    ),
    "playbook": Lazy(
        "pipelines.commands.effect.playbook:playbook",
        "Say what another playbook would have brought on past lists, before it is used.",
    ),
    "promote": Lazy(
        "pipelines.commands.project:promote",
        "Make the candidate the champion that scores, where it passes the gate.",
    ),
    "publish": Lazy(
        "pipelines.commands.lists:publish",
        "Publish the list: into the ledger, an immutable copy beside it, then to the sinks of params.yaml.",
    ),
    "restore": Lazy(
        "pipelines.commands.project:restore",
        "On a new machine: fetch the champion from the MLflow registry.",
    ),
    "restore-ledger": Lazy(
        "pipelines.commands.stores:restore_ledger",
        "Rebuild a lost ledger from the published copies and the record beside it; where it is whole, do nothing.",
    ),
    "rollback": Lazy(
        "pipelines.commands.project:rollback",
        "Bring the previous champion back.",
    ),
    "run": Lazy(
        "pipelines.commands.project:run",
        "Bring everything up to date and print the list: pull, check, train, compare, promote, score, list.",
    ),
    "score": Lazy(
        "pipelines.commands.scheduled:score",
        "Score every customer of an activity stream or a feature table, without DVC.",
    ),
    "sources": Lazy(
        "pipelines.commands.project:sources",
        "List the presets: exports that are understood by naming them.",
    ),
    "ui": Lazy(
        "pipelines.commands.project:ui",
        "Open MLflow on the runs of this project (stop it with Ctrl-C).",
    ),
    "uplift": Lazy(
        "pipelines.commands.effect.uplift:uplift",
        "Say whom to contact: who can be persuaded, whether knowing it pays, and whom contacting drives away.",
    ),
    "upgrade": Lazy(
        "pipelines.commands.stores:upgrade",
        "Bring ledger and champions that an older version left up to date; what was before is kept.",
    ),
    "verify": Lazy(
        "pipelines.commands.stores:verify",
        "Recompute every digest that is kept, and say what does not fit.",
    ),
    "weekly": Lazy(
        "pipelines.commands.scheduled:weekly",
        "Make and publish the list of a week: pull, check, score, list, publish.",
    ),
}


@click.group(
    cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.option(
    "-C",
    "--project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The project's folder (where params.yaml is).  [default: this folder]",
)
@click.pass_context
def main(context: click.Context, project: Path | None) -> None:
    """Who is about to leave, why, and what it is worth.

    Start with `churn run`. Everything that can be set stands in params.yaml.
    """
    if project:
        os.chdir(project)
    os.environ.update({"GX_ANALYTICS_ENABLED": "false", "MLFLOW_DISABLE_TELEMETRY": "true"})
    context.call_on_close(_warn_of_open_stores)


def _warn_of_open_stores() -> None:
    from pipelines.commands.doctor.access import warn_once

    warn_once(lambda text: click.echo(text, err=True))


if __name__ == "__main__":
    main()
