"""What does not fit where leaving is a cancellation: figures of subscriptions, and what to do about them, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from features.churn.definition import Definition, days_of
from features.windows import day_number

if TYPE_CHECKING:
    import pandas as pd

FEW = 0.02
"""A share of customers that needs no word: somebody always books something twice."""
ONCE = 0.9
"""So many do the main activity on one day only: then it has no rhythm to learn from."""
_NO_USE = ("trial", "subscription", "plan")


def subscription_lines(
    events: pd.DataFrame, definition: Definition, facts: Mapping[str, Any], as_of: str, timezone: str
) -> list[str]:
    """What the rows of subscriptions say against the definition, each with what to do.

    Args:
        events: what the definition reads of what is known: customer_id, activity, occurred_at, subject.
        definition: of kind cancellation.
        facts: facts.json of the stream.
        as_of: the day of the list.
        timezone: whose days.
    """
    own = events[events["activity"].isin(definition.standing)].sort_values("occurred_at", kind="stable")
    if own.empty:
        return []
    own = own.assign(
        day=days_of(own, timezone),
        key=own["customer_id"].astype(str) + "\0" + own["subject"].astype(object).fillna("").astype(str),
    )
    lines = [*_started_twice(own, definition), *_terms(own, definition), *_never_renewed(own, definition, as_of)]
    return [*lines, *_done_once(definition.activity, facts)]


def _started_twice(own: pd.DataFrame, definition: Definition) -> Iterator[str]:
    """Customers who start again while what they started still runs."""
    told = own[own["activity"].isin([definition.starts, definition.ends])]
    before = told.groupby("key")["activity"].shift()
    twice = told.loc[(told["activity"] == definition.starts) & (before == definition.starts), "customer_id"].nunique()
    everybody = told["customer_id"].nunique()
    if twice > FEW * everybody:
        named = own["subject"].notna().any()
        yield (
            f"{twice:,} of {everybody:,} customers start again without a cancellation between. "
            + (
                f"Their rows name one subscription: renewals are no {definition.starts}, map them to an activity of "
                "their own (renews)."
                if named
                else "Where they have several subscriptions, cancelling one looks like leaving: name the subscription "
                "in `subject` of the source."
            )
        )


def _terms(own: pd.DataFrame, definition: Definition) -> Iterator[str]:
    """Subscribers who usually pay at longer intervals than the definition's term."""
    if definition.term_days is None:
        return
    paid = own[own["activity"].isin(definition.paying)].drop_duplicates(["key", "day"])
    if "term_days" in paid and paid["term_days"].notna().any():
        return
    usual = paid.groupby("key")["day"].diff().groupby(paid["key"]).median().dropna()
    longer = usual[usual > definition.paid_days]
    if len(usual) and len(longer) > FEW * len(usual):
        yield (
            f"Terms differ: {len(longer):,} of {len(usual):,} subscriptions that were paid twice or more are usually "
            f"paid every {np.median(longer):.0f} days, not within term_days {definition.term_days} and "
            f"{definition.grace_days} of grace, and count as left in between. Say what each row pays for: map a column "
            "to term_days, or set term_days beside the entry of `yields`."
        )


def _never_renewed(own: pd.DataFrame, definition: Definition, as_of: str) -> Iterator[str]:
    """Subscriptions that were paid once, ran out and were never cancelled."""
    if definition.term_days is None or not definition.renews:
        return
    due = day_number(as_of) - definition.paid_days
    paid = own[own["activity"].isin(definition.paying)].groupby("key")["day"].agg(["min", "nunique"])
    ripe = paid[paid["min"] < due]
    ended = set(own.loc[own["activity"] == definition.ends, "key"])
    once = [key for key in ripe.index[ripe["nunique"] == 1] if key not in ended]
    if len(once) > FEW * max(1, len(ripe)):
        yield (
            f"{len(once):,} of {len(ripe):,} subscriptions were never renewed within their term, nor cancelled: they "
            f"count as left {definition.paid_days} days after they began. Are their renewals in the sources, and is "
            f"term_days {definition.term_days} theirs?"
        )


def _done_once(main: str, facts: Mapping[str, Any]) -> Iterator[str]:
    """A main activity that nearly everybody does once, and what is done again and again."""
    activities = facts["activities"]
    one = activities.get(main)
    if one is None or one["count"] > (2 - ONCE) * one["customers"]:
        return
    often = {
        name: other["count"] / other["customers"]
        for name, other in activities.items()
        if other["count"] >= 3 * other["customers"] and not any(word in name for word in _NO_USE)
    }
    best = sorted(often, key=lambda name: (name != "paid_invoice", -activities[name]["customers"]))
    yield (
        f"{main} is done once by nearly everybody ({one['count']:,} times by {one['customers']:,} customers): "
        "nothing can be learnt from its rhythm. "
        + (
            f"Name what they use or pay as the definition's `activity`, such as {' or '.join(best[:2])}."
            if best
            else "Add a source of what they use or pay, and name it as the definition's `activity`."
        )
    )
