"""`churn publish`: records a day's list in the ledger, archives an immutable copy, and delivers it to the sinks.

An empty ledger comes before the first copy, a copy before its transaction of the ledger: what is not in the ledger is
not published, whatever was interrupted. Sinks come last; who has got what stands in the ledger, and what failed is
tried again by the next publish.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

from models.decision.control_group import CONTACT
from pipelines.ledger import write
from pipelines.ledger.write import Published
from pipelines.publishing import archive
from pipelines.publishing.deliver import Delivery, deliver
from pipelines.publishing.draft import Draft, nobody_on, read_draft
from pipelines.runtime.errors import ChurnError
from pipelines.settings import artifacts

Say = Callable[[str], None]


def publish(
    as_of: str,
    delivery: Delivery,
    say: Say = print,
    *,
    campaign: str | None = None,
    revise: bool = False,
    folder: Path | None = None,
    moment: str | None = None,
) -> None:
    """Publish the list of a day. The same list again changes nothing, and tries sinks again that failed before.

    Args:
        as_of: the list's day.
        delivery: the sinks.
        say: gets what was done, line by line.
        campaign: the name of the one that runs, for a list whose manifest names none.
        revise: let another list take the place of the one that was published for this day.
        folder: of the list; `data/at_risk/{as_of}` where it is not given.
        moment: when this is, ISO, for the record only.

    Raises:
        ChurnError: there is no sound list, another one was published for this day, or a sink failed (the list is
            published all the same).
    """
    _require_day(as_of)
    before = write.publications(as_of=as_of)
    draft = read_draft(folder or artifacts.LISTS / as_of, as_of, campaign, published=bool(before))
    if before and before[-1].content == draft.published.content:
        publish_again(before[-1], delivery, say)
        return
    _append(draft, before, sorted(delivery.sinks), say, revise=revise, moment=moment)
    deliver(delivery, say)


def publish_again(published: Published, delivery: Delivery, say: Say = print) -> None:
    """What was published goes to sinks that have not got it; the ledger's copy is read, never the draft.

    Raises:
        ChurnError: the copy is not what was published, or a sink failed.
    """
    archive.require_intact(published)
    with write.writing() as con:
        write.add_due(con, published.number, sorted(delivery.sinks))
    day, list_id = published.as_of, published.list_id
    say(f"The list of {day} ({list_id}) is published already; nothing was added to the ledger.")
    deliver(delivery, say)


def _require_day(as_of: str) -> None:
    try:
        if date.fromisoformat(as_of).isoformat() == as_of:
            return
    except ValueError:
        pass
    raise ChurnError(f"{as_of!r} is not a day. Write it as 2017-12-04.")


def _append(
    draft: Draft, before: list[Published], sinks: list[str], say: Say, *, revise: bool, moment: str | None
) -> None:
    published = draft.published
    if not (draft.content.entries["group"] == CONTACT).any():
        raise ChurnError(nobody_on(draft.folder))
    if before and not revise:
        raise ChurnError(
            f"{published.as_of}: the list {before[-1].list_id} was published for this day; {draft.folder} holds "
            f"another one ({published.list_id}). Nothing was published. `churn publish --as-of {published.as_of} "
            "--revise` puts it in the place of the former, and the ledger keeps both."
        )
    if before:
        published = replace(published, revision=before[-1].revision + 1, replaces=before[-1].list_id)
    published = replace(published, published_at=moment)
    write.begin()
    archive.store(draft, published)
    with write.writing() as con:
        write.publish(con, published, replace(draft.content, sinks=sinks))
    for line in _summary(draft, published):
        say(line)


def _summary(draft: Draft, published: Published) -> list[str]:
    groups = draft.content.entries["group"].value_counts()
    counted = (
        f"{groups.get('contact', 0):,} customers to contact, {groups.get('control', 0):,} held out as the control "
        f"group, {len(draft.content.held_back):,} held back by a rule"
    )
    lines = [f"Published: the list of {published.as_of} ({published.list_id}): {counted}."]
    if published.replaces:
        lines.append(f"It is revision {published.revision} and replaces {published.replaces}.")
    return [*lines, f"Ledger data/ledger/ledger.db, files {archive.folder_of(published)} (they never change again)."]
