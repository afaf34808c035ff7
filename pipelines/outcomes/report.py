"""Everything that is known of published lists and campaigns: the content of `data/outcomes/effects.json`.

A pure function of ledger rows, activity and settings. Counts, shares and money; no customer's id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from models.decision.control_group import CONTACT
from pipelines.ledger.assigned import Campaigns
from pipelines.ledger.read import REACHED_OUT
from pipelines.outcomes.campaign import campaign_of
from pipelines.outcomes.labels import OUTCOME, Stream, outcomes
from pipelines.outcomes.people import people_of
from pipelines.outcomes.performance import deciles, judged_by, list_row
from pipelines.outcomes.terms import Terms, TodaysTerms, terms_of
from pipelines.settings.campaign.outcomes import Outcomes

VERSION = 1


@dataclass(frozen=True)
class Question:
    """What is asked for.

    Attributes:
        today: the settings that hold where a published copy says nothing.
        setting: the section `outcomes`.
        marketing: activities by which other campaigns reach customers.
        timezone: in which days begin.
        currency: of money, three letters.
        copies: the folder of published copies.
    """

    today: TodaysTerms
    setting: Outcomes
    marketing: tuple[str, ...]
    timezone: str
    currency: str
    copies: Path


def terms_by_day(ledger: Campaigns, question: Question) -> dict[str, Terms]:
    """The terms of every list that counts, by its day."""
    return {one.as_of: terms_of(one, question.copies, question.today) for one in ledger.lists}


def matured_days(terms: dict[str, Terms], known_until: str) -> list[str]:
    """Days of the lists whose horizon is over."""
    return [day for day, one in terms.items() if one.matures_on is not None and one.matures_on <= known_until]


def report(
    ledger: Campaigns, terms: dict[str, Terms], question: Question, *, known_until: str, stream: Stream | None
) -> dict[str, Any]:
    """Lists and campaigns, and what became of them.

    Args:
        ledger: see assigned.campaigns.
        terms: see terms_by_day.
        question: see Question.
        known_until: the day at whose midnight knowledge ends; that of the stream where there is one.
        stream: the activity; None where no list has matured, and none is needed.
    """
    found = (
        outcomes(ledger.entries, terms, stream, question.marketing, known_until=known_until)
        if stream
        else pd.DataFrame({name: [] for name in OUTCOME})
    )
    found = found.astype({"as_of": "str", "customer_id": "str"})
    rows = ledger.entries.merge(found, on=["as_of", "customer_id"], how="left")
    rows["contacted_arm"] = rows["arm"] == CONTACT
    done = ledger.reports[ledger.reports["what"].isin(REACHED_OUT)]
    contacted = done.groupby("list_id")["customer_id"].nunique()
    lists = [
        list_row(
            one,
            rows[rows["as_of"] == day],
            contacted=int(contacted.get(one.published.list_id, 0)),
            known_until=known_until,
        )
        for day, one in terms.items()
    ]
    by = question.timezone, question.setting, known_until
    return {
        "version": VERSION,
        "known_until": known_until,
        "timezone": question.timezone,
        "currency": question.currency,
        "next_matures_on": min(
            (row["matures_on"] for row in lists if row["matures_on"] and not row["matured"]), default=None
        ),
        "settings": question.setting.model_dump(mode="json"),
        "lists": lists,
        "calibration": _calibration(rows, lists),
        "campaigns": [_campaign(name, ledger, found, terms, by) for name in _names(ledger.lists)],
    }


def _names(lists: Sequence[Any]) -> list[str]:
    return list(dict.fromkeys(one.campaign for one in lists))


def _campaign(
    name: str, ledger: Campaigns, found: pd.DataFrame, terms: dict[str, Terms], by: tuple[str, Outcomes, str]
) -> dict[str, Any]:
    timezone, setting, known_until = by
    own = {day: one for day, one in terms.items() if one.published.campaign == name}
    reports = ledger.reports[ledger.reports["campaign"] == name]
    entries = ledger.entries[ledger.entries["campaign"] == name]
    people = people_of(entries, reports, found, own, known_until=known_until, timezone=timezone)
    return campaign_of(name, people, list(own.values()), setting, known_until=known_until, reported=not reports.empty)


def _calibration(rows: pd.DataFrame, lists: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Deciles of all matured lists of a definition together, by those whom nobody contacted."""
    parts: dict[str, list[pd.DataFrame]] = {}
    for row in lists:
        if row["matured"]:
            own = rows[(rows["as_of"] == row["as_of"]) & rows["left"].notna()]
            parts.setdefault(str(row["definition"]), []).append(judged_by(own, acted=row["reported_contacted"] > 0))
    return [{"definition": name, "lists": len(own), "deciles": deciles(pd.concat(own))} for name, own in parts.items()]
