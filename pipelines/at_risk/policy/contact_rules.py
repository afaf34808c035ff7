"""The contact rules (`contact_rules:` of params.yaml): which customers they suppress, and why.

| rule | whom it suppresses |
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

The first that matches is given. Days are local; windows end where the day of the list begins. Consent is looked at only
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
from pipelines.at_risk.policy.consent import consents
from pipelines.ledger.read import REACHED_OUT
from pipelines.rendering.language.language import Language
from pipelines.settings.decision import ContactPolicy, ListMoment

if TYPE_CHECKING:
    import pandas as pd

QUARTER_DAYS = 91
SUPPRESSION = ("customer_id", "rule", "said")
Suppressions = dict[str, str]  # customer_id -> why, in words


class Feedback(Protocol):
    """What the team reported before the day of the list; see pipelines/ledger/read.py."""

    @property
    def feedback(self) -> pd.DataFrame:
        """customer_id, occurred_at (UTC), what."""


def suppressed(
    candidates: pd.DataFrame,
    contacts: pd.DataFrame | None,
    known: Feedback,
    activity: Path,
    *,
    moment: ListMoment,
    policy: ContactPolicy,
    language: Language,
) -> pd.DataFrame:
    """Candidates whom a rule suppresses.

    Args:
        candidates: customer_id, one row each; `channel` and `action` where the playbook has chosen them (null or "":
            none).
        contacts: as read_contacts gives it; None where there is no such table.
        known: the ledger's feedback before the day of the list.
        activity: folder of the scoring branch, cut at the day of the list.
        moment: that of the list.
        policy: the rules, and what counts as cancelling.
        language: of the sentences.

    Returns:
        customer_id, rule, said (a sentence), in the order of the candidates; one row per customer.
    """
    import pandas as pd

    evidence = _Evidence(candidates.reset_index(drop=True), contacts, known, activity, moment, policy, language)
    first: dict[str, tuple[str, str]] = {}
    for rule, apply in RULES.items():
        for customer, why in apply(evidence).items():
            first.setdefault(customer, (rule, why))
    rows = [(customer, *first[customer]) for customer in evidence.ids if customer in first]
    return pd.DataFrame(rows, columns=list(SUPPRESSION), dtype="str")


@dataclass(frozen=True)
class _Evidence:
    """What the rules are applied to."""

    candidates: pd.DataFrame
    contacts: pd.DataFrame | None
    known: Feedback
    activity: Path
    moment: ListMoment
    policy: ContactPolicy
    language: Language

    @cached_property
    def ids(self) -> list[str]:
        return [str(one) for one in self.candidates["customer_id"]]

    @cached_property
    def consents(self) -> pd.DataFrame:
        return consents(self.contacts, self.policy, self.ids)

    def chosen(self, column: str) -> dict[str, str]:
        """What the playbook chose: by customer_id, for those for whom it chose something."""
        import pandas as pd

        if column not in self.candidates:
            return {}
        values = zip(self.ids, self.candidates[column], strict=True)
        return {customer: str(value) for customer, value in values if not pd.isna(value) and value != ""}

    def since(self, days: int) -> pd.Timestamp:
        """The midnight that lies so many local days before the day of the list."""
        import pandas as pd

        at = boundary(self.moment.as_of, days, self.moment.timezone)
        return pd.Timestamp(at, unit="us", tz="UTC")

    def events(self, activities: Iterable[str], since: pd.Timestamp | None = None) -> pd.DataFrame:
        """customer_id, activity, occurred_at of what candidates did, oldest first."""
        filters: list[Any] = [("activity", "in", sorted({*activities, ""}))]  # "" gives an empty list of names a type
        filters += [("occurred_at", ">=", since)] if since is not None else []
        columns = ["customer_id", "activity", "occurred_at"]
        rows: pd.DataFrame = pq.read_table(self.activity / "activity", columns=columns, filters=filters).to_pandas()
        return rows[rows["customer_id"].isin(self.ids)].sort_values("occurred_at", kind="stable")

    def last(self, activities: Iterable[str], since: pd.Timestamp | None = None) -> pd.Series[Any]:
        """When each candidate last did one of some activities, by customer_id."""
        return self.events(activities, since).groupby("customer_id")["occurred_at"].max()

    def days(self, when: pd.Series[Any]) -> pd.Series[int]:
        """The local day of every instant, counted from 1970."""
        import pandas as pd

        numbers = days_of(pd.DataFrame({"occurred_at": when.astype("datetime64[us, UTC]")}), self.moment.timezone)
        return pd.Series(numbers, index=when.index, dtype="int64")

    def dated(self, when: pd.Series[Any], sentence: Callable[[str], str]) -> Suppressions:
        """A sentence about the day of each row."""
        return {str(customer): sentence(self.language.day(day_text(day))) for customer, day in self.days(when).items()}

    @cached_property
    def contacted(self) -> pd.DataFrame:
        """customer_id, day: the days of the last quarter on which candidates were contacted, each once."""
        import pandas as pd

        rules = self.policy.rules
        since = self.since(max(QUARTER_DAYS, rules.contacted_within_days))
        reported = self.known.feedback
        reported = reported[reported["what"].isin(REACHED_OUT) & (reported["occurred_at"] >= since)]
        parts = [reported[reported["customer_id"].isin(self.ids)], self.events(rules.contact_activities, since)]
        rows = pd.concat([part[["customer_id", "occurred_at"]] for part in parts if len(part)] or parts)
        rows = pd.DataFrame({"customer_id": rows["customer_id"].astype("str"), "day": self.days(rows["occurred_at"])})
        return rows.drop_duplicates().sort_values(["customer_id", "day"], ignore_index=True)


def _opted_out(evidence: _Evidence) -> Suppressions:
    return dict.fromkeys(
        evidence.consents.index[evidence.consents["opted_out"]], evidence.language.say("Asked not to be contacted.")
    )


def _no_consent_known(evidence: _Evidence) -> Suppressions:
    why = evidence.language.say("Nobody knows whether this customer agreed to be contacted.")
    return dict.fromkeys(evidence.consents.index[~evidence.consents["known"]], why)


def _no_consent(evidence: _Evidence) -> Suppressions:
    none = evidence.consents["agreed"].map(len) == 0
    return dict.fromkeys(
        evidence.consents.index[none], evidence.language.say("Has not agreed to be contacted in any way.")
    )


def _no_address(evidence: _Evidence) -> Suppressions:
    none = evidence.consents["permitted"].map(len) == 0
    return {
        str(customer): evidence.language.say(
            "Agreed to be contacted ({channels}), but no address or number for that is known.",
            channels=", ".join(_channel(evidence.language, one) for one in agreed),
        )
        for customer, agreed in evidence.consents.loc[none, "agreed"].items()
    }


def _channel_not_permitted(evidence: _Evidence) -> Suppressions:
    permitted = evidence.consents["permitted"]
    return {
        customer: evidence.language.say(
            "May not be contacted by the channel that the action needs ({channel}).",
            channel=_channel(evidence.language, channel),
        )
        for customer, channel in evidence.chosen("channel").items()
        if channel not in permitted[customer]
    }


def _channel(language: Language, channel: str) -> str:
    names = {
        "email": language.say("e-mail"),
        "phone": language.say("telephone"),
        "sms": language.say("text message"),
        "post": language.say("post"),
        "push": language.say("push message"),
    }
    return names.get(channel, channel)


def _cancelled(evidence: _Evidence) -> Suppressions:
    rule = evidence.policy.rules.cancelled
    if rule is None:
        return {}
    definitions = evidence.policy.cancellations
    ends = [*rule.activities, *(definition.ends for definition in definitions)]
    starts = [name for definition in definitions for name in (definition.starts, definition.renews) if name]
    last, back = evidence.last(ends), evidence.last([*rule.undone_by, *starts])
    return evidence.dated(
        last[~(back.reindex(last.index) >= last)],  # a change of plan: cancelled and started again at one time
        lambda day: evidence.language.say("Cancelled, or said that they would, on {day}.", day=day),
    )


def _open_complaint(evidence: _Evidence) -> Suppressions:
    rule = evidence.policy.rules.open_complaint
    if rule is None:
        return {}
    since = evidence.since(rule.within_days)
    settled = [*rule.settled_by, evidence.moment.main_activity]
    excepted = {customer for customer, action in evidence.chosen("action").items() if action in rule.except_actions}
    last, after = evidence.last(rule.activities, since), evidence.last(settled, since)
    return evidence.dated(
        last[~(after.reindex(last.index) > last) & ~last.index.isin(excepted)],
        lambda day: evidence.language.say("Complained on {day}, and nothing shows that it was settled.", day=day),
    )


def _contacted_lately(evidence: _Evidence) -> Suppressions:
    import pandas as pd

    days = evidence.policy.rules.contacted_within_days
    if days == 0:
        return {}
    first = evidence.days(pd.Series([evidence.since(days)])).iloc[0]
    last = evidence.contacted.groupby("customer_id")["day"].max()
    return {
        str(customer): evidence.language.say(
            "Was contacted on {day}; nobody is contacted twice within {days} days.",
            day=evidence.language.day(day_text(day)),
            days=evidence.language.number(days),
        )
        for customer, day in last[last >= first].items()
    }


def _contacted_often(evidence: _Evidence) -> Suppressions:
    import pandas as pd

    most = evidence.policy.rules.most_per_quarter
    if most is None:
        return {}
    first = evidence.days(pd.Series([evidence.since(QUARTER_DAYS)])).iloc[0]
    times = evidence.contacted[evidence.contacted["day"] >= first].groupby("customer_id").size()
    return {
        str(customer): evidence.language.say(
            "Was contacted on {times} in the last quarter; the limit is {most}.",
            times=evidence.language.count(number, "day", "days"),
            most=evidence.language.number(most),
        )
        for customer, number in times[times >= most].items()
    }


RULES: dict[str, Callable[[_Evidence], Suppressions]] = {
    "do_not_contact": _opted_out,
    "no_consent_known": _no_consent_known,
    "no_consent": _no_consent,
    "no_address": _no_address,
    "channel_not_permitted": _channel_not_permitted,
    "cancelled": _cancelled,
    "open_complaint": _open_complaint,
    "contacted_lately": _contacted_lately,
    "contacted_often": _contacted_often,
}
