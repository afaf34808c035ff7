"""Subscriptions of customers over time, right to the day: which run, are paused, have ended; from activities.

A subscription is a customer's `subject`; rows without one are one more subscription of the customer. In an account
with both, what names none is read by what runs: a renewal keeps all that run going, an end or pause is of the nameless
one, else of the only one that runs; with several it is of none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from features.churn.definition import Definition, days_of

if TYPE_CHECKING:
    import pandas as pd

END, PAUSE, ON = 0, 1, 2
NEVER = np.iinfo(np.int32).max
NO_TERM = 3660
"""Days of a subscription that runs until it is cancelled: as far as can be looked."""
_NAMELESS = ""


def day_ends(events: pd.DataFrame, definition: Definition, timezone: str) -> pd.DataFrame:
    """One row per subscription and day on which something happened to it, sorted by both.

    Returns:
        `key` of the subscription, `customer_id`, `day` (since 1970), `state` at its end (END, PAUSE, ON: where a start
        and a cancellation bear the same time, the start counts), `alive`: it runs or is paused then, `dies`: the day
        on which it lapses if nothing more happens (NEVER while paused), `paid_until`: the day on which the longest
        term that was ever paid for ends, without grace (-NEVER where there is none), `amount`: the value of the last
        start or renewal that has one, NaN before there is one.
    """
    rows = _rows(events, definition, timezone).sort_values(["key", "occurred_at", "state"], kind="stable")
    rows = rows[~_means_nothing(rows)]
    term, day = _terms(rows, definition), rows["day"].to_numpy()
    on, ended = rows["state"] == ON, rows["state"] == END
    until = np.minimum(day + term, NEVER - 1 - definition.grace_days)
    reach = _whole(np.where(on, until + definition.grace_days, -NEVER), rows)
    paid_until = _whole(np.where(rows["pays"] & (term < NO_TERM), until, -NEVER), rows)
    life = ((rows["key"] != rows["key"].shift()) | ended).cumsum()
    rows = rows.assign(
        alive=~ended,
        dies=np.where(rows["state"] == PAUSE, NEVER, reach.groupby(life).cummax()),
        paid_until=paid_until.groupby(rows["key"]).cummax(),
        amount=rows["amount"].groupby(rows["key"]).ffill(),
    )
    return rows.drop_duplicates(["key", "day"], keep="last", ignore_index=True)


def _whole(numbers: Any, rows: pd.DataFrame) -> pd.Series[Any]:
    """Whole numbers, one per row."""
    import pandas as pd

    return pd.Series(np.asarray(numbers, dtype=np.int64), index=rows.index)


def _terms(rows: pd.DataFrame, definition: Definition) -> Any:
    """Days that each row keeps its subscription going: its own term, else the definition's; a resumption's the last."""
    usual = NO_TERM if definition.term_days is None else definition.term_days
    own = rows["term"].fillna(usual).where(rows["pays"])
    return own.groupby(rows["key"]).ffill().fillna(usual).to_numpy()


def _means_nothing(rows: pd.DataFrame) -> pd.Series[bool]:
    """Pauses and resumptions of what has ended. What is seen first of a subscription has its start before the data."""
    rests = (rows["state"] != END) & ~rows["pays"]
    other = rows["state"].where(~rests).groupby(rows["key"]).ffill()
    return rests & (other == END)


def spans(days: pd.DataFrame) -> pd.DataFrame:
    """From rows of `day_ends`, the spans of days at whose end a subscription lives: `[begin, end)`.

    Returns:
        `customer_id`, `begin`, `end`, `cancelled`: whether it was cancelled then, and did not lapse; `amount`: the
        value of the last start or renewal by then, NaN where none has one.
    """
    import pandas as pd

    key, day, alive, dies = (days[name].to_numpy() for name in ("key", "day", "alive", "dies"))
    same = np.append(key[1:] == key[:-1], False) if len(days) else np.zeros(0, dtype=bool)
    following = np.where(same, np.append(day[1:], 0), NEVER) if len(days) else day
    lapsed = alive & (following > dies)
    goes_on = alive & ~lapsed & same
    was_alive = np.append(False, goes_on[:-1]) if len(days) else goes_on
    ends_here = alive & (~goes_on | ~np.append(alive[1:], False)) if len(days) else alive
    begin = alive & ~was_alive
    return pd.DataFrame(
        {
            "customer_id": days["customer_id"].to_numpy()[begin],
            "begin": day[begin],
            "end": np.where(lapsed, dies, following)[ends_here],
            "cancelled": (~lapsed & same)[ends_here],
            "amount": days["amount"].to_numpy()[ends_here],
        }
    )


def _rows(events: pd.DataFrame, definition: Definition, timezone: str) -> pd.DataFrame:
    """The rows that concern subscriptions: what `day_ends` makes its rows of."""
    rows = events[events["activity"].isin(definition.standing)]
    state = np.select([rows["activity"] == definition.ends, rows["activity"] == definition.pauses], [END, PAUSE], ON)
    rows = rows.assign(
        day=days_of(rows, timezone).astype(np.int64),
        state=state,
        pays=(state == ON) & (rows["activity"] != definition.resumes),
        term=rows.get("term_days", np.nan),
        amount=rows["value"].where(state == ON) if "value" in rows else np.nan,
    )
    rows = _named(rows, definition)
    return rows[["customer_id", "key", "occurred_at", "day", "state", "pays", "term", "amount"]]


def _named(rows: pd.DataFrame, definition: Definition) -> pd.DataFrame:
    """With the `key` of each row's subscription; a nameless renewal of several is a row of each."""
    import pandas as pd

    if "subject" not in rows or rows["subject"].isna().all():
        return rows.assign(key=pd.factorize(rows["customer_id"])[0])
    nameless = rows["subject"].isna()
    several = rows["customer_id"].isin(rows.loc[nameless, "customer_id"]) & rows["customer_id"].isin(
        rows.loc[~nameless, "customer_id"]
    )
    rows = pd.concat([rows[~several], _told_apart(rows[several], definition)], ignore_index=True)
    subject = rows["subject"].fillna(_NAMELESS)
    key = pd.factorize(pd.factorize(rows["customer_id"])[0] * np.int64(len(rows) + 1) + pd.factorize(subject)[0])[0]
    return rows.assign(key=key)


def _told_apart(rows: pd.DataFrame, definition: Definition) -> pd.DataFrame:
    """Rows of accounts in which some name a subscription and some do not, each under the one that it is of."""
    rows = rows.sort_values(["customer_id", "occurred_at", "state"], kind="stable")
    named = rows["subject"].astype(object).where(rows["subject"].notna(), None)
    places, subjects = list[int](), list[str]()
    running, of = set[str](), None
    columns = zip(rows["customer_id"], named, rows["activity"], rows["state"], strict=True)
    for place, (customer, subject, activity, state) in enumerate(columns):
        if customer != of:
            running, of = set[str](), customer
        for one in [subject] if subject is not None else _meant(running, activity == definition.renews, state):
            places.append(place)
            subjects.append(one)
            (running.discard if state == END else running.add)(one)
    told: pd.DataFrame = rows.iloc[places].assign(subject=subjects)
    return told


def _meant(running: set[str], is_renewal: bool, state: int) -> list[str]:
    """The subscriptions that a row means which names none."""
    named = sorted(running - {_NAMELESS})
    if state == ON:
        return named if is_renewal and named else [_NAMELESS]
    if _NAMELESS in running:
        return [_NAMELESS]
    return named if len(named) == 1 else []
