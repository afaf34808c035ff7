"""`churn explain CUSTOMER`: why a customer is on the list, or why not, with the numbers. Reads only."""

from __future__ import annotations

import difflib
import math
import textwrap
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow.parquet as pq

from features.churn import standings
from features.definition import GONE, LEAVING, UNKNOWN
from models import decision, explain
from pipelines import make_list
from pipelines.churn_settings import Cancellation, Silence, definition_of
from pipelines.params import Settings
from pipelines.problems import Problem
from pipelines.sinks.wording import count, day, doing, money, percent

if TYPE_CHECKING:
    from models.churn_model import ChurnModel

DATA = Path("data")
MOST_TOPICS = 4
_MOST_COMPARED = 50_000


def explain_customer(customer_id: str, settings: Settings, data: Path = DATA) -> str:
    """A few lines: the place on the list, the risk, the reasons; or what keeps the customer off it. Ids are exact.

    Raises:
        Problem: nobody has this id (the nearest are named), or there is no list to speak of yet.
    """
    at_risk = _list_of(settings, data)
    scores = make_list.read_scores(data / "scores", settings)[settings.at_risk.definition]
    if customer_id not in set(scores["customer_id"]):
        return _not_eligible(customer_id, settings, data)
    ranked = decision.ranked(scores)
    row = ranked[ranked["customer_id"] == customer_id].iloc[0]
    last = f"  {'Last ' + _noun(settings):<18}{_last_time(customer_id, settings, data)}"
    lines = [_place(row, ranked, at_risk, settings), "", *_figures(row, scores, settings), last]
    return "\n".join([*lines, *_why(row, scores, settings, data)])


def _list_of(settings: Settings, data: Path) -> pd.DataFrame:
    path = data / "at_risk" / settings.observations.score.as_of / "at_risk.parquet"
    if not path.is_file():
        raise Problem(f"{path}: there is no list for this day yet. Run `churn run`.")
    table: pd.DataFrame = pq.read_table(path).to_pandas()
    return table


def _place(row: pd.Series[Any], ranked: pd.DataFrame, at_risk: pd.DataFrame, settings: Settings) -> str:
    as_of, customer = day(settings.observations.score.as_of), row["customer_id"]
    if customer in set(at_risk["customer_id"]):
        place = int(at_risk.loc[at_risk["customer_id"] == customer, "rank"].iloc[0])
        return f"Customer {customer} is number {place:,} of {len(at_risk):,} on the list of {as_of}."
    has_money = decision.has_money(ranked)
    measure, by = ("value_at_risk", "value at risk") if has_money else ("churn_probability", "risk of leaving")
    show = partial(money, currency=settings.currency) if has_money else percent
    return (
        f"Customer {customer} is not on the list of {as_of}: number {int(row['rank']):,} of {len(ranked):,} by {by}, "
        f"and the list ends after {len(at_risk):,}.\n"
        f"The last customer on it has a {by} of {show(float(at_risk[measure].iloc[-1]))}; "
        f"this one has {show(float(row[measure]))}."
    )


def _figures(row: pd.Series[Any], scores: pd.DataFrame, settings: Settings) -> list[str]:
    base = decision.base_rate(scores)
    risk = float(row["churn_probability"])
    tier = decision.risk_tiers([risk], decision.tier_floors(base, settings.at_risk.tiers.odds()))[0]
    horizon = count(settings.churn[settings.at_risk.definition].horizon_days, "day")
    found = [("Risk of leaving", f"{percent(risk)}, {tier} (the average customer: {percent(base)})")]
    if decision.has_money(scores):
        found += [
            ("Expected value", f"{money(row['expected_value'], settings.currency)} in {horizon}, if they stay"),
            ("Value at risk", money(row["value_at_risk"], settings.currency)),
        ]
    return [f"  {name:<18}{text}" for name, text in found]


def _why(row: pd.Series[Any], scores: pd.DataFrame, settings: Settings, data: Path) -> list[str]:
    from models.churn_model import ChurnModel

    model = ChurnModel.load(data / "champion" / settings.at_risk.definition)
    features = make_list.read_features(data / "features" / "score", settings)
    make_list.require_same(scores, features, model, settings)
    known = features.set_index("customer_id", drop=False)
    own = known.loc[[row["customer_id"]]].reset_index(drop=True)
    found = _drivers(own, known.loc[scores["customer_id"]], model, settings)
    reasons = [driver.sentence for driver in found if driver.log_odds > 0 and driver.sentence][: len(decision.REASONS)]
    lines = [f"  {'Segment':<18}{model.segments(own)['segment'].iloc[0]}", "", "  What stands out"]
    lines += [f"    {place}. {reason}" for place, reason in enumerate(reasons, start=1)]
    rising = any(driver.log_odds > 0 for driver in found)
    nothing = "No single number; many small signs add up." if rising else "Nothing that goes with a higher risk."
    lines += [] if reasons else [f"    {nothing}"]
    for title, sign in (("Raises the risk most", 1), ("Lowers the risk most", -1)):
        topics = [driver for driver in found if sign * driver.log_odds > 0][:MOST_TOPICS]
        lines += ["", f"  {title}", *(_topic(driver) for driver in topics)] if topics else []
    return [*lines, "", "  These are observations that go with a higher or lower risk. They need not be its causes."]


def _drivers(own: pd.DataFrame, everyone: pd.DataFrame, model: ChurnModel, settings: Settings) -> list[explain.Driver]:
    write = partial(money, currency=settings.currency)
    return explain.drivers(model.contributions(own), own, model.columns_info, everyone=everyone, money=write)[0]


def _topic(driver: explain.Driver) -> str:
    return f"    {_strength(driver.log_odds):<20}{driver.topic}" + (f" ({driver.sentence})" if driver.sentence else "")


def _strength(log_odds: float) -> str:
    """What a topic does to the odds, as people say it: `odds x 2.4`, `odds + 35%`, `odds - 20%`."""
    times = math.exp(log_odds)
    return f"odds x {times:.1f}" if times >= 2 else f"odds {'+' if times >= 1 else '-'} {abs(times - 1):.0%}"


def _not_eligible(customer_id: str, settings: Settings, data: Path) -> str:
    """Known, but not a customer by the definition; a Problem where nobody has the id."""
    as_of = date.fromisoformat(settings.observations.score.as_of)
    events = _events(customer_id, data)
    if events.empty:
        near = _nearest(customer_id, data)
        raise Problem(f"Customer {customer_id} is not known in the activity before {day(as_of)}.{near}")
    noun = _noun(settings)
    latest = day(_local(events["occurred_at"].max(), settings))
    head = f"Customer {customer_id} is not on the list of {day(as_of)} and has no score: {_why_not(events, settings)}"
    return "\n".join(
        [
            *textwrap.wrap(f"{head} The list is about customers who can still be kept.", 100),
            "",
            f"  {'Last ' + noun:<18}{_last_time(customer_id, settings, data)}",
            f"  {'Known activity':<18}{len(events):,} in all, the last on {latest}",
        ]
    )


def _why_not(events: pd.DataFrame, settings: Settings) -> str:
    """The sentence that says how this customer stands to the definition."""
    entry, as_of = settings.churn[settings.at_risk.definition], settings.observations.score.as_of
    found = standings(events, definition_of(entry), as_of, settings.timezone)
    word = str(found.iloc[0]) if len(found) else GONE
    if word == LEAVING:
        return (
            "the subscription is cancelled already, and only runs until what was paid for ends: leaving, not at risk."
        )
    if word == UNKNOWN:
        return f"too few pauses between one {_noun(settings)} and the next for a rhythm of their own."
    if isinstance(entry, Silence):
        window = count(entry.active_within_days, "day")
        since = date.fromisoformat(as_of) - timedelta(days=entry.active_within_days)
        return f"no {_noun(settings)} in the {window} before (since {day(since)})."
    if isinstance(entry, Cancellation):
        return "no subscription that runs: never started, cancelled, or not renewed in time."
    return f"silent for longer than is usual for this customer, or than {count(entry.active_within_days, 'day')}: gone."


def _last_time(customer_id: str, settings: Settings, data: Path) -> str:
    events = _events(customer_id, data)
    own = events.loc[events["activity"] == settings.main_activity, "occurred_at"]
    if own.empty:
        return "none known"
    as_of, last = date.fromisoformat(settings.observations.score.as_of), _local(own.max(), settings)
    return f"{count((as_of - last).days, 'day')} before, on {day(last)}"


def _noun(settings: Settings) -> str:
    return doing(settings.main_activity)


def _local(moment: pd.Timestamp, settings: Settings) -> date:
    at: datetime = moment.to_pydatetime()
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(ZoneInfo(settings.timezone)).date()


def _events(customer_id: str, data: Path) -> pd.DataFrame:
    """This customer's activity: `customer_id`, `activity`, `occurred_at`, `recorded_at`."""
    import pyarrow.dataset as ds

    stream = ds.dataset(data / "activity" / "score" / "activity", format="parquet")
    mine = ds.field("customer_id") == customer_id
    table: pd.DataFrame = stream.to_table(
        columns=["customer_id", "activity", "occurred_at", "recorded_at"], filter=mine
    ).to_pandas()
    return table


def _nearest(customer_id: str, data: Path) -> str:
    """` Did you mean ...?` with ids that differ in leading zeros or case first, then in a letter or two."""
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    stream = ds.dataset(data / "activity" / "score" / "activity", format="parquet")
    ids = sorted(pc.unique(stream.to_table(columns=["customer_id"])["customer_id"]).to_pylist())
    bare = _bare(customer_id)
    near = [one for one in ids if _bare(one) == bare]
    if not near and len(ids) <= _MOST_COMPARED:
        near = difflib.get_close_matches(customer_id, ids, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(near[:3])}?" if near else f" {len(ids):,} other ids are."


def _bare(customer_id: str) -> str:
    return customer_id.strip().casefold().lstrip("0")
