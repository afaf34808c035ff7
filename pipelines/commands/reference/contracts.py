"""The files that others may build on, column by column, from the schemas by which the pipeline writes and checks them.

A column without a description is a fault: the build stops with its name.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa

import features.activity
from features.activity import ACTIVITY_SCHEMA, CUSTOMER_SCHEMA
from features.churn.labels import COLUMNS as LABEL_COLUMNS
from models.decision.ranking import LIST_COLUMNS, SUPPRESSED_COLUMNS
from pipelines.checks.rules import SCORE_SCHEMA
from pipelines.commands.reference.markdown import code, table
from pipelines.rendering.columns import CONTACT_COLUMNS, FURTHER, WIN_BACK_COLUMNS, kind
from pipelines.rendering.manifest import manifest
from pipelines.rendering.wording import COLUMNS as LIST_WORDS

KINDS = {
    "money": "money, two decimals",
    "chance": "share, 0 to 1, six decimals",
    "day": "day, ISO",
    "number": "whole number",
    "text": "text",
}
TYPES = {"double": "float64", "date32[day]": "date", "timestamp[us, tz=UTC]": "timestamp in UTC, microseconds"}
NULL_SCORES = ("expected_value", "value_at_risk")

PLACES = {  # what a list fills into the words of its columns
    "ranked_by": "the most expected net value first, or the highest probability where there is no money",
    "leaving": "as the churn definition says",
    "as_of": "the list's day",
    "base_rate": "the base rate",
    "tiers": "The odds beside the average customer's, by at_risk.tiers.",
    "horizon_days": "horizon's",
    "currency": "the list's currency",
}
CUSTOMERS = {
    "customer_id": "text, as in the activity stream",
    "joined_at": "when the customer joined",
    "valid_from": "from when on this row's attributes hold; several rows tell how they changed",
}
LABELS = {
    "customer_id": "the customer",
    "as_of": "the moment looked from, in local days",
    "churned": "whether the customer left in the window ahead; only moments whose window is over are labelled",
    "value_ahead": "money that the customer brought in the window ahead; null where the stream has no money",
}
SCORES = {
    "customer_id": "every eligible customer, once",
    "as_of": "the day scored, in the timezone of params.yaml",
    "churn_probability": "calibrated probability of leaving in the window, 0 to 1",
    "expected_value": "money expected in the horizon if the customer stays; null for a stream without money",
    "value_at_risk": "churn_probability x expected_value; null for a stream without money",
    "model_version": "SHA-256 of the model's content",
}
SUPPRESSED = {
    "customer_id": "the customer",
    "rank": "the place that the customer would have had",
    "churn_probability": "as on the list",
    "value_at_risk": "as on the list",
    "rule": "the first rule that fits, as a code for machines and filters",
    "said": "the same in a sentence, in the list's language",
    "as_of": "the day the list is for",
    "list_id": "identifies the list",
}
LEFT = {
    "customer_id": "a customer who has left already, by the definition that ranks the list",
    "last_activity": "the local day of the last main activity",
    "days_since_last": "days from there to the list's day",
    "past_value": "money brought in the longest window of the features; empty where the stream has no money",
    "segment": "what kind of customer it was",
    "as_of": "the day the list is for",
}
MANIFEST = {
    "list_id": "identifies the list: a digest of its content",
    "as_of": "the day the list is for",
    "definition": "the churn definition that ranks it",
    "model_version": "SHA-256 of the model that scored",
    "model_sums": "SHA-256 of the SHA256SUMS beside the champion, which covers every file of it",
    "champion": "its version in the registry, the one before it, and whether a rollback brought it back",
    "level": "`shift` and `spread` (log-odds) of the day: what a served model is handed, and how wrong a level can be; "
    "null where the model has none",
    "scored_by": "the model or the rule that scored, and its log loss on held-out rows beside the others'; null for "
    "champions of versions in which only models scored",
    "code": "SHA-256 of the code that makes the list",
    "parameters": "the settings that the list depends on",
    "inputs": "digests of activity, features, scores, contacts, ledger, the file of customers to suppress, and of what "
    "earlier lists achieved before that day",
    "checks": "each report of the scoring branch: passed, how many checks, what warns of drift, its digest",
    "figures": "eligible and listed customers, base rate, expected leavers with 90% intervals, money at risk, "
    "customers by tier",
    "files": "SHA-256 of every other file of the folder",
}
WEEK = {
    "counts": "customers listed, in the control group, suppressed by each rule, and on the win-back list",
    "cut": "what ended the list, what it is expected to bring, and what the next 100 customers would have brought",
    "playbook": "eligible and listed customers by action; where outcomes of earlier lists taught something, `success`: "
    "`stated`, `believed` with its interval, the probability of `harm`, and how many left of either arm",
    "trust": "may I trust this list: the verdict, and five answers (`scored_by`, `calibration`, `drift`, `effect`, "
    "`rows_left_out`), each `good`, `mind` or `open` (not measured yet), said in the list's language",
    "notices": "what has to be known before the list is used, in the list's language",
    "campaign": "the control group's plan: size, weeks, the smallest effect that can be proven, the price of it",
}


def activity() -> str:
    """The columns of the activity stream."""
    words = dict(re.findall(r"(?m)^\| `(\w+)` \| (.+) \|$", features.activity.__doc__ or ""))
    return _of_schema(ACTIVITY_SCHEMA, words)


def customers() -> str:
    """The columns of a table of customers, besides its attributes."""
    return _of_schema(CUSTOMER_SCHEMA, CUSTOMERS)


def labels() -> str:
    """The columns of labels."""
    return table(("column", "meaning"), [(code(name), LABELS[name]) for name in LABEL_COLUMNS])


def scores() -> str:
    """The columns of scores."""
    fields = [pa.field(name, kind, nullable=name in NULL_SCORES) for name, kind in SCORE_SCHEMA.items()]
    return _of_schema(pa.schema(fields), SCORES)


def at_risk() -> str:
    """The columns of the list, then those of contacts, in the words of the workbook's sheet."""
    words = {name: text.format_map(PLACES) for name, text in {**LIST_WORDS, **FURTHER}.items()}
    return _of_columns((*LIST_COLUMNS, *CONTACT_COLUMNS), words)


def held_back() -> str:
    """The columns of who was suppressed by a rule."""
    return _of_columns(SUPPRESSED_COLUMNS, SUPPRESSED)


def win_back() -> str:
    """The columns of who has left already."""
    return _of_columns(WIN_BACK_COLUMNS, LEFT)


def manifest_keys() -> str:
    """The keys of the manifest."""
    nothing: Mapping[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        found = manifest(
            list_id="",
            as_of="",
            definition="",
            parameters=nothing,
            model_version="",
            model_sums=None,
            champion=nothing,
            level=None,
            inputs=nothing,
            checks=nothing,
            figures=nothing,
            week=WEEK,
            files=Path(folder),
        )
    words = MANIFEST | WEEK
    return table(("key", "what it says"), [(code(key), words[key]) for key in found])


def _of_schema(schema: pa.Schema, words: Mapping[str, str]) -> str:
    rows = [
        (
            code(field.name),
            TYPES.get(str(field.type), str(field.type)),
            "yes" if field.nullable else "",
            words[field.name],
        )
        for field in schema
    ]
    return table(("column", "type", "may be null", "meaning"), rows)


def _of_columns(names: Iterable[str], words: Mapping[str, str]) -> str:
    return table(("column", "in the CSV", "meaning"), [(code(name), KINDS[kind(name)], words[name]) for name in names])
