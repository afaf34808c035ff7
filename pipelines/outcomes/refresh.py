"""`data/outcomes/` brought up to date: made again where ledger, activity, settings or code have changed, else left.

A receipt beside the files says what they were made from. `churn weekly` asks for less: only when another list has
matured, or the team has reported something, since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.ledger.assigned import Campaigns, campaigns
from pipelines.outcomes.files import write_files
from pipelines.outcomes.labels import Stream
from pipelines.outcomes.report import Question, matured_days, report, terms_by_day
from pipelines.rendering.campaign_sentences import campaign_lines, first_line
from pipelines.rendering.language.language import Language
from pipelines.runtime import code
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json, write_json
from pipelines.runtime.receipt import Receipt, fingerprint, read_receipt
from pipelines.settings import artifacts

if TYPE_CHECKING:
    import pandas as pd

Say = Callable[[str], None]
MATURED = "matured"


@dataclass(frozen=True)
class Target:
    """Where the files go, and how they speak."""

    folder: Path
    language: Language


def newest_day(ledger: Campaigns) -> str:
    """The day of the newest published list."""
    return ledger.lists[-1].as_of


def published() -> Campaigns:
    """What the ledger knows.

    Raises:
        ChurnError: nothing was ever published.
    """
    found = campaigns()
    if found is None or not found.lists:
        raise ChurnError(
            "data/ledger: nothing was ever published, so nothing can have come of it. See `churn publish`."
        )
    return found


def refresh(
    ledger: Campaigns,
    question: Question,
    stream: Callable[[], Stream],
    target: Target,
    say: Say = print,
    *,
    known_until: str,
    only_if_matured: bool = False,
) -> dict[str, Any]:
    """Bring the files up to date.

    Args:
        ledger: see `published`.
        question: see Question.
        stream: gives the activity; called only where a list has matured.
        target: where to, and in which language.
        say: gets the summary, line by line; what is done before it, too.
        known_until: the day at whose midnight knowledge ends.
        only_if_matured: leave them where nothing has matured or been reported since they were made.

    Returns:
        The content of effects.json.

    Raises:
        ChurnError: the stream knows less than it has to, or is cut in another timezone.
    """
    terms = terms_by_day(ledger, question)
    matured = matured_days(terms, known_until)
    receipt = Receipt(target.folder / "receipt.json", target.folder / artifacts.EFFECTS)
    asked = {MATURED: _digest(",".join(matured)), "reports": _rows(ledger.reports)}
    before = read_receipt(receipt.file).get("inputs", {})
    if only_if_matured and {name: before.get(name) for name in asked} == asked and _whole(target.folder):
        return dict(read_json(receipt.output))
    activity = stream() if matured else None
    if activity is not None:
        _require(activity, question.timezone, known_until)
    facts = {
        "activity": activity.digest if activity else None,
        "known_until": known_until,
        "entries": _rows(ledger.entries),
    }
    settings = {
        "question": question.setting.model_dump(mode="json"),
        "terms": repr(sorted(terms.items())),
        "said": [target.language.code, question.currency, question.timezone, *question.marketing],
    }
    made_from = fingerprint({**asked, **facts}, settings, code.digest(__name__))
    known = target.folder / artifacts.KNOWN / f"{known_until}.json"
    if not (receipt.if_fresh(made_from) and _whole(target.folder) and known.is_file()):
        content = report(ledger, terms, question, known_until=known_until, stream=activity)
        write_files(content, target.folder, target.language)
        write_json(known, _known(content))
        receipt.write(made_from)
    content = dict(read_json(receipt.output))
    for line in summary(content, target):
        say(line)
    return content


def summary(content: dict[str, Any], target: Target) -> list[str]:
    """What the terminal shows: how far it is known, and of every campaign what is said of it."""
    lines = [first_line(content, target.language)]
    for found in content["campaigns"]:
        lines += ["", f"{target.language.say('Campaign')} {found['campaign']}"]
        lines += [f"  {line}" for line in campaign_lines(found, target.language)]
    return [*lines, "", str(target.folder / artifacts.OUTCOMES_PAGE)]


def _known(content: dict[str, Any]) -> dict[str, Any]:
    """What the next list says of it, see `pipelines/at_risk/achieved.py`."""
    matured = [row for row in content["lists"] if row["matured"]]
    newest = max(matured, key=lambda row: row["as_of"], default=None)
    return {
        "known_until": content["known_until"],
        "newest": newest and {name: newest[name] for name in ("as_of", "list_id", "judged")},
        "campaigns": content["campaigns"],
    }


def _require(stream: Stream, timezone: str, known_until: str) -> None:
    if stream.timezone != timezone:
        raise ChurnError(
            f"{stream.folder}: was cut in {stream.timezone}, params.yaml says {timezone}. Run `churn run`."
        )
    if stream.known_until < known_until:
        raise ChurnError(f"{stream.folder}: ends at {stream.known_until}, {known_until} is asked for. Run `churn run`.")


def _whole(folder: Path) -> bool:
    names = (artifacts.EFFECTS, artifacts.OUTCOMES_PAGE, artifacts.OUTCOMES_CSV, artifacts.OUTCOMES_WORKBOOK)
    return all((folder / name).is_file() for name in names)


def _rows(table: pd.DataFrame) -> str:
    return _digest(table.to_csv(index=False))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
