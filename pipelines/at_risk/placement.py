"""The placement of one customer: on the list of the day, in its control group, suppressed, or below its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
import pyarrow.parquet as pq

from models.decision import ranking
from pipelines.at_risk.decide import ListInputs, rank_everyone
from pipelines.rendering.language.language import Language
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.text.spreadsheet_text import undefused
from pipelines.settings import artifacts
from pipelines.settings.decision import ListPolicy

Row: TypeAlias = "pd.Series[Any]"


@dataclass(frozen=True)
class ListFiles:
    """The files of a written list; ids as text."""

    listed: pd.DataFrame
    control: pd.DataFrame
    suppressed: pd.DataFrame


def read_list(day: str, data: Path) -> ListFiles:
    """The files of the list's day.

    Raises:
        ChurnError: there is no list for that day.
    """
    folder = data / artifacts.LISTS.name / day
    if not (folder / artifacts.LIST).is_file():
        raise ChurnError(f"{folder / artifacts.LIST}: there is no list for this day yet. Run `churn run`.")
    listed = pq.read_table(folder / artifacts.LIST).to_pandas()
    return ListFiles(listed, _csv(folder / artifacts.CONTROL), _csv(folder / artifacts.SUPPRESSED))


def is_on_win_back_list(customer_id: str, day: str, data: Path) -> bool:
    """Whether the customer is among those who have left already and may be invited back."""
    win_back = _csv(data / artifacts.LISTS.name / day / artifacts.WIN_BACK)
    return customer_id in set(win_back["customer_id"])


def _csv(path: Path) -> pd.DataFrame:
    """A file of a list; without rows where an older list has none."""
    if not path.is_file():
        return pd.DataFrame(columns=["customer_id"], dtype="str")
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    return table.assign(customer_id=[undefused(cell) for cell in table["customer_id"]])


def ranked_row(
    customer_id: str, inputs: ListInputs, policy: ListPolicy, language: Language
) -> tuple[Row, pd.DataFrame]:
    """The customer's row among all who were scored, in order of rank, and all of these rows.

    Columns: those of the scores, `rank`, `expected_net_value`, `action`, `channel`, `owner`, `send_by`,
    `suppressed_by`, `said`; see decide.py.
    """
    everyone = rank_everyone(inputs, policy, language)
    return everyone[everyone["customer_id"] == customer_id].iloc[0], everyone


def placement_lines(row: Row, everyone: pd.DataFrame, files: ListFiles, day: str, language: Language) -> list[str]:
    """Sentences on the placement, and on the rule that suppresses the customer."""
    own = {name: _of(row, table) for name, table in vars(files).items()}
    facts = {"customer": row["customer_id"], "day": language.day(day)}
    if own["listed"] is not None:
        number, listed = language.number(int(own["listed"]["rank"])), language.number(len(files.listed))
        text = "Customer {customer} is number {place} of {listed} on the list of {day}."
        return [language.say(text, **facts, place=number, listed=listed)]
    if own["control"] is not None:
        text = (
            "Customer {customer} is in the control group of the list of {day}: not contacted, so that the effect of "
            "contacting can be measured. The place would have been number {place}."
        )
        return [language.say(text, **facts, place=own["control"]["rank"])]
    if own["suppressed"] is not None:
        held = own["suppressed"]
        text = (
            "Customer {customer} is kept off the list of {day} by the rule {rule}. The place would have been number "
            "{place}."
        )
        return [language.say(text, **facts, rule=held["rule"], place=held["rank"]), str(held["said"])]
    return _below(row, everyone, files.listed, facts, language)


def _of(row: Row, table: pd.DataFrame) -> Row | None:
    mine = table[table["customer_id"].astype("str") == row["customer_id"]]
    return mine.iloc[0] if len(mine) else None


def _below(
    row: Row, everyone: pd.DataFrame, listed: pd.DataFrame, facts: dict[str, str], language: Language
) -> list[str]:
    has_money = ranking.has_money(everyone)
    measure, by = ranking.ranking_column(everyone), "expected net value" if has_money else "risk of leaving"
    show = language.money if has_money else language.percent
    number = language.number
    position = (
        "Customer {customer} is not on the list of {day}: number {place} of {scored} by {measure}, and the list ends "
        "after {listed}."
    )
    counts = {"place": number(int(row["rank"])), "scored": number(len(everyone)), "listed": number(len(listed))}
    compared = "The last customer on it has {last}, this one {own}."
    shown = {"last": show(float(listed[measure].iloc[-1])), "own": show(float(row[measure]))}
    lines = [
        language.say(position, **facts, **counts, measure=language.say(by)),
        language.say(compared, **shown),
    ]
    rule = row.to_dict()["suppressed_by"]
    if isinstance(rule, str):
        lines.append(
            language.say("A rule ({rule}) would keep them off it as well: {said}", rule=rule, said=row["said"])
        )
    return lines


def action_and_change(row: Row, listed: pd.DataFrame, language: Language) -> list[tuple[str, str]]:
    """Label and text: the playbook's action, and the change since the last list."""
    own, say = _of(row, listed), language.say
    lines = [(say("Action"), _action(row, language))] if row["action"] else []
    if own is not None and own.get("change"):
        lines.append((say("Change"), str(own["change"])))
    return lines


def _action(row: Row, language: Language) -> str:
    by = row["send_by"]
    day = language.say("by {day}", day=language.day(by)) if isinstance(by, date) else ""
    return ", ".join(part for part in (str(row["action"]), str(row["channel"]), str(row["owner"]), day) if part)


def newer_list(day: str, lists: Path = artifacts.LISTS) -> str:
    """A notice that there is a list of a later day (`churn weekly` makes them); "" where there is none."""
    newest = max((path.parent.name for path in lists.glob(f"*-*-*/{artifacts.LIST}")), default=day)
    if newest <= day:
        return ""
    return (
        f"\nThere is a newer list, of {newest}; this is about the day in params.yaml. To ask about the newer one, set "
        f'observations.score.as_of: "{newest}" and run `churn run`, which makes it again.\n'
    )
