"""`churn verify`: recomputes every digest that is kept, and says what does not fit.

| area | what is compared |
|---|---|
| champion | the files of every champion with its SHA256SUMS, or with the digest of version 0.1 |
| registry | what MLflow keeps of the champions with the digests under which it was registered |
| ledger | pages, keys, guards and chain of the database; what each publication decided; the record beside it |
| copies | the files of every published list with the ledger, and with their own manifest |
| lists | the files of every draft in data/at_risk with its manifest |
| landing | every month that was read with the digest it was written under |
| vault | pages of the database; whether the key of the environment made its pseudonyms |

Digests find accidents. Nothing is changed, and nothing that does not fit is parsed.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from pipelines.commands.verify import lists, models, sources
from pipelines.commands.verify.check import Check
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.log import Log
from pipelines.runtime.progress import progress
from pipelines.settings.privacy import Privacy


def verify(privacy: Privacy, log: Log) -> None:
    """Compare everything; the run lock is held by the caller.

    Args:
        privacy: where the key of the pseudonyms is.
        log: gets a line per area, and one per fault.

    Raises:
        ChurnError: something does not fit, or there was nothing to compare.
    """
    every = checks(privacy)
    if not every:
        raise ChurnError(
            f"Nothing was verified: {Path.cwd()} holds no champion, no ledger, no list and no landing store. Is it the "
            "project's folder? See `churn -C`."
        )
    report, done, faults = progress("verify", "things"), 0, []
    for area, found in groupby(every, key=lambda one: one.area):
        wrong, things = [], 0
        for check in found:
            wrong += [fault for fault in check.found() if fault not in wrong]  # a lost ledger is one fault
            things, done = things + 1, done + 1
            report(done, len(every))
        faults += wrong
        _say(log, area, things, wrong)
    if faults:
        raise ChurnError(*faults)
    log("finished", f"All well: {len(every):,} things compared.", checked=len(every), faults=0)


def _say(log: Log, area: str, things: int, wrong: list[str]) -> None:
    ending = "fit" if not wrong else f"compared, {len(wrong):,} fault{'' if len(wrong) == 1 else 's'}"
    log("verified", f"{area:<10} {things:>6,} {ending}", area=area, checked=things, faults=len(wrong))


def checks(privacy: Privacy) -> list[Check]:
    """Everything that there is to compare, area by area."""
    makers = (
        models.champions(),
        models.registered(),
        lists.ledger(),
        lists.copies(),
        lists.drafts(),
        sources.landing(),
        sources.vaults(privacy),
    )
    return [one for maker in makers for one in maker]
