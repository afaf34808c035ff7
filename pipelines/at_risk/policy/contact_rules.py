"""Who is kept off the list, and by which rule: `contact_rules:` of params.yaml.

| rule | whom it keeps off |
|---|---|
| `do_not_contact` | who asked not to be contacted |
| `no_consent_known` | whose consent nobody knows, unless `missing_consent: allow` |
| `no_consent` | who agreed to no channel |
| `no_address` | who agreed to channels for which there is no address |
| `channel_not_permitted` | whose action needs a channel that is not permitted |
| `cancelled` | who cancelled or announced it, and did not come back since |
| `open_complaint` | whose complaint is recent, and neither an order nor a solution came after it |
| `contacted_lately` | who was contacted in the last `contacted_within_days` |
| `contacted_often` | who was contacted on `most_per_quarter` days of the last 91 or more |

The first that fits is told. Days are local; windows end where the day of the list begins. Consent is looked at only
where there is a contacts table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow.parquet as pq

from features.churn.definition import days_of
from features.windows import boundary, day_text
from pipelines.at_risk.policy.consent import wishes
from pipelines.ledger.read import REACHED_OUT
from pipelines.rendering.language.language import Language
from pipelines.settings.churn import Cancellation
from pipelines.settings.params import Settings

if TYPE_CHECKING:
    import pandas as pd

QUARTER_DAYS = 91
COLUMNS = ("customer_id", "rule", "said")
Told = dict[str, str]  # customer_id -> why, in words


class Reported(Protocol):
    """What the ledger knew before the day of the list; see pipelines/ledger/read.py."""

    @property
    def feedback(self) -> pd.DataFrame:
        """customer_id, occurred_at (UTC), what."""


def held_back(
    candidates: pd.DataFrame, contacts: pd.DataFrame | None, known: Reported, activity: Path, settings: Settings
) -> pd.DataFrame:
    """Candidates whom a rule keeps off the list.

    Args:
        candidates: customer_id, one row each; `channel` and `action` where the playbook has chosen them (null or "":
            none).
        contacts: as read_contacts gives it; None where there is no such table.
        known: the ledger's feedback before the day of the list.
        activity: folder of the scoring branch, cut at the day of the list.
        settings: `contact_rules`, and what the churn definitions call orders and cancellations.

    Returns:
        customer_id, rule, said (a sentence), in the order of the candidates; one row per customer.
    """
    import pandas as pd

    look = _Look(candidates.reset_index(drop=True), contacts, known, activity, settings)
    found: dict[str, tuple[str, str]] = {}
    for rule, hits in RULES.items():
        for customer, said in hits(look).items():
            found.setdefault(customer, (rule, said))
    rows = [(one, *found[one]) for one in look.ids if one in found]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype="str")


@dataclass(frozen=True)
class _Look:
    """Everything that rules look at."""

    candidates: pd.DataFrame
    contacts: pd.DataFrame | None
    known: Reported
    activity: Path
    settings: Settings

    @cached_property
    def ids(self) -> list[str]:
        return [str(one) for one in self.candidates["customer_id"]]

    @cached_property
    def wishes(self) -> pd.DataFrame:
        return wishes(self.contacts, self.settings, self.ids)

    @property
    def language(self) -> Language:
        return Language(self.settings.language, self.settings.currency)

    def chosen(self, column: str) -> dict[str, str]:
        """What the playbook chose: by customer_id, for those for whom it chose something."""
        import pandas as pd

        if column not in self.candidates:
            return {}
        told = zip(self.ids, self.candidates[column], strict=True)
        return {one: str(value) for one, value in told if not pd.isna(value) and value != ""}

    def since(self, days: int) -> pd.Timestamp:
        """The midnight that lies so many local days before the day of the list."""
        import pandas as pd

        at = boundary(self.settings.observations.score.as_of, days, self.settings.timezone)
        return pd.Timestamp(at, unit="us", tz="UTC")

    def did(self, activities: Iterable[str], since: pd.Timestamp | None = None) -> pd.DataFrame:
        """customer_id, activity, occurred_at of what candidates did, oldest first."""
        rows: list[Any] = [("activity", "in", sorted({*activities, ""}))]  # "" is none: no names at all have no type
        rows += [("occurred_at", ">=", since)] if since is not None else []
        columns = ["customer_id", "activity", "occurred_at"]
        found: pd.DataFrame = pq.read_table(self.activity / "activity", columns=columns, filters=rows).to_pandas()
        return found[found["customer_id"].isin(self.ids)].sort_values("occurred_at", kind="stable")

    def last(self, activities: Iterable[str], since: pd.Timestamp | None = None) -> pd.Series[Any]:
        """When each candidate last did one of some activities, by customer_id."""
        return self.did(activities, since).groupby("customer_id")["occurred_at"].max()

    def days(self, when: pd.Series[Any]) -> pd.Series[int]:
        """The local day of every instant, counted from 1970."""
        import pandas as pd

        numbers = days_of(pd.DataFrame({"occurred_at": when.astype("datetime64[us, UTC]")}), self.settings.timezone)
        return pd.Series(numbers, index=when.index, dtype="int64")

    def said(self, when: pd.Series[Any], sentence: Callable[[str], str]) -> Told:
        """A sentence about the day of each row."""
        return {str(one): sentence(self.language.day(day_text(day))) for one, day in self.days(when).items()}

    @cached_property
    def contacted(self) -> pd.DataFrame:
        """customer_id, day: the days of the last quarter on which candidates were contacted, each once."""
        import pandas as pd

        rules = self.settings.contact_rules
        since = self.since(max(QUARTER_DAYS, rules.contacted_within_days))
        told = self.known.feedback
        told = told[told["what"].isin(REACHED_OUT) & (told["occurred_at"] >= since)]
        parts = [told[told["customer_id"].isin(self.ids)], self.did(rules.contact_activities, since)]
        rows = pd.concat([part[["customer_id", "occurred_at"]] for part in parts if len(part)] or parts)
        rows = pd.DataFrame({"customer_id": rows["customer_id"].astype("str"), "day": self.days(rows["occurred_at"])})
        return rows.drop_duplicates().sort_values(["customer_id", "day"], ignore_index=True)


def _asked_not(look: _Look) -> Told:
    return dict.fromkeys(look.wishes.index[look.wishes["asked_not"]], look.language.say("Asked not to be contacted."))


def _no_consent_known(look: _Look) -> Told:
    said = look.language.say("Nobody knows whether this customer agreed to be contacted.")
    return dict.fromkeys(look.wishes.index[~look.wishes["told"]], said)


def _no_consent(look: _Look) -> Told:
    none = look.wishes["agreed"].map(len) == 0
    return dict.fromkeys(look.wishes.index[none], look.language.say("Has not agreed to be contacted in any way."))


def _no_address(look: _Look) -> Told:
    none = look.wishes["permitted"].map(len) == 0
    return {
        str(customer): look.language.say(
            "Agreed to be contacted ({channels}), but no address or number for that is known.",
            channels=", ".join(_channel(look.language, one) for one in agreed),
        )
        for customer, agreed in look.wishes.loc[none, "agreed"].items()
    }


def _channel_not_permitted(look: _Look) -> Told:
    permitted = look.wishes["permitted"]
    return {
        customer: look.language.say(
            "May not be contacted by the channel that the action needs ({channel}).",
            channel=_channel(look.language, channel),
        )
        for customer, channel in look.chosen("channel").items()
        if channel not in permitted[customer]
    }


def _channel(language: Language, channel: str) -> str:
    named = {
        "email": language.say("e-mail"),
        "phone": language.say("telephone"),
        "sms": language.say("text message"),
        "post": language.say("post"),
        "push": language.say("push message"),
    }
    return named.get(channel, channel)


def _cancelled(look: _Look) -> Told:
    rule = look.settings.contact_rules.cancelled
    if rule is None:
        return {}
    entries = [one for one in look.settings.churn.values() if isinstance(one, Cancellation)]
    ends = [*rule.activities, *(one.ends for one in entries)]
    undone = [*rule.undone_by, *(name for one in entries for name in (one.starts, one.renews) if name)]
    last, back = look.last(ends), look.last(undone)
    return look.said(
        last[~(back.reindex(last.index) >= last)],  # a change of plan: cancelled and started again at one time
        lambda day: look.language.say("Cancelled, or said that they would, on {day}.", day=day),
    )


def _open_complaint(look: _Look) -> Told:
    rule = look.settings.contact_rules.open_complaint
    if rule is None:
        return {}
    since = look.since(rule.within_days)
    settled = [*rule.settled_by, look.settings.main_activity]
    excepted = {customer for customer, action in look.chosen("action").items() if action in rule.except_actions}
    last, after = look.last(rule.activities, since), look.last(settled, since)
    return look.said(
        last[~(after.reindex(last.index) > last) & ~last.index.isin(excepted)],
        lambda day: look.language.say("Complained on {day}, and nothing shows that it was settled.", day=day),
    )


def _contacted_lately(look: _Look) -> Told:
    import pandas as pd

    days = look.settings.contact_rules.contacted_within_days
    if days == 0:
        return {}
    first = look.days(pd.Series([look.since(days)])).iloc[0]
    last = look.contacted.groupby("customer_id")["day"].max()
    return {
        str(customer): look.language.say(
            "Was contacted on {day}; nobody is contacted twice within {days} days.",
            day=look.language.day(day_text(day)),
            days=look.language.number(days),
        )
        for customer, day in last[last >= first].items()
    }


def _contacted_often(look: _Look) -> Told:
    import pandas as pd

    most = look.settings.contact_rules.most_per_quarter
    if most is None:
        return {}
    first = look.days(pd.Series([look.since(QUARTER_DAYS)])).iloc[0]
    times = look.contacted[look.contacted["day"] >= first].groupby("customer_id").size()
    return {
        str(customer): look.language.say(
            "Was contacted on {times} in the last quarter; the limit is {most}.",
            times=look.language.count(number, "day", "days"),
            most=look.language.number(most),
        )
        for customer, number in times[times >= most].items()
    }


RULES: dict[str, Callable[[_Look], Told]] = {
    "do_not_contact": _asked_not,
    "no_consent_known": _no_consent_known,
    "no_consent": _no_consent,
    "no_address": _no_address,
    "channel_not_permitted": _channel_not_permitted,
    "cancelled": _cancelled,
    "open_complaint": _open_complaint,
    "contacted_lately": _contacted_lately,
    "contacted_often": _contacted_often,
}
