"""`churn doctor`: looks at the configured sources before anything is trained and says in words what it sees.

Writes nothing and trains nothing. What it suggests is a start for params.yaml, never a change of it.
"""

from __future__ import annotations

import textwrap
from typing import Any

from features.activity import CUSTOMER_SCHEMA
from features.churn.labels import Definition
from features.windows import day_number, local_day, midnight
from pipelines.at_risk.policy.consent import consent_lines
from pipelines.commands.doctor.access import access_lines
from pipelines.commands.doctor.figures import (
    Moment,
    VisitGaps,
    eligibility_now,
    events_of,
    moments_of,
    suggestion,
    verdict,
    visit_gaps,
)
from pipelines.commands.doctor.subscriptions import subscription_lines
from pipelines.modelling.eligibility import ineligible_lines
from pipelines.rendering.wording import leaving, staying
from pipelines.runtime.errors import ChurnError, did_you_mean
from pipelines.settings.churn import Cancellation, Churn, Silence, definition_of
from pipelines.settings.decision import ContactPolicy
from pipelines.settings.params import Settings
from pipelines.settings.reading import ContactReading, Reading
from pipelines.sources.accounts.losses import record_repeated
from pipelines.sources.accounts.statement import accounts_of
from pipelines.sources.exchange import faults_of_currencies, other_currency_in_words
from pipelines.sources.grouping.likeness import lines_in_words
from pipelines.sources.landing.as_of import cut_as_of
from pipelines.sources.profile import facts_of
from pipelines.sources.quarantine import reasons
from pipelines.sources.readers.contacts import faults_of_contacts, read_contacts
from pipelines.sources.registry import customers_of, faults_of_sources, inspect_sources, read_sources
from pipelines.sources.relations import KNOWN, STREAM
from pipelines.sources.stream import connect


def diagnose(settings: Settings) -> str:
    """The report, as text of several short sections, each a heading and its lines.

    Raises:
        ChurnError: the sources cannot be read, all their faults at once; or nothing lies before `score.as_of`.
    """
    reading = Reading.of(settings)
    inspected = inspect_sources(reading)
    faults = faults_of_sources(reading, inspected) + faults_of_contacts(ContactReading.of(settings))
    if faults:
        raise ChurnError(*faults)
    con = connect()
    nobodys = read_sources(con, reading, inspected)
    moment = midnight(settings.observations.score.as_of, settings.timezone)
    if several := faults_of_currencies(con):
        raise ChurnError(*several)
    record_repeated(con, cut_as_of(con, moment, reading.display))
    accounts = accounts_of(con, settings.sources)
    nobodys += other_currency_in_words(con, reading)
    nobodys += lines_in_words(con, KNOWN, settings.sources, inspected, settings.timezone)
    rows = [f"{name}, {one.sentence()}" for name, several in accounts.items() for one in several]
    notes = [line for lines in reasons(con, settings.sources).values() for line in lines] + nobodys
    facts = _in_days(facts_of(con, moment), settings.timezone)
    if not facts["rows"]:
        raise ChurnError(_nothing_before(con, settings), *rows, *notes)
    sections = [
        ("What is there", _stream(con, settings, facts)),
        ("What became of the rows", rows),
        ("What to know of them", notes),
        ("Contacts", _contacts(con, settings)),
        *_churn(con, settings, facts),
        ("Who can read the files", access_lines()),
    ]
    return "\n\n".join("\n".join([title, *map(_wrapped, lines)]) for title, lines in sections if lines)


def _nothing_before(con: Any, settings: Settings) -> str:
    """That nothing lies before the list's day, and where the activities lie."""
    ends = ", ".join(f"timezone($1, {end}(occurred_at))::date::varchar" for end in ("min", "max"))
    first, last = con.execute(f"select {ends} from {STREAM}", [settings.timezone]).fetchall()[0]  # noqa: S608
    between = "not one row becomes an activity" if first is None else f"they lie between {first} and {last}"
    return f"No activity lies before observations.score.as_of {settings.observations.score.as_of}: {between}."


def _in_days(facts: dict[str, Any], timezone: str) -> dict[str, Any]:
    """The facts with the local days on which each activity begins and ends, instead of the instants."""
    activities = {
        name: {**one, **{end: local_day(one[end], timezone) for end in ("first", "last")}}
        for name, one in facts["activities"].items()
    }
    return {**facts, "activities": activities}


def _wrapped(line: str) -> str:
    """Sentences at most 100 wide; what is indented is to be copied as it stands."""
    return (
        f"  {line}"
        if line.startswith("  ")
        else textwrap.fill(line, 100, initial_indent="  ", subsequent_indent="    ")
    )


def _stream(con: Any, settings: Settings, facts: dict[str, Any]) -> list[str]:
    as_of = settings.observations.score.as_of
    later = con.execute(f"select count(*) from {STREAM}").fetchall()[0][0] - facts["rows"]  # noqa: S608
    wide = max(len(name) for name in facts["activities"])
    counts = f"{facts['rows']:,} activities of {facts['customers']:,} customers before {as_of}."
    lines = [f"{counts} Days are those of {settings.timezone}."]
    for name, one in sorted(facts["activities"].items(), key=lambda item: -item[1]["count"]):
        span = f"{one['first']} to {one['last']}"
        has = [word for word in ("value", "quantity", "detail") if one[f"has_{word}"]]
        lines.append(
            f"{name:{wide}}  {one['count']:>11,} by {one['customers']:>9,} customers, {span}, "
            + (f"with {', '.join(has)}" if has else "bare")
        )
    if later:
        lines.append(f"{later:,} more rows lie at or after {as_of} (or are copies): nothing will see them.")
    customers = customers_of(con, Reading.of(settings), midnight(as_of, settings.timezone))
    if customers is not None:
        attributes = [name for name in customers.column_names if name not in CUSTOMER_SCHEMA.names]
        lines.append(f"A customers table with {customers.num_rows:,} rows: {', '.join(attributes) or 'no attributes'}.")
    return lines + _missing(facts, settings)


def _contacts(con: Any, settings: Settings) -> list[str]:
    contacts = read_contacts(ContactReading.of(settings))
    if contacts is None:
        return []
    customers = [one for (one,) in con.execute(f"select distinct customer_id from {KNOWN}").fetchall()]  # noqa: S608
    return consent_lines(contacts, ContactPolicy.of(settings), customers)


def _missing(facts: dict[str, Any], settings: Settings) -> list[str]:
    lines = []
    paid = _paid(settings.churn[settings.at_risk.definition])
    known = [name for name in paid if name in facts["activities"]]
    if known and not any(facts["activities"][name]["has_value"] for name in known):
        lines.append(f"{' and '.join(known)} has no value: the list will rank by probability, not by money at risk.")
    subscriptions = {"started_subscription", "cancelled_subscription"} <= set(facts["activities"])
    if subscriptions and not any(isinstance(one, Cancellation) for one in settings.churn.values()):
        lines.append("Subscriptions are started and cancelled here. What that can mean as leaving, in params.yaml:")
        lines += ["  churn:", "    cancelled_30d: {kind: cancellation, horizon_days: 30}"]
    if not facts["has_recorded_at"]:
        lines.append(
            "No source says when it learned of a row (recorded_at): if facts arrive late or are corrected, the past "
            "will look better known than it was. Map such a column (synced, inserted, updated at) if there is one."
        )
    return lines


def _paid(one: Churn) -> tuple[str, ...]:
    """Activities whose values are the money at risk by a definition."""
    if isinstance(one, Cancellation):
        return tuple(name for name in (one.pays, one.renews, one.starts) if name)
    return (one.activity,)


def _churn(con: Any, settings: Settings, facts: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Rhythm, configured definitions, a suggested one, and whether there is enough of everything."""
    main, until = settings.main_activity, settings.observations.train.until
    if main not in facts["activities"]:
        return [("Not enough", [f"Nobody did {main} before.{did_you_mean(main, facts['activities'])}"])]
    span = facts["activities"][main]
    first_day, history = span["first"], day_number(until) - day_number(span["first"])
    subscribed = isinstance(settings.churn[settings.at_risk.definition], Cancellation)
    rhythm = visit_gaps(con, main, settings.timezone)
    if rhythm is None and not subscribed:
        return [("Not enough", [f"Nobody did {main} on two days: there is no rhythm that silence could break."])]
    definitions = {name: definition_of(one) for name, one in settings.churn.items()}
    found = {name: moments_of(con, one, until, first_day, settings.timezone) for name, one in definitions.items()}
    usual = _rhythm(rhythm, span, settings, history) if rhythm else []
    sections = [(f"How often customers do {main}", usual)]
    sections += [
        (
            f"churn.{name} (as configured)",
            [_meaning(settings.churn[name]), *_moments(found[name]), *apart, *_unfit(con, settings, one, facts)],
        )
        for name, one in definitions.items()
        for apart in [_apart(con, settings, one)]
    ]
    suggested = suggestion(rhythm, main, history) if rhythm and not subscribed else None
    if suggested and suggested not in definitions.values():
        moments = moments_of(con, suggested, until, first_day, settings.timezone)
        name = f"silent_{suggested.horizon_days}d"
        meaning = _meaning(Silence.model_validate(_entry(suggested)))
        lines = [meaning, *_moments(moments), *_snippet(name, suggested)]
        sections.append((f"churn.{name} (suggested by the rhythm)", lines))
        definitions[name], found[name] = suggested, moments
    judged = [line for name, one in definitions.items() for line in _enough(name, one, found[name], history)]
    return [*sections, ("Is it enough?", judged)]


def _rhythm(rhythm: VisitGaps, span: dict[str, Any], settings: Settings, history: int) -> list[str]:
    low, middle, high, longest = (f"{days:.0f}" for days in rhythm.quantiles)
    lines = [
        f"History before observations.train.until: {history:,} days ({history / 7:.0f} weeks).",
        f"{rhythm.returned:,} of {span['customers']:,} customers came on two days or more.",
        f"Between two visits usually {middle} days; half of the pauses last {low} to {high}, 90% up to {longest}.",
        f"For the typical customer nine of ten pauses are shorter than {rhythm.usual_longest:.0f} days.",
    ]
    silent = day_number(settings.observations.score.as_of) - day_number(span["last"]) - 1
    if silent > settings.checks.max_days_without_activity:
        lines.append(
            f"The last one lies {silent} days before observations.score.as_of {settings.observations.score.as_of}: the "
            f"list would be old. Set as_of to the day after {span['last']}, or pull newer data."
        )
    return lines


def _meaning(one: Churn) -> str:
    return f"Customers: {staying(one)}. Leaving: {leaving(one)}."


def _moments(moments: list[Moment]) -> list[str]:
    rows = [f"{at.as_of}  {at.customers:>11,} {at.churners:>7,}   {at.share:>5.1%}" for at in moments]
    return ["as of        customers   leave   share", *rows] if rows else []


def _apart(con: Any, settings: Settings, one: Definition) -> list[str]:
    """Who is no customer on the day of the list although something still runs, or nothing can be said yet."""
    as_of = settings.observations.score.as_of
    return [f"On {as_of}: {line}" for line in ineligible_lines(eligibility_now(con, one, as_of, settings.timezone))]


def _unfit(con: Any, settings: Settings, one: Definition, facts: dict[str, Any]) -> list[str]:
    """What the rows say against a definition of leaving by cancellation."""
    if one.kind != "cancellation":
        return []
    as_of, timezone = settings.observations.score.as_of, settings.timezone
    return subscription_lines(events_of(con, one), one, facts, as_of, timezone)


def _entry(one: Definition) -> dict[str, Any]:
    names = ("kind", "activity", "active_within_days", "gap_days", "horizon_days")
    return {name: getattr(one, name) for name in names}


def _snippet(name: str, one: Definition) -> list[str]:
    entry = ", ".join(f"{key}: {value}" for key, value in _entry(one).items())
    return ["In params.yaml:", "  churn:", f"    {name}: {{{entry}}}"]


def _enough(name: str, one: Definition, moments: list[Moment], history: int) -> list[str]:
    found = verdict(one, moments, history)
    head = "not enough." if not found.enough else "enough, but thin." if found.thin else "enough."
    extreme = []
    if moments and moments[0].share > 0.8:
        extreme.append(
            f"At {moments[0].as_of} nearly everybody leaves ({moments[0].share:.0%}): lengthen horizon_days."
        )
    if moments and 0 < moments[0].share < 0.01:
        extreme.append(f"At {moments[0].as_of} hardly anybody leaves ({moments[0].share:.1%}): shorten horizon_days.")
    return [f"{name}: {head}", *(f"- {line}" for line in (*found.lacks, *found.thin, *extreme))]
