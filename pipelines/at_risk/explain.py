"""`churn explain CUSTOMER`: why a customer is on the list, or why not, with the numbers. Reads only."""

from __future__ import annotations

import difflib
import math
import textwrap
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from features.activity import ACTIVITY_SCHEMA
from features.churn.definition import GONE, LEAVING, PAUSED, UNKNOWN
from features.churn.labels import eligibility
from models.decision import ranking
from models.explanation import reasons
from pipelines.at_risk import placement
from pipelines.at_risk.decide import ListInputs
from pipelines.at_risk.inputs import read_features, read_inputs, read_scores
from pipelines.at_risk.reasons import drivers_of
from pipelines.modelling.model_folder import open_model
from pipelines.rendering.language.language import Language
from pipelines.rendering.wording import day, noun_of, segment_description
from pipelines.runtime.errors import ChurnError
from pipelines.settings import artifacts
from pipelines.settings.churn import Cancellation, Silence, definition_of
from pipelines.settings.decision import ListMoment, ListPolicy
from pipelines.settings.reading import ContactReading

MOST_TOPICS = 4
LABEL_WIDTH = 18
NO_CAUSES = "These are observations that go with a higher or lower risk. They need not be its causes."
_MOST_COMPARED = 50_000


def explain_customer(
    customer_id: str, policy: ListPolicy, contacts: ContactReading, language: Language, data: Path = artifacts.DATA
) -> str:
    """A few lines: the placement, the risk, the reasons; or why the customer is not eligible. Ids are exact.

    Args:
        customer_id: as the pipeline has it.
        policy: by which the list was decided.
        contacts: how the contacts table is read.
        language: of the lines.
        data: the project's folder of data.

    Raises:
        ChurnError: nobody has this id (the nearest are named), or there is no list yet.
    """
    moment = policy.moment
    files = placement.read_list(moment.as_of, data)
    scores = read_scores(data / "scores", policy.definitions, moment.as_of)
    own = scores[moment.definition]
    if customer_id not in set(own["customer_id"]):
        return _not_eligible(customer_id, moment, language, data)
    inputs = _inputs(scores, policy, contacts, data)
    row, everyone = placement.ranked_row(customer_id, inputs, policy, language)
    label = language.say("Last {order}", order=noun_of(moment.main_activity, language))
    last = _line(label, _last_time(customer_id, moment, language, data))
    lines = placement.placement_lines(row, everyone, files, moment.as_of, language)
    actions = [_line(name, text) for name, text in placement.action_and_change(row, files.listed, language)]
    figures = _figures(row, own, policy, language)
    return "\n".join([*lines, "", *figures, last, *actions, *_why(row, inputs, language)])


def _inputs(scores: dict[str, pd.DataFrame], policy: ListPolicy, contacts: ContactReading, data: Path) -> ListInputs:
    """What the list is decided from; a ChurnError where it does not belong together."""
    model = open_model(data / artifacts.CHAMPIONS.name / policy.moment.definition)
    features = read_features(data / "features" / "score", policy.moment.as_of)
    return read_inputs(scores, features, model, data / "activity" / "score", policy=policy, contacts=contacts)


def _figures(row: pd.Series[Any], scores: pd.DataFrame, policy: ListPolicy, language: Language) -> list[str]:
    base = ranking.base_rate(scores)
    risk, say = float(row["churn_probability"]), language.say
    tier = ranking.risk_tiers([risk], ranking.tier_floors(base, policy.at_risk.tiers.odds()))[0]
    days = language.count(policy.moment.churn.horizon_days, "day", "days")
    words = {"risk": language.percent(risk), "tier": say(tier), "average": language.percent(base)}
    lines = [(say("Risk of leaving"), say("{risk}, {tier} (the average customer: {average})", **words))]
    if ranking.has_money(scores):
        expected = language.money(row["expected_value"])
        lines += [
            (say("Expected value"), say("{money} in {days}, if they stay", money=expected, days=days)),
            (say("Value at risk"), language.money(row["value_at_risk"])),
            (say("Net value"), say("{money} expected from a contact", money=language.money(row["expected_net_value"]))),
        ]
    return [_line(name, text) for name, text in lines]


def _line(label: str, text: str) -> str:
    """A label and its text, aligned by the label's width on a terminal."""
    from rich.cells import cell_len

    return f"  {label}{' ' * max(1, LABEL_WIDTH - cell_len(label))}{text}"


def _why(row: pd.Series[Any], inputs: ListInputs, language: Language) -> list[str]:
    model = inputs.model
    features = inputs.features.set_index("customer_id", drop=False)
    own = features.loc[[row["customer_id"]]].reset_index(drop=True)
    drivers = drivers_of(model, own, features.loc[inputs.scores["customer_id"]], language)[0]
    name = str(model.segments(own)["segment"].iloc[0])
    segment = ": ".join(text for text in (language.say(name), segment_description(name, language)) if text)
    lines = [_line(language.say("Segment"), segment), "", f"  {language.say('What stands out')}"]
    return [*lines, *_reasons(drivers, language), *_topics(drivers, language), "", f"  {language.say(NO_CAUSES)}"]


def _reasons(drivers: list[reasons.Driver], language: Language) -> list[str]:
    rising = [driver for driver in drivers if driver.log_odds > 0]
    sentences = [driver.sentence for driver in rising if driver.sentence][: len(ranking.REASONS)]
    nothing = "No single number; many small signs add up." if rising else "Nothing that goes with a higher risk."
    numbered = [f"    {number}. {reason}" for number, reason in enumerate(sentences, start=1)]
    return numbered or [f"    {language.say(nothing)}"]


def _topics(drivers: list[reasons.Driver], language: Language) -> list[str]:
    lines = []
    for title, sign in (("Raises the risk most", 1), ("Lowers the risk most", -1)):
        topics = [driver for driver in drivers if sign * driver.log_odds > 0][:MOST_TOPICS]
        lines += ["", f"  {language.say(title)}", *(_topic(driver, language) for driver in topics)] if topics else []
    return lines


def _topic(driver: reasons.Driver, language: Language) -> str:
    activity, *story = driver.topic.split(": ")
    topic = ": ".join([language.activity(activity.replace(" ", "_")), *map(language.say, story)])
    strength = _strength(driver.log_odds, language)
    return f"    {strength:<20}{topic}" + (f" ({driver.sentence})" if driver.sentence else "")


def _strength(log_odds: float, language: Language) -> str:
    """What a topic does to the odds, as people say it: `odds x 2.4`, `odds + 35%`, `odds - 20%`."""
    times = math.exp(log_odds)
    if times >= 2:
        return f"{language.say('odds')} x {language.figure(times, '.1f')}"
    return f"{language.say('odds')} {'+' if times >= 1 else '-'} {language.figure(abs(times - 1), '.0%')}"


def _not_eligible(customer_id: str, moment: ListMoment, language: Language, data: Path) -> str:
    """Known, but not a customer by the definition; a ChurnError where nobody has the id."""
    events = _events(customer_id, data)
    if events.empty:
        near = _nearest(customer_id, data)
        raise ChurnError(f"Customer {customer_id} is not known in the activity before {day(moment.as_of)}.{near}")
    head = language.say(
        "Customer {customer} is not on the list of {day} and has no score: {why} The list is about customers who can "
        "still be kept.",
        customer=customer_id,
        day=language.day(moment.as_of),
        why=_why_not(events, moment, language),
    )
    is_listed = placement.is_on_win_back_list(customer_id, moment.as_of, data)
    invited = language.say("They stand in win_back.csv, the list of those who have left already.") if is_listed else ""
    latest = language.day(_local(events["occurred_at"].max(), moment.timezone))
    known = language.say("{number} in all, the last on {day}", number=language.number(len(events)), day=latest)
    last = language.say("Last {order}", order=noun_of(moment.main_activity, language))
    lines = [_line(last, _last_time(customer_id, moment, language, data)), _line(language.say("Known activity"), known)]
    return "\n".join([*textwrap.wrap(f"{head} {invited}".strip(), 100), "", *lines])


def _why_not(events: pd.DataFrame, moment: ListMoment, language: Language) -> str:
    """The reason why this customer is not eligible by the definition."""
    entry, say = moment.churn, language.say
    noun = noun_of(moment.main_activity, language)
    statuses = eligibility(events, definition_of(entry), moment.as_of, moment.timezone)
    status = str(statuses.iloc[0]) if len(statuses) else GONE
    if status == LEAVING:
        return say(
            "the subscription is cancelled already, and only runs until what was paid for ends: leaving, not at risk."
        )
    if status == PAUSED:
        return say("all that they subscribe to is paused: neither lost nor at risk.")
    if status == UNKNOWN:
        return say("too few pauses between one {order} and the next for a rhythm of their own.", order=noun)
    if isinstance(entry, Cancellation):
        return say("no subscription that runs: never started, cancelled, or not renewed in time.")
    window = language.count(entry.active_within_days, "day", "days")
    if isinstance(entry, Silence):
        since = language.day(date.fromisoformat(moment.as_of) - timedelta(days=entry.active_within_days))
        return say("no {order} in the {days} before (since {day}).", order=noun, days=window, day=since)
    return say("silent for longer than is usual for this customer, or than {days}: gone.", days=window)


def _last_time(customer_id: str, moment: ListMoment, language: Language, data: Path) -> str:
    events = _events(customer_id, data)
    own = events.loc[events["activity"] == moment.main_activity, "occurred_at"]
    if own.empty:
        return language.say("none known")
    as_of, last = date.fromisoformat(moment.as_of), _local(own.max(), moment.timezone)
    days = language.count((as_of - last).days, "day", "days")
    return language.say("{days} before, on {day}", days=days, day=language.day(last))


def _local(instant: pd.Timestamp, timezone: str) -> date:
    at: datetime = instant.to_pydatetime()
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(ZoneInfo(timezone)).date()


def _events(customer_id: str, data: Path) -> pd.DataFrame:
    """This customer's activity: what happened when, known when, and of which subscription."""
    import pyarrow.dataset as ds

    stream = ds.dataset(data / "activity" / "score" / "activity", format="parquet", schema=ACTIVITY_SCHEMA)
    mine = ds.field("customer_id") == customer_id
    table: pd.DataFrame = stream.to_table(
        columns=["customer_id", "activity", "occurred_at", "recorded_at", "subject", "term_days"], filter=mine
    ).to_pandas()
    return table


def _nearest(customer_id: str, data: Path) -> str:
    """` Did you mean ...?` with ids that differ in leading zeros or case first, then in a letter or two."""
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    stream = ds.dataset(data / "activity" / "score" / "activity", format="parquet")
    ids = sorted(pc.unique(stream.to_table(columns=["customer_id"])["customer_id"]).to_pylist())
    bare = _bare(customer_id)
    near = [known for known in ids if _bare(known) == bare]
    if not near and len(ids) <= _MOST_COMPARED:
        near = difflib.get_close_matches(customer_id, ids, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(near[:3])}?" if near else f" {len(ids):,} other ids are."


def _bare(customer_id: str) -> str:
    return customer_id.strip().casefold().lstrip("0")
