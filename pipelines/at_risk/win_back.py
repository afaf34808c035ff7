"""The win-back list: customers who have left already, of whom some are worth an invitation back."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from features.churn.cancellation import leaving_days
from features.churn.definition import GONE, LEAVING
from features.windows import day_number
from pipelines.rendering.columns import WIN_BACK_COLUMNS
from pipelines.runtime.files import read_activity
from pipelines.settings.campaign.at_risk import WinBack
from pipelines.settings.churn import Cancellation, definition_of
from pipelines.settings.decision import ListMoment

if TYPE_CHECKING:
    import pandas as pd

    from models.churn_model import ChurnModel


def churned(status: pd.Series[str]) -> set[str]:
    """Ids of those who are customers no more, or will not be once what they paid for ends.

    `status`: by customer_id, see modelling/eligibility.py.
    """
    return set(status.index[status.isin([GONE, LEAVING])])


def win_back(
    customers: Collection[str],
    features: pd.DataFrame,
    model: ChurnModel,
    activity: Path,
    *,
    moment: ListMoment,
    limits: WinBack,
) -> pd.DataFrame:
    """Churned customers worth an invitation: those who brought most come first.

    Args:
        customers: ids of those who may be invited.
        features: of the list's day; whoever is missing was not seen for longer than features look back.
        model: the champion, whose segments these are.
        activity: the folder of the scoring branch.
        moment: that of the list.
        limits: how many, and how long ago they left at most.

    Returns:
        WIN_BACK_COLUMNS: the local day of the last main activity (of subscribers that on which the last subscription
        ended), days from there to the list's, money brought in the longest window of the features (null without money),
        segment, the list's day.
    """
    import pandas as pd

    own = features[features["customer_id"].isin(set(customers))].reset_index(drop=True)
    day = pd.Timestamp(moment.as_of)
    last = _last_days(activity, moment).reindex(own["customer_id"]).reset_index(drop=True)
    roles = model.quintiles.roles
    table = pd.DataFrame(
        {
            "customer_id": own["customer_id"].astype("str"),
            "last_activity": last,
            "days_since_last": (day - last).dt.days,
            "past_value": own[roles.money].astype("float64").round(2) if roles.money else float("nan"),
            "segment": model.segments(own)["segment"].to_numpy() if len(own) else [],
            "as_of": day,
            "frequency": own[roles.frequency],
        }
    )
    recent = table[table["days_since_last"] <= limits.within_days]
    best = recent.sort_values(["past_value", "frequency", "customer_id"], ascending=[False, False, True])
    chosen = best.head(limits.most).astype({"days_since_last": "int64"})
    chosen["last_activity"], chosen["as_of"] = chosen["last_activity"].dt.date, chosen["as_of"].dt.date
    return chosen[list(WIN_BACK_COLUMNS)].reset_index(drop=True)


def _last_days(activity: Path, moment: ListMoment) -> pd.Series[pd.Timestamp]:
    """The local day on which each was last a customer, by customer_id: of the last main activity, or of leaving."""
    import pyarrow.dataset as ds  # it imports pandas

    if isinstance(moment.churn, Cancellation):
        return _days_of_leaving(activity, moment)
    stream = ds.dataset(activity / "activity", format="parquet")
    main = ds.field("activity") == moment.main_activity
    events = stream.to_table(columns=["customer_id", "occurred_at"], filter=main).to_pandas()
    last = events.groupby("customer_id")["occurred_at"].max()
    last = last.dt.tz_localize("UTC") if last.dt.tz is None else last
    days: pd.Series[pd.Timestamp] = last.dt.tz_convert(moment.timezone).dt.tz_localize(None).dt.normalize()
    return days


def _days_of_leaving(activity: Path, moment: ListMoment) -> pd.Series[pd.Timestamp]:
    """The local day on which each account's last subscription ended, by customer_id; none of those that have one."""
    import pandas as pd

    definition = definition_of(moment.churn)
    columns = ["customer_id", "activity", "occurred_at", "subject", "term_days"]
    events = read_activity(activity / "activity", definition.standing, columns).to_pandas()
    left = leaving_days(events, definition, moment.timezone).groupby("customer_id")["day"].max()
    past = left[left < day_number(moment.as_of)]
    days: pd.Series[pd.Timestamp] = pd.to_datetime(past, unit="D")
    return days
