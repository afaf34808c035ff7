"""Where one customer stands beside the list of the day: on it, held out, kept off by a rule, or below its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
import pyarrow.parquet as pq

from models.decision import ranking
from pipelines.at_risk.decide import Given, standing_of_everyone
from pipelines.rendering.language.language import Language
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.spreadsheet_text import defused
from pipelines.settings.params import Settings

Row: TypeAlias = "pd.Series[Any]"


@dataclass(frozen=True)
class Folder:
    """The list's files, as they were written; ids as text."""

    listed: pd.DataFrame
    control: pd.DataFrame
    held_back: pd.DataFrame


def folder_of(settings: Settings, data: Path) -> Folder:
    """The files of the list's day.

    Raises:
        ChurnError: there is no list for that day.
    """
    place = data / "at_risk" / settings.observations.score.as_of
    if not (place / "at_risk.parquet").is_file():
        raise ChurnError(f"{place / 'at_risk.parquet'}: there is no list for this day yet. Run `churn run`.")
    listed = pq.read_table(place / "at_risk.parquet").to_pandas()
    return Folder(listed, _csv(place / "control.csv"), _csv(place / "held_back.csv"))


def is_invited_back(customer_id: str, settings: Settings, data: Path) -> bool:
    """Whether the list's file of those who have left already names the customer."""
    gone = _csv(data / "at_risk" / settings.observations.score.as_of / "win_back.csv")
    return customer_id in set(gone["customer_id"])


def _csv(path: Path) -> pd.DataFrame:
    """A file of a list; without rows where an older list has none."""
    if not path.is_file():
        return pd.DataFrame(columns=["customer_id"], dtype="str")
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    return table.assign(customer_id=[_as_it_was(one) for one in table["customer_id"]])


def _as_it_was(cell: str) -> str:
    """A cell that was defused for spreadsheets."""
    return cell[1:] if cell[:1] == "'" and defused(cell[1:]) == cell else cell


def standing(customer_id: str, given: Given, settings: Settings, language: Language) -> tuple[Row, pd.DataFrame]:
    """The customer's row among all who were scored, in order of rank, and all of these rows.

    Columns: those of the scores, `rank`, `expected_net_value`, `action`, `channel`, `owner`, `send_by`, `kept_off`,
    `said`; see deciding.py.
    """
    everyone = standing_of_everyone(given, settings, language)
    return everyone[everyone["customer_id"] == customer_id].iloc[0], everyone


def told(row: Row, everyone: pd.DataFrame, found: Folder, settings: Settings, language: Language) -> list[str]:
    """Sentences on the place, and on what a rule says."""
    own = {name: _of(row, table) for name, table in vars(found).items()}
    facts = {"customer": row["customer_id"], "day": language.day(settings.observations.score.as_of)}
    if own["listed"] is not None:
        number, listed = language.number(int(own["listed"]["rank"])), language.number(len(found.listed))
        said = "Customer {customer} is number {place} of {listed} on the list of {day}."
        return [language.say(said, **facts, place=number, listed=listed)]
    if own["control"] is not None:
        said = (
            "Customer {customer} is in the control group of the list of {day}: not contacted, so that the effect of "
            "contacting can be measured. The place would have been number {place}."
        )
        return [language.say(said, **facts, place=own["control"]["rank"])]
    if own["held_back"] is not None:
        kept = own["held_back"]
        said = (
            "Customer {customer} is kept off the list of {day} by the rule {rule}. The place would have been number "
            "{place}."
        )
        return [language.say(said, **facts, rule=kept["rule"], place=kept["rank"]), str(kept["said"])]
    return _below(row, everyone, found.listed, facts, language)


def _of(row: Row, table: pd.DataFrame) -> Row | None:
    mine = table[table["customer_id"].astype("str") == row["customer_id"]]
    return mine.iloc[0] if len(mine) else None


def _below(
    row: Row, everyone: pd.DataFrame, listed: pd.DataFrame, facts: dict[str, str], language: Language
) -> list[str]:
    has_money = ranking.has_money(everyone)
    measure, by = ranking.order_of(everyone), "expected net value" if has_money else "risk of leaving"
    show = language.money if has_money else language.percent
    number = language.number
    place = (
        "Customer {customer} is not on the list of {day}: number {place} of {scored} by {measure}, and the list ends "
        "after {listed}."
    )
    counts = {"place": number(int(row["rank"])), "scored": number(len(everyone)), "listed": number(len(listed))}
    compared = "The last customer on it has {last}, this one {own}."
    shown = {"last": show(float(listed[measure].iloc[-1])), "own": show(float(row[measure]))}
    lines = [
        language.say(place, **facts, **counts, measure=language.say(by)),
        language.say(compared, **shown),
    ]
    kept = row.to_dict()["kept_off"]
    if isinstance(kept, str):
        lines.append(
            language.say("A rule ({rule}) would keep them off it as well: {said}", rule=kept, said=row["said"])
        )
    return lines


def to_do(row: Row, listed: pd.DataFrame, language: Language) -> list[tuple[str, str]]:
    """Label and text: what the playbook says, and what is different since the last list."""
    own, say = _of(row, listed), language.say
    lines = [(say("Action"), _action(row, language))] if row["action"] else []
    if own is not None and own.get("change"):
        lines.append((say("Change"), str(own["change"])))
    return lines


def _action(row: Row, language: Language) -> str:
    by = row["send_by"]
    day = language.say("by {day}", day=language.day(by)) if isinstance(by, date) else ""
    return ", ".join(one for one in (str(row["action"]), str(row["channel"]), str(row["owner"]), day) if one)


def newer_list(day: str, lists: Path = Path("data/at_risk")) -> str:
    """A paragraph that says so where there is a list of a later day (`churn weekly` makes them); "" where not."""
    newest = max((found.parent.name for found in lists.glob("*-*-*/at_risk.parquet")), default=day)
    if newest <= day:
        return ""
    return (
        f"\nThere is a newer list, of {newest}; this is about the day in params.yaml. To ask about the newer one, set "
        f'observations.score.as_of: "{newest}" and run `churn run`, which makes it again.\n'
    )
