"""The data checks of activity, features and scores: figures and rules, judged by the suites.

Each check gives a Report. It is written (JSON, and a page beside it) whether or not checks failed; `require` then stops
the stage where one did, so that nothing is built on it and no list is written. What has drifted (volumes, the scores)
is no breach of a contract: it warns, unless params.yaml says that it stops.
"""

# Queries are put together from our own names.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.activity import ACTIVITY_SCHEMA, OUR_ACTIVITIES, SINCE_VERSION_2
from features.expectations import activity_suite, features_suite, plausible, scores_suite, silence, volume, volume_ratio
from features.windows import DAY_US, midnight
from models.drift import population_stability_index, shares_between, shift_by_chance, smoothed
from pipelines.checks.figures import VIEW, Rule, Table, duplicate_keys
from pipelines.checks.plausible import plausibility
from pipelines.checks.report import Finding, Report, report_of
from pipelines.checks.row_rules import SCORE_SCHEMA, activity_rules, score_rules
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json
from pipelines.settings import artifacts
from pipelines.settings.params import Checks
from pipelines.settings.reading import StreamChecks

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SCORE_SCHEMA", "Report", "activity_rules", "check_activity", "check_features", "check_scores"]


BLOCK_DAYS, BLOCKS = 28, 6
MOST_SILENT_DAYS = 28.0
STREAM = "The stream"
NEVER_RECORDED = (
    "No row says when its source learned of it (recorded_at), so facts that arrived late cannot be told from others, "
    "and may make the past look better known than it was."
)


class StreamCounts(NamedTuple):
    """A stream whose rows were all checked before.

    `rows`: their number. `recorded`: whether one has a `recorded_at`. `spans`: by activity its rows, first and last
    time (microseconds, UTC).
    """

    rows: int
    recorded: bool
    spans: Mapping[str, tuple[int, int, int]]


def check_activity(folder: Path, checks: StreamChecks, counts: StreamCounts | None = None) -> Report:
    """The stream in `folder` (data/activity/{branch} or what is about to become it) against the activity contract.

    Besides rules about rows: the stream, and the main activity, must reach to the branch's moment (sparse streams may
    be silent for seven times their usual pause, as it was at their quietest, up to 28 days), and each activity's last
    28 days must be within `max_volume_ratio` of all earlier 28-day blocks of half a year (activities younger than 12
    weeks are not judged, nor `irregular_activities`). Our own doings are not judged and do not hide a silence.

    `counts`: given where every row is known to break none of the rules, because the same files were checked before.
    """
    limits, moment = checks.limits, midnight(checks.day, checks.timezone)
    files = sorted((folder / "activity").glob("*.parquet"))
    contract = _contract(files)
    table = Table(
        schema={column.name: column.type for column in contract},
        keys=["activity_id", "customer_id"],
        nullable=frozenset(column.name for column in contract if column.nullable),
        files=files,
    )
    streams = {name: stream for name, stream in _streams(table, moment, counts).items() if name not in OUR_ACTIVITIES}
    silence_limits = _silence_limits(streams, checks.main_activity, limits.max_days_without_activity)
    findings = {silence(name): _silence_finding(moment, _matching(streams, name)) for name in silence_limits}
    skipped = limits.irregular_activities
    judged = {name: stream for name, stream in streams.items() if len(stream.blocks) > 2 and name not in skipped}
    findings |= {volume(name): _volume_finding(stream) for name, stream in judged.items()}
    when = f"{checks.day} 00:00 ({checks.timezone})"
    doubts = plausibility(table, limits.plausible, main=checks.main_activity, moment=moment, irregular=skipped)
    findings |= {name: finding for name, (finding, _) in doubts.items()}
    allowed = {name: most for name, (_, most) in doubts.items()}
    suite = activity_suite(list(table.schema), when, silence_limits, judged, limits.max_volume_ratio, doubts=allowed)
    table.row_count = counts.rows if counts else None
    recorded = (
        counts.recorded if counts else table.con.execute(f"SELECT count(recorded_at) > 0 FROM {VIEW}").fetchone()[0]
    )
    notes = [] if recorded else [NEVER_RECORDED]
    rules = activity_rules(moment, checks.display, removals="removed_at" in table.schema)
    warning = [volume(name) for name in judged] if limits.volume == "warn" else []
    if limits.plausible.doubt == "warn":
        warning += [name for name in doubts if name != plausible("largest_value")]
    report = report_of(suite, checks.branch, table, rules, findings, notes=notes, warning=warning)
    return report.with_rows(checks.display.row)


def _contract(files: Sequence[Path]) -> list[pa.Field]:
    """The columns that the contract gives a stream: those of version 2 where one of its files has them."""
    further = set[str]()
    for path in files:
        with suppress(OSError, pa.ArrowException):  # whoever reads the rows says so
            further |= set(pq.read_schema(path).names) & set(SINCE_VERSION_2)
    return [column for column in ACTIVITY_SCHEMA if column.name in further or column.name not in SINCE_VERSION_2]


@dataclass(frozen=True)
class _Stream:
    """One activity: rows, first and last time (microseconds), rows per whole 28-day block back from the moment."""

    count: int
    first: int
    last: int
    blocks: list[int]


def _streams(table: Table, moment: int, counts: StreamCounts | None) -> dict[str, _Stream]:
    """Activities by name; where their counts are given, only the months of the blocks are read."""
    block = BLOCK_DAYS * DAY_US
    since = moment - (1 + BLOCKS) * block if counts else -(10**18)
    rows = table.con.execute(
        "SELECT coalesce(activity, ''), ($moment - 1 - epoch_us(occurred_at)) // $block, count(*), "
        f"min(epoch_us(occurred_at)), max(epoch_us(occurred_at)) FROM {VIEW} "
        "WHERE occurred_at >= make_timestamptz($since) GROUP BY ALL",
        {"moment": moment, "block": block, "since": since},
    ).fetchall()
    streams = {}
    for name in sorted(counts.spans if counts else {row[0] for row in rows}):
        own = {row[1]: row[2:] for row in rows if row[0] == name}
        count, first, last = counts.spans[name] if counts else _totals(list(own.values()))
        whole = max(0, min((moment - first) // block, 1 + BLOCKS))
        streams[name] = _Stream(count, first, last, [own.get(place, (0,))[0] for place in range(whole)])
    return streams


def _totals(rows: list[tuple[int, int, int]]) -> tuple[int, int, int]:
    return sum(row[0] for row in rows), min(row[1] for row in rows), max(row[2] for row in rows)


def _matching(streams: Mapping[str, _Stream], name: str) -> list[_Stream]:
    return [stream for key, stream in streams.items() if name in (STREAM, key)]


def _silence_limits(streams: Mapping[str, _Stream], main: str, limit: float) -> dict[str, float]:
    """Days that the stream and its main activity may be silent; sparse ones longer: they have gaps by chance."""
    limits = {}
    for name in (STREAM, main):
        own = _matching(streams, name)
        span = max((stream.last for stream in own), default=0) - min((stream.first for stream in own), default=0)
        usual = span / DAY_US / max(1, sum(stream.count for stream in own))
        limits[name] = max(limit, min(7 * max(usual, _pause_at_the_quietest(own)), MOST_SILENT_DAYS))
    return limits


def _pause_at_the_quietest(own: Sequence[_Stream]) -> float:
    """Days between two rows in the quietest of the whole 28-day blocks before the last; 0 where there is none.

    A shop whose customers came in one wave is far quieter afterwards than on average.
    """
    earlier = [sum(rows) for rows in zip_longest(*(stream.blocks for stream in own), fillvalue=0)][1:]
    return BLOCK_DAYS / max(min(earlier), 1) if earlier else 0.0


def _silence_finding(moment: int, streams: list[_Stream]) -> Finding:
    if not streams:
        return Finding(np.inf, "none at all")
    days = (moment - max(stream.last for stream in streams)) / DAY_US
    return Finding(days, f"{days:.1f} days without")


def _volume_finding(stream: _Stream) -> Finding:
    latest, *before = stream.blocks
    least, limit = min(before), max(before)
    words = f"{latest:,} in the last 28 days, {least:,} to {limit:,} in each 28 days before"
    return Finding(volume_ratio(latest, least, limit), words)


def check_features(folder: Path, as_of: str, attributes: Sequence[str]) -> Report:
    """The features of every moment in `folder` against the columns and bounds that columns.json declares.

    Args:
        folder: one Parquet file per moment, and columns.json.
        as_of: the day of the list; no moment may lie after it.
        attributes: of customers, as the model uses them.

    Raises:
        ChurnError: there is no columns.json.
    """
    if not (folder / artifacts.COLUMNS).is_file():
        raise ChurnError(
            f"{folder}: there is no columns.json, so nothing says what the features should be. Build them again."
        )
    columns = read_json(folder / artifacts.COLUMNS)
    names = [f"customer_{name}" for name in attributes]
    kinds = dict.fromkeys(names, pa.string()) | {entry["name"]: pa.float32() for entry in columns}
    table = Table(
        schema={"customer_id": pa.string(), "as_of": pa.date32(), **kinds},
        keys=["customer_id", "as_of"],
        nullable=frozenset(names),
        files=sorted(folder.glob("*.parquet")),
        by_file=True,
    )
    rules = {
        "rows_without_customer_id": Rule("coalesce(customer_id, '') = ''"),
        "rows_with_repeated_customer_id": duplicate_keys("customer_id", within="in_file"),
        "rows_of_another_moment": Rule(
            "as_of IS DISTINCT FROM TRY_CAST(in_file AS DATE)", "'in ' || in_file || '.parquet'"
        ),
        "rows_after_score_moment": Rule(f"as_of > DATE '{as_of}'"),
    }
    return report_of(features_suite(columns, names, as_of), folder.name, table, rules, {})


def check_scores(
    frame: pd.DataFrame | pa.Table,
    profile: Mapping[str, Any],
    facts: Mapping[str, Any],
    as_of: str,
    limits: Checks,
    *,
    definition: str = "scores",
) -> Report:
    """Scores, before a list is made of them, against their contract and against what the champion saw in training.

    Args:
        frame: the scores of one definition.
        profile: the champion's `.profile`: `score_edges`, `score_shares`, `customers`, `activities`.
        facts: facts.json of the stream that was scored.
        as_of: the day that the scores are for.
        limits: how far scores and volumes may lie from training.
        definition: of churn, for the report's title.
    """
    nullable = frozenset({"expected_value", "value_at_risk"})
    table = Table(schema=SCORE_SCHEMA, keys=["customer_id"], nullable=nullable, frame=_arrow(frame))
    trained, current = profile["activities"], facts["activities"]
    vanished = sorted(set(trained) - set(current) - set(OUR_ACTIVITIES))
    findings = {
        "customers_beyond_activity": Finding(
            max(0, len(frame) - facts["customers"]), f"{len(frame):,} scored, {facts['customers']:,} in the activity"
        ),
        "activities_vanished": Finding(len(vanished), ", ".join(vanished) or "all of them"),
    }
    shift, allowed = _score_shift(frame, profile, limits.max_score_shift)
    skipped = {*OUR_ACTIVITIES, *limits.irregular_activities, *vanished}
    volumes = sorted(set(trained) - skipped)
    judged = {volume(name): _volume_finding_against(current[name], trained[name]) for name in volumes}
    suite = scores_suite(list(SCORE_SCHEMA), as_of, allowed, volumes, limits.max_volume_ratio)
    new = sorted(set(current) - set(trained) - set(OUR_ACTIVITIES))
    notes = [f"New since training, and unknown to the model: {', '.join(new)}. Train again to use it."] if new else []
    counted = {**findings, "score_shift": shift, **judged}
    warning = [*(judged if limits.volume == "warn" else ()), *(["score_shift"] if limits.score_shift == "warn" else [])]
    return report_of(suite, definition, table, score_rules(as_of), counted, notes=notes, warning=warning)


def _arrow(frame: pd.DataFrame | pa.Table) -> pa.Table:
    """A frame with its dates as dates, and columns without a single value in their own type."""
    if isinstance(frame, pa.Table):
        return frame
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for place, column in enumerate(table.schema):
        days = column.name == "as_of" and pa.types.is_timestamp(column.type)
        if days or (pa.types.is_null(column.type) and column.name in SCORE_SCHEMA):
            cast = table.column(place).cast(SCORE_SCHEMA[column.name], safe=False)
            table = table.set_column(place, column.name, cast)
    return table


def _score_shift(frame: pd.DataFrame | pa.Table, profile: Mapping[str, Any], limit: float) -> tuple[Finding, float]:
    """The population stability index against training, and what is allowed: `most`, or what chance makes of so few."""
    import pandas as pd

    edges, customers = profile["score_edges"], max(1, profile["customers"])
    if isinstance(frame, pa.Table):
        given = frame["churn_probability"].to_pandas()
    else:
        given = frame["churn_probability"] if "churn_probability" in frame else pd.Series(dtype="float64")
    scores = pd.to_numeric(given, errors="coerce").dropna().to_numpy(dtype=np.float64)
    if not len(scores):
        return Finding(np.inf, "no scores"), limit
    expected = smoothed(profile["score_shares"], customers)
    index = population_stability_index(shares_between(scores, edges), expected)
    words = f"{index:.3f} (mean probability {scores.mean():.3f}; {profile['churn_rate']:.3f} left in training)"
    return Finding(index, words), max(limit, shift_by_chance(len(expected), len(scores), customers))


def _volume_finding_against(current: Mapping[str, Any], trained: Mapping[str, Any]) -> Finding:
    latest, usual = current["last_28d_count"], 4 * trained["previous_weekly_mean"]
    words = f"{latest:,} in the last 28 days, {usual:,.0f} in four weeks of training"
    return Finding(volume_ratio(latest, usual, usual), words)
