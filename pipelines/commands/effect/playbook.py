"""`churn playbook`: what another playbook would have brought. Reads arguments, calls one function, prints."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.commands.effect.outcomes import activity_known, question_of, target_of
from pipelines.commands.lists import alone
from pipelines.settings.moments import parse_day

EPILOG = "Example: churn playbook --try other_playbook.yaml"


@click.command(epilog=EPILOG)
@click.option(
    "--try",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    required=True,
    help="YAML with `playbook:`, its rules as params.yaml has them.",
)
@click.option("--campaign", metavar="NAME", help="Of the ledger.  [default: the newest]")
@click.option("--as-of", metavar="DATE", help="What is known when this day begins, as `outcomes` takes it.")
def playbook(file: Path, campaign: str | None, as_of: str | None) -> None:
    """Say what another playbook would have brought on past lists, before it is used.

    Every customer of a campaign who could have been contacted or not counts. What the other playbook would have done to
    them is compared with what was done to those who were treated so (doubly robust, with an interval). Where it does
    what was never done, there is nothing to compare, and that is the answer.
    """
    from pipelines.outcomes.effect import comparable
    from pipelines.outcomes.refresh import newest_day, published
    from pipelines.outcomes.tried.rules import playbooks
    from pipelines.outcomes.tried.sentences import tried_lines
    from pipelines.outcomes.tried.value import Log, require_people, tried
    from pipelines.outcomes.uplift.campaign import matured_people
    from pipelines.settings.campaign.tried import read_playbook

    with alone() as settings:
        has_contacts = settings.contacts is not None
        rules = read_playbook(file, has_contacts=has_contacts)
        ledger = published()
        day = parse_day(as_of) if as_of else max(settings.observations.score.as_of, newest_day(ledger))
        with activity_known(settings, day) as stream:
            found = matured_people(campaign, ledger, question_of(settings), stream, known_until=day)
        name, terms, people = found
        archived = playbooks({day: one.playbook for day, one in terms.items()})
        compared = require_people(name, comparable(people))
        log = Log(compared, archived, settings.value.margin_share, has_contacts)
        for line in tried_lines(tried(log, rules), target_of(settings).language):
            click.echo(line)
