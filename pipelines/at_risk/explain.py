"""`churn explain CUSTOMER`: why a customer is on the list, or why not, with the numbers. Reads only."""

from __future__ import annotations

import difflib
import math
import textwrap
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pandas as pd

from features.churn.definition import GONE, LEAVING, UNKNOWN
from features.churn.labels import eligibility
from models.decision import ranking
from models.explanation import reasons
from pipelines.at_risk import placement
from pipelines.at_risk.decide import Given
from pipelines.at_risk.inputs import given_for, read_features, read_scores
from pipelines.rendering.language.language import Language
from pipelines.rendering.wording import day, doing, language_of, segment_words
from pipelines.runtime.errors import ChurnError
from pipelines.settings.churn import Cancellation, Silence, definition_of
from pipelines.settings.params import Settings

if TYPE_CHECKING:
    from models.churn_model import ChurnModel

DATA = Path("data")
MOST_TOPICS = 4
LABEL_WIDTH = 18
NO_CAUSES = "These are observations that go with a higher or lower risk. They need not be its causes."
_MOST_COMPARED = 50_000


def explain_customer(customer_id: str, settings: Settings, data: Path = DATA) -> str:
    """A few lines: the place on the list, the risk, the reasons; or what keeps the customer off it. Ids are exact.

    Raises:
        ChurnError: nobody has this id (the nearest are named), or there is no list to speak of yet.
    """
    found, language = placement.folder_of(settings, data), language_of(settings)
    all_scores = read_scores(data / "scores", settings)
    scores = all_scores[settings.at_risk.definition]
    if customer_id not in set(scores["customer_id"]):
        return _not_eligible(customer_id, settings, data)
    given = _given(all_scores, settings, data)
    row, everyone = placement.standing(customer_id, given, settings, language)
    label = language.say("Last {order}", order=_noun(settings))
    last = _line(label, _last_time(customer_id, settings, data))
    place = placement.told(row, everyone, found, settings, language)
    todo = [_line(name, text) for name, text in placement.to_do(row, found.listed, language)]
    return "\n".join([*place, "", *_figures(row, scores, settings), last, *todo, *_why(row, given, settings)])


def _given(scores: dict[str, pd.DataFrame], settings: Settings, data: Path) -> Given:
    """What the list is decided from; a ChurnError where it does not belong together."""
    from models.churn_model import ChurnModel

    model = ChurnModel.load(data / "champion" / settings.at_risk.definition)
    features = read_features(data / "features" / "score", settings)
    return given_for(scores, features, model, data / "activity" / "score", settings)


def _figures(row: pd.Series[Any], scores: pd.DataFrame, settings: Settings) -> list[str]:
    base, language = ranking.base_rate(scores), language_of(settings)
    risk, say = float(row["churn_probability"]), language.say
    tier = ranking.risk_tiers([risk], ranking.tier_floors(base, settings.at_risk.tiers.odds()))[0]
    days = language.count(settings.churn[settings.at_risk.definition].horizon_days, "day", "days")
    words = {"risk": language.percent(risk), "tier": say(tier), "average": language.percent(base)}
    found = [(say("Risk of leaving"), say("{risk}, {tier} (the average customer: {average})", **words))]
    if ranking.has_money(scores):
        expected = language.money(row["expected_value"])
        found += [
            (say("Expected value"), say("{money} in {days}, if they stay", money=expected, days=days)),
            (say("Value at risk"), language.money(row["value_at_risk"])),
            (say("Net value"), say("{money} expected from a contact", money=language.money(row["expected_net_value"]))),
        ]
    return [_line(name, text) for name, text in found]


def _line(label: str, text: str) -> str:
    """A label and what it says, below the others: as wide as a terminal shows it."""
    from rich.cells import cell_len

    return f"  {label}{' ' * max(1, LABEL_WIDTH - cell_len(label))}{text}"


def _why(row: pd.Series[Any], given: Given, settings: Settings) -> list[str]:
    model, scores = given.model, given.scores
    known = given.features.set_index("customer_id", drop=False)
    own = known.loc[[row["customer_id"]]].reset_index(drop=True)
    found = _drivers(own, known.loc[scores["customer_id"]], model, settings)
    language = language_of(settings)
    name = str(model.segments(own)["segment"].iloc[0])
    segment = ": ".join(text for text in (language.say(name), segment_words(name, language)) if text)
    lines = [_line(language.say("Segment"), segment), "", f"  {language.say('What stands out')}"]
    return [*lines, *_reasons(found, language), *_topics(found, language), "", f"  {language.say(NO_CAUSES)}"]


def _reasons(found: list[reasons.Driver], language: Language) -> list[str]:
    rising = [driver for driver in found if driver.log_odds > 0]
    said = [driver.sentence for driver in rising if driver.sentence][: len(ranking.REASONS)]
    nothing = "No single number; many small signs add up." if rising else "Nothing that goes with a higher risk."
    return [f"    {place}. {reason}" for place, reason in enumerate(said, start=1)] or [f"    {language.say(nothing)}"]


def _topics(found: list[reasons.Driver], language: Language) -> list[str]:
    lines = []
    for title, sign in (("Raises the risk most", 1), ("Lowers the risk most", -1)):
        topics = [driver for driver in found if sign * driver.log_odds > 0][:MOST_TOPICS]
        lines += ["", f"  {language.say(title)}", *(_topic(driver, language) for driver in topics)] if topics else []
    return lines


def _drivers(own: pd.DataFrame, everyone: pd.DataFrame, model: ChurnModel, settings: Settings) -> list[reasons.Driver]:
    said = language_of(settings)
    found = model.contributions(own)
    return reasons.drivers(found, own, model.columns_info, everyone=everyone, money=said.money, say=said.reason)[0]


def _topic(driver: reasons.Driver, language: Language) -> str:
    told = ": ".join(language.say(part) for part in driver.topic.split(": "))
    strength = _strength(driver.log_odds, language)
    return f"    {strength:<20}{told}" + (f" ({driver.sentence})" if driver.sentence else "")


def _strength(log_odds: float, language: Language) -> str:
    """What a topic does to the odds, as people say it: `odds x 2.4`, `odds + 35%`, `odds - 20%`."""
    times = math.exp(log_odds)
    if times >= 2:
        return f"{language.say('odds')} x {language.figure(times, '.1f')}"
    return f"{language.say('odds')} {'+' if times >= 1 else '-'} {language.figure(abs(times - 1), '.0%')}"


def _not_eligible(customer_id: str, settings: Settings, data: Path) -> str:
    """Known, but not a customer by the definition; a ChurnError where nobody has the id."""
    as_of, language = settings.observations.score.as_of, language_of(settings)
    events = _events(customer_id, data)
    if events.empty:
        near = _nearest(customer_id, data)
        raise ChurnError(f"Customer {customer_id} is not known in the activity before {day(as_of)}.{near}")
    head = language.say(
        "Customer {customer} is not on the list of {day} and has no score: {why} The list is about customers who can "
        "still be kept.",
        customer=customer_id,
        day=language.day(as_of),
        why=_why_not(events, settings),
    )
    back = placement.is_invited_back(customer_id, settings, data)
    invited = language.say("They stand in win_back.csv, the list of those who have left already.") if back else ""
    latest = language.day(_local(events["occurred_at"].max(), settings))
    known = language.say("{number} in all, the last on {day}", number=language.number(len(events)), day=latest)
    last = language.say("Last {order}", order=_noun(settings))
    lines = [_line(last, _last_time(customer_id, settings, data)), _line(language.say("Known activity"), known)]
    return "\n".join([*textwrap.wrap(f"{head} {invited}".strip(), 100), "", *lines])


def _why_not(events: pd.DataFrame, settings: Settings) -> str:
    """The sentence that says how this customer stands to the definition."""
    entry, as_of = settings.churn[settings.at_risk.definition], settings.observations.score.as_of
    language = language_of(settings)
    say, noun = language.say, _noun(settings)
    found = eligibility(events, definition_of(entry), as_of, settings.timezone)
    word = str(found.iloc[0]) if len(found) else GONE
    if word == LEAVING:
        return say(
            "the subscription is cancelled already, and only runs until what was paid for ends: leaving, not at risk."
        )
    if word == UNKNOWN:
        return say("too few pauses between one {order} and the next for a rhythm of their own.", order=noun)
    if isinstance(entry, Cancellation):
        return say("no subscription that runs: never started, cancelled, or not renewed in time.")
    window = language.count(entry.active_within_days, "day", "days")
    if isinstance(entry, Silence):
        since = language.day(date.fromisoformat(as_of) - timedelta(days=entry.active_within_days))
        return say("no {order} in the {days} before (since {day}).", order=noun, days=window, day=since)
    return say("silent for longer than is usual for this customer, or than {days}: gone.", days=window)


def _last_time(customer_id: str, settings: Settings, data: Path) -> str:
    events, language = _events(customer_id, data), language_of(settings)
    own = events.loc[events["activity"] == settings.main_activity, "occurred_at"]
    if own.empty:
        return language.say("none known")
    as_of, last = date.fromisoformat(settings.observations.score.as_of), _local(own.max(), settings)
    days = language.count((as_of - last).days, "day", "days")
    return language.say("{days} before, on {day}", days=days, day=language.day(last))


def _noun(settings: Settings) -> str:
    return doing(settings.main_activity, language_of(settings))


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
