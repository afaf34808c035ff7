"""The list's column `change`: how a customer compares with the lists published before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from models.decision.ranking import REASONS
from pipelines.rendering.language.language import Language

if TYPE_CHECKING:
    import pandas as pd

WEEK = timedelta(days=7)


def changes(listed: pd.DataFrame, entries: pd.DataFrame, lowering: Sequence[str], language: Language) -> list[str]:
    """One or two sentences for every row of `listed`.

    Args:
        listed: customer_id, churn_probability, reason_1 to reason_3, as_of.
        entries: of the ledger, of lists published for earlier days; see `LedgerHistory`.
        lowering: for every row what lowers its risk most, as a sentence; "" where there is none.
        language: of the sentences.

    Returns:
        Nothing where no list was published yet. Else whether the customer is new on the list, or back; whether the risk
        rose or fell since the last list, and what went with it; and how many lists in a row the customer is on now.
    """
    published = _Published(entries)
    return [
        published.change(row, relief, language) for row, relief in zip(listed.to_dict("records"), lowering, strict=True)
    ]


class _Published:
    """Entries of the published lists by customer and day; `days`: of the lists, newest first."""

    def __init__(self, entries: pd.DataFrame) -> None:
        import pandas as pd

        days = pd.to_datetime(entries["as_of"])
        self.days = sorted(days.unique(), reverse=True)
        self.entries: dict[str, dict[Any, dict[Any, Any]]] = {}
        for day, row in zip(days, entries.to_dict("records"), strict=True):
            self.entries.setdefault(str(row["customer_id"]), {})[day] = row

    def change(self, row: dict[Any, Any], relief: str, language: Language) -> str:
        """The sentences on one customer."""
        earlier = self.entries.get(str(row["customer_id"]), {})
        if not self.days:
            return ""
        if not earlier:
            return language.say("New on the list")
        if self.days[0] not in earlier:
            return language.say("Back on the list, where it last was on {day}", day=language.day(max(earlier).date()))
        parts = [_risk(row, earlier[self.days[0]], relief, language), self._in_a_row(row, earlier, language)]
        return language.say("{risk}. {weeks}", risk=parts[0], weeks=parts[1])

    def _in_a_row(self, row: dict[Any, Any], earlier: dict[Any, Any], language: Language) -> str:
        """On how many lists in a row, this one included; counted in weeks where the lists are a week apart."""
        lists = next((number for number, day in enumerate(self.days) if day not in earlier), len(self.days))
        import pandas as pd

        days = [pd.Timestamp(row["as_of"]), *self.days[:lists]]
        weekly = all(later - before == WEEK for later, before in pairwise(days))
        text = "{number} weeks in a row" if weekly else "{number} lists in a row"
        return language.say(text, number=language.number(lists + 1))


def _risk(row: dict[Any, Any], before: dict[Any, Any], relief: str, language: Language) -> str:
    """Up or down as people see it, in whole percent; why, where there is a sentence that was not there before."""
    then, now = (language.percent(float(entry["churn_probability"])) for entry in (before, row))
    if then == now:
        return language.say("Risk as before, {now}", now=now)
    up = row["churn_probability"] > before["churn_probability"]
    old = {before.get(name) for name in REASONS}
    new = next((row[name] for name in REASONS if row[name] and row[name] not in old), "") if up else relief
    text = "Risk up from {then} to {now}" if up else "Risk down from {then} to {now}"
    change = language.say(text, then=then, now=now)
    return language.say("{change}: {why}", change=change, why=new) if new else change
