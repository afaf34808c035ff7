"""All that `churn kpi` says of a day: rows of figures, cohorts, moves. A function of activity, ledger and settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from features.churn.definition import Definition
from features.windows import local_day
from pipelines.engines.customer_attributes import attributes_of
from pipelines.ledger.assigned import Campaigns
from pipelines.outcomes.kpi.cohorts import cohort_rows
from pipelines.outcomes.kpi.counts import READ, Ground, known_of
from pipelines.outcomes.kpi.doings import doings_of, listed_of
from pipelines.outcomes.kpi.monthly import Counting, Monthly, monthly
from pipelines.outcomes.kpi.periods import month_starts, periods
from pipelines.outcomes.kpi.rows import COLUMNS, DIGITS, NOT_IN_DATA, NUMBERS, Question, Row, Scene, rows_of
from pipelines.outcomes.kpi.standing import standing
from pipelines.outcomes.kpi.state_moves import move_rows
from pipelines.outcomes.kpi.targets import require_figures, target_rows
from pipelines.outcomes.labels import Stream
from pipelines.outcomes.terms import Terms
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json
from pipelines.settings import artifacts
from pipelines.settings.campaign.kpi import Kpi, Target
from pipelines.settings.sources import Customers

CAMPAIGN = "campaign"
COST_PER_KEPT = "cost_per_kept"


@dataclass(frozen=True)
class Asked:
    """What is asked for.

    Attributes:
        as_of: the day at whose midnight knowledge ends.
        definitions: of leaving, by name; `main`: the one that ranks the list.
        setting: the section `kpi`; `targets`: the section of that name.
        customers: the section `customers`.
        timezone: in which days begin.
    """

    as_of: str
    definitions: Mapping[str, Definition]
    main: str
    setting: Kpi
    customers: Customers | None
    timezone: str
    targets: Mapping[str, Target] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """The ledger's lists and reports with their terms by day, and the campaigns of effects.json; None and empty where
    there are none."""

    ledger: Campaigns | None
    terms: Mapping[str, Terms]
    campaigns: list[dict[str, Any]]


@dataclass(frozen=True)
class Report:
    """Rows of figures (rows.COLUMNS), of cohorts, of moves and of targets; `first_day`: of the data."""

    first_day: str
    rows: list[Row]
    cohorts: list[Row]
    moves: list[Row]
    targets: list[Row]


def report(stream: Stream, asked: Asked, known: Known, say: Callable[[int, int], None] = lambda *_: None) -> Report:
    """Work all of it out.

    Args:
        stream: knows everything before `asked.as_of`.
        asked: see Asked.
        known: see Known.
        say: gets how many periods are done, and of how many.

    Raises:
        ChurnError: a target names no figure; nothing of the definitions' activities lies before the day.
    """
    require_figures(asked.targets)
    facts = read_json(stream.folder / artifacts.FACTS)
    first_day = _first_day(facts, asked)
    starts = month_starts(first_day, asked.as_of)
    found = monthly(stream.folder / "activity", starts, _counting(facts, asked))
    attributes = attributes_of(
        asked.setting.attributes,
        stream.folder,
        customers=asked.customers,
        timezone=asked.timezone,
        asked_by="kpi.attributes",
    )
    listed, every = listed_of(known.ledger, found.ids), periods(starts)
    rows: list[Row] = []
    cohorts: list[Row] = []
    moves: list[Row] = []
    for place, (name, definition) in enumerate(asked.definitions.items()):
        ground = _ground(found, definition, stream, asked, known)
        question = Question(asked.as_of, name, first_day, attributes, listed)
        for done, period in enumerate(every, start=1):
            rows += rows_of(Scene(ground, period, question))
            say(place * len(every) + done, len(asked.definitions) * len(every))
        cohorts += cohort_rows(ground, name)
        moves += move_rows(ground, name, first_day, listed)
    targets = list(target_rows(rows, asked.targets, asked.main))
    return Report(first_day, [*rows, *_campaign_rows(known, asked)], cohorts, moves, targets)


def _first_day(facts: Mapping[str, Any], asked: Asked) -> str:
    wanted = {name for definition in asked.definitions.values() for name in definition.activities}
    there = [facts["activities"][name]["first"] for name in wanted if name in facts["activities"]]
    first = local_day(min(there), asked.timezone) if there else asked.as_of
    if first >= asked.as_of:
        raise ChurnError(
            f"The activity has none of {', '.join(sorted(wanted))} before {asked.as_of}. Check --as-of and `churn:` of "
            "params.yaml."
        )
    return first


def _counting(facts: Mapping[str, Any], asked: Asked) -> Counting:
    own = [name for definition in asked.definitions.values() for name in definition.activities]
    names = tuple(name for name in dict.fromkeys([*own, *READ]) if name in facts["activities"])
    gaps = {(one.gap_days, one.activity) for one in asked.definitions.values() if one.kind == "silence"}
    return Counting(
        activities=names,
        satisfied_from=asked.setting.satisfied_from,
        gaps=tuple(sorted(gaps)),
        timezone=asked.timezone,
        known_until=asked.as_of,
        has_recorded_at=bool(facts["has_recorded_at"]),
    )


def _ground(found: Monthly, definition: Definition, stream: Stream, asked: Asked, known: Known) -> Ground:
    facts = read_json(stream.folder / artifacts.FACTS)
    doings = doings_of(known.ledger, known.terms, found.ids, found.starts, asked.timezone)
    fixed = asked.setting.fixed_costs
    return Ground(
        found=found,
        stands=standing(found, definition, stream.folder, asked.timezone, asked.as_of),
        definition=definition,
        has=known_of(definition, facts, doings, fixed),
        doings=doings,
        fixed_costs=fixed,
    )


def _campaign_rows(known: Known, asked: Asked) -> Iterator[Row]:
    """What a kept customer cost, campaign by campaign, as `churn outcomes` found it."""
    base = {
        "as_of": asked.as_of,
        "grain": CAMPAIGN,
        "definition": asked.main,
        "figure": COST_PER_KEPT,
        "dimension": "all",
        "group": "all",
        "unit": "money",
        "numerator": None,
        "denominator": None,
        "restated": None,
        "source": "outcomes",
    }
    if not known.campaigns:
        why = NOT_IN_DATA.format(needs="a campaign with a control group (churn publish, churn outcomes)")
        yield {**base, "period": "", "value": None, "low": None, "high": None, "reason": why}
    for campaign in known.campaigns:
        per = campaign.get("cost", {}).get("per_kept") or {}
        said = {name: per.get(key) for name, key in (("value", "effect"), ("low", "low"), ("high", "high"))}
        reason = None if said["value"] is not None else "the effect is not proven"
        yield {**base, "period": campaign["campaign"], **{k: _number(v) for k, v in said.items()}, "reason": reason}


def _number(value: float | None) -> float | None:
    return None if value is None else round(float(value), DIGITS)


def schema() -> pa.Schema:
    """Of the Parquet file of figures."""
    return pa.schema([pa.field(name, pa.float64() if name in NUMBERS else pa.string()) for name in COLUMNS])
