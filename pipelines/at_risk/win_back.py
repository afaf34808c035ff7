"""Those who have left already: not at risk any more, but some are worth an invitation back. A short list of its own."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from features.churn.definition import GONE, LEAVING
from pipelines.modelling.eligibility import eligibility_of
from pipelines.settings.params import Settings

if TYPE_CHECKING:
    import pandas as pd

    from models.churn_model import ChurnModel

COLUMNS = ("customer_id", "last_activity", "days_since_last", "past_value", "segment", "as_of")


def win_back(
    settings: Settings, activity: Path, features: pd.DataFrame, model: ChurnModel, *, without: Collection[str] = ()
) -> pd.DataFrame:
    """Customers who have left, by the definition that ranks: who brought most comes first.

    Args:
        settings: of params.yaml; `at_risk.win_back` says how many and how long ago.
        activity: the folder of the scoring branch.
        features: of the list's day; whoever is not there was not seen for longer than features look back.
        model: the champion, whose segments these are.
        without: ids that are left out.

    Returns:
        COLUMNS: the local day of the last main activity, days from there to the list's, money brought in the longest
        window of the features (null without money), segment, the list's day.
    """
    import pandas as pd

    definition, as_of = settings.at_risk.definition, settings.observations.score.as_of
    churn, timezone = settings.churn[definition], settings.timezone
    status = eligibility_of(definition, churn, activity, as_of=as_of, timezone=timezone)
    gone = set(status.index[status.isin([GONE, LEAVING])]) - set(without)
    own = features[features["customer_id"].isin(gone)].reset_index(drop=True)
    day = pd.Timestamp(settings.observations.score.as_of)
    last = _last_days(activity, settings).reindex(own["customer_id"]).reset_index(drop=True)
    roles = model.quintiles.roles
    table = pd.DataFrame(
        {
            "customer_id": own["customer_id"].astype("str"),
            "last_activity": last,
            "days_since_last": (day - last).dt.days,
            "past_value": own[roles.money].astype("float64").round(2) if roles.money else float("nan"),
            "segment": model.segments(own)["segment"].to_numpy() if len(own) else [],
            "as_of": day,
            "often": own[roles.frequency],
        }
    )
    recent = table[table["days_since_last"] <= settings.at_risk.win_back.within_days]
    best = recent.sort_values(["past_value", "often", "customer_id"], ascending=[False, False, True])
    found = best.head(settings.at_risk.win_back.most).astype({"days_since_last": "int64"})
    found["last_activity"], found["as_of"] = found["last_activity"].dt.date, found["as_of"].dt.date
    return found[list(COLUMNS)].reset_index(drop=True)


def _last_days(activity: Path, settings: Settings) -> pd.Series[pd.Timestamp]:
    """The local day of everyone's last main activity, by customer_id."""
    import pyarrow.dataset as ds  # it imports pandas

    stream = ds.dataset(activity / "activity", format="parquet")
    main = ds.field("activity") == settings.main_activity
    events = stream.to_table(columns=["customer_id", "occurred_at"], filter=main).to_pandas()
    last = events.groupby("customer_id")["occurred_at"].max()
    last = last.dt.tz_localize("UTC") if last.dt.tz is None else last
    days: pd.Series[pd.Timestamp] = last.dt.tz_convert(settings.timezone).dt.tz_localize(None).dt.normalize()
    return days
