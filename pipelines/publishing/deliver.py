"""Delivery of published lists to the sinks of params.yaml: whatever the ledger says is due and was not written yet.

A failing sink does not stop the others. Everything is made from the immutable copy, so a list that is written
late is the list that was published; one that a revision has replaced meanwhile is not written any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.ledger import write
from pipelines.ledger.tables import FAILED, REPLACED, WRITTEN
from pipelines.ledger.write import PendingDelivery, Published
from pipelines.publishing import archive
from pipelines.publishing.sinks import audiences, crm
from pipelines.publishing.sinks.fields import by_channels, own_ids
from pipelines.publishing.sinks.sql_table import ListRows, is_gone, upsert
from pipelines.runtime import closed
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import atomic_file
from pipelines.settings.campaign.publish import Salesforce, Sink, SqlTable

Render = Callable[[pd.DataFrame, Any, str], tuple[bytes, str]]
RENDERS: dict[str, Render] = {
    "hubspot": crm.hubspot,
    "salesforce": crm.salesforce,
    "klaviyo": crm.klaviyo,
    "amazon_ads": audiences.amazon_ads,
    "meta": audiences.meta,
}
"""Kind of file -> (list, setting, name of the setting) -> its bytes, and a summary for people."""


@dataclass(frozen=True)
class Delivery:
    """Where published lists go: `sinks` by name; `pseudonymised` lists under the customers' own ids."""

    sinks: Mapping[str, Sink]
    pseudonymised: bool


_NO_SINK = "is not in params.yaml any more"


def deliver(delivery: Delivery, say: Callable[[str], None]) -> None:
    """Write everything that is due, the oldest list first; each attempt and its end are recorded.

    A sink that was taken out of the settings is spoken of once per list; what it has not got waits for its return.

    Raises:
        ChurnError: a sink failed; all of them are named, and what is due stays due.
    """
    failed = _fill_again(delivery, say)
    for pending in write.pending_deliveries():
        where = f"publish.sinks.{pending.sink}"
        record = partial(write.record_attempt, pending.published.number, pending.sink)
        if not pending.current:
            record(REPLACED, "a revision took its place before it was written")
            say(f"{where}: the list of {pending.published.as_of} was replaced before it was written; left out.")
        elif pending.sink not in delivery.sinks:
            if pending.last != _NO_SINK:
                record(FAILED, _NO_SINK)
                say(
                    f"{where}: {_NO_SINK}, so the list of {pending.published.as_of} was not written there. This is "
                    "said once. With the sink back in params.yaml, the next `churn publish` writes it; else nothing is "
                    "to be done."
                )
        else:
            try:
                outcome = _write(pending, delivery)
            except (ChurnError, OSError) as error:
                record(FAILED, str(error))
                failed.append(f"{where}: {_one_line(error)}")
            else:
                record(WRITTEN, outcome)
                say(f"{where}: {outcome}")
    if failed:
        raise ChurnError(
            *failed,
            "The list is published and in the ledger; only what is named above has not got it. Nothing is lost: mend "
            "it and run `churn publish` again.",
        )


def _fill_again(delivery: Delivery, say: Callable[[str], None]) -> list[str]:
    """Write the lists of a table that somebody dropped again: of every day the last revision. Returns what failed."""
    failed, delivered = [], write.completed_deliveries()
    for name, sink in delivery.sinks.items():
        where = f"publish.sinks.{name}"
        lists = [published for published, to in delivered if to == name]
        if isinstance(sink, SqlTable) and lists and _is_gone(sink, where):
            try:
                outcome = upsert([_rows(published, delivery) for published in lists], sink, where)
            except (ChurnError, OSError) as error:
                failed.append(f"{where}: {_one_line(error)}")
            else:
                say(f"{where}: the table was gone; its {len(lists):,} lists are written again. {outcome}")
    return failed


def _is_gone(sink: SqlTable, where: str) -> bool:
    """Not where the database cannot be asked: that is said where something is due."""
    try:
        return is_gone(sink, where)
    except ChurnError:
        return False


def _one_line(error: Exception) -> str:
    return " ".join(str(error).splitlines())


def _write(pending: PendingDelivery, delivery: Delivery) -> str:
    sink, published = delivery.sinks[pending.sink], pending.published
    if isinstance(sink, SqlTable):
        return upsert([_rows(published, delivery)], sink, f"publish.sinks.{pending.sink}")
    return write_file(_own_ids(published, delivery), sink, pending.sink, published)


def _rows(published: Published, delivery: Delivery) -> ListRows:
    replaced = {earlier.list_id for earlier in write.publications(as_of=published.as_of)} - {published.list_id}
    return ListRows(_own_ids(published, delivery), published, replaced)


def _own_ids(published: Published, delivery: Delivery) -> pd.DataFrame:
    table = archive.contact_list(published)
    return own_ids(table) if delivery.pseudonymised else table


def write_file(table: pd.DataFrame, sink: Any, name: str, published: Published) -> str:
    """The file of a list; the write is atomic, and the same list gives the same bytes.

    Raises:
        ChurnError: the list lacks what this kind of file needs.
    """
    where = f"publish.sinks.{name}"
    chosen = by_channels(table, sink.channels)
    content, summary = RENDERS[sink.kind](chosen, sink, where)
    path = file_of(sink, name, published)
    with atomic_file(path) as partial_file:
        partial_file.write_bytes(content)
        closed.settle(partial_file, 0o600)
    return f"{path}: {summary}{_left_out(len(table) - len(chosen))}."


def _left_out(number: int) -> str:
    """Those whom the sink's `channels` leave out."""
    return f" ({number:,} other{' is' if number == 1 else 's are'} to be reached another way)" if number else ""


def file_of(sink: Any, name: str, published: Published) -> Path:
    """One file per sink and day: a revision takes the place of what it replaces. Salesforce's also per campaign."""
    campaign = f"_{sink.campaign_id}" if isinstance(sink, Salesforce) else ""
    return Path(sink.folder) / f"{name}_{published.as_of}{campaign}.csv"


def rewrite(delivery: Delivery) -> list[str]:
    """Write the sinks' files again, where they are still there: the copies they are made of have changed (forget).

    A file that cannot be made any more, because nobody who is left has what it needs, is deleted.

    Returns:
        The files whose content has changed.
    """
    changed = []
    for published, name in write.completed_deliveries():
        sink = delivery.sinks.get(name)
        if sink is None or isinstance(sink, SqlTable) or not file_of(sink, name, published).is_file():
            continue
        path = file_of(sink, name, published)
        before = path.read_bytes()
        try:
            write_file(_own_ids(published, delivery), sink, name, published)
        except ChurnError:
            path.unlink()
        if not path.is_file() or path.read_bytes() != before:
            changed.append(path.as_posix())
    return changed
