"""The figures of `churn kpi` by other code: plain Python over single activities, Decimals, zoneinfo. And streams."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from features.churn.definition import Definition
from pipelines.outcomes.kpi.report import Asked, Known, Report, report
from pipelines.outcomes.labels import Stream
from pipelines.runtime.files import read_json, write_json
from pipelines.settings.campaign.kpi import Kpi
from tests.conftest import shop_orders
from tests.features.oracle import Did, local_day
from tests.pipelines.activity_folders import write_stream

BERLIN = "Europe/Berlin"
SILENT = Definition("silence", "placed_order", active_within_days=56, horizon_days=28)
NOTHING = Known(None, {}, [])


def instant(text: str, zone: str = BERLIN) -> int:
    """Microseconds of a local time."""
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def shop_stream() -> list[Did]:
    """The test shop as a stream: orders and returns."""
    orders = shop_orders()
    moments = pd.to_datetime(orders["Zeit"], utc=True).astype("datetime64[us, UTC]").astype("int64")
    return [
        Did(who, "placed_order" if money > 0 else "returned_order", int(at), value=abs(money))
        for who, at, money in zip(orders["Kunde"], moments, orders["Betrag"], strict=True)
    ]


def generated_stream(seed: int = 3, customers: int = 60) -> list[Did]:
    """Orders at odd times (midnights, clock changes, the year's end), surveys, mails, points, complaints."""
    random = np.random.default_rng(seed)
    begin, stream = instant("2023-09-15"), []
    edges = [instant(day) for day in ("2023-11-01", "2024-01-01", "2024-03-31", "2024-04-01")]
    for number in range(customers):
        who = f"k{number:03d}"
        day = float(random.uniform(0, 200))
        while day < 300 and random.random() > 0.06:
            at = begin + int(day * 86_400e6)
            stream.append(Did(who, "placed_order", at, value=round(float(random.gamma(2, 20)), 2)))
            extra = random.random(6)
            if extra[0] < 0.2:
                stream.append(Did(who, "answered_nps", at + 5, value=float(random.integers(0, 11))))
            if extra[1] < 0.3:
                stream.append(Did(who, "received_email", at + 7))
                if extra[2] < 0.5:
                    stream.append(Did(who, "opened_email", at + 9))
            if extra[3] < 0.3:
                stream.append(Did(who, "earned_points", at, value=float(random.integers(1, 90))))
            if extra[4] < 0.1:
                stream.append(Did(who, "redeemed_points", at, value=10.0))
            if extra[5] < 0.1:
                stream.append(Did(who, "complained", at))
                stream.append(Did(who, "resolved_complaint", at + int(random.integers(1, 9)) * 43_200_000_000))
            day += float(random.exponential(18))
        stream.append(Did(who, "placed_order", edges[number % 4] - number % 2, value=1.1))
    return stream


def reported(
    folder: Path, stream: list[Did], as_of: str, definition: Definition = SILENT, zone: str = BERLIN
) -> Report:
    """The report of a stream that was cut at a day."""
    write_stream(folder, stream, zone, as_of)
    facts = read_json(folder / "facts.json")
    for name in facts["activities"]:
        facts["activities"][name]["count"] = sum(did.activity == name for did in stream)
    write_json(folder / "facts.json", {**facts, "digest": folder.name})
    asked = Asked(as_of, {"d": definition}, "d", Kpi(), None, zone)
    return report(Stream.of(folder), asked, NOTHING)


def whole(found: Report, grain: str, period: str) -> dict[str, dict[str, object]]:
    """Figure -> row of everybody."""
    return {
        str(row["figure"]): row
        for row in found.rows
        if (row["grain"], row["period"], row["dimension"]) == (grain, period, "all")
    }


class Plain:
    """Figures of one period from single activities; silence, or a subscription that runs until it is cancelled."""

    def __init__(self, stream: list[Did], definition: Definition, zone: str) -> None:
        self.definition, self.did = definition, defaultdict(list)
        for did in sorted(stream, key=lambda one: one.occurred_at):
            self.did[did.customer].append((local_day(did.occurred_at, zone), did))

    def orders(self, who: str, start: date, end: date) -> list[Did]:
        return [one for day, one in self.did[who] if start <= day < end and one.activity in self.definition.paying]

    def is_customer(self, who: str, day: date) -> bool:
        if self.definition.kind == "silence":
            return bool(self.orders(who, day - timedelta(days=self.definition.active_within_days), day))
        own = [one for at, one in self.did[who] if at < day and one.activity in self.definition.activities]
        return bool(own) and own[-1].activity != self.definition.ends

    def left(self, who: str, day: date) -> bool:
        begin = day + timedelta(days=self.definition.gap_days)
        end = begin + timedelta(days=self.definition.horizon_days)
        if self.definition.kind == "silence":
            return not self.orders(who, begin, end)
        own = [one.activity for at, one in self.did[who] if begin <= at < end]
        return self.definition.ends in own

    def figures(self, start: date, end: date) -> dict[str, object]:
        """Counts, money and ratios by figure."""
        everybody = sorted(self.did)
        at_start = {who for who in everybody if self.is_customer(who, start)}
        at_end = {who for who in everybody if self.is_customer(who, end)}
        before = {who for who in everybody if self.orders(who, date.min, start)}
        bought = {who: own for who in everybody if (own := self.orders(who, start, end))}
        money = {who: sum((Decimal(str(one.value)) for one in own), Decimal()) for who, own in bought.items()}
        revenue, orders = sum(money.values(), Decimal()), sum(map(len, bought.values()))
        new = at_end - at_start - before
        back = (at_end - at_start) & before
        returning = sum((money[who] for who in bought if who in before), Decimal())
        return {
            "customers_start": len(at_start),
            "customers_end": len(at_end),
            "new": len(new),
            "won_back": len(back),
            "lost": len(at_start - at_end),
            "retention_rate": len(at_start & at_end) / len(at_start),
            "retention_rate_textbook": (len(at_end) - len(new)) / len(at_start),
            "churn_rate": len(at_start - at_end) / len(at_start),
            "churn_rate_horizon": sum(self.left(who, start) for who in at_start) / len(at_start),
            "churn_rate_no_order": len(at_start - set(bought)) / len(at_start),
            "active": len(bought),
            "orders": orders,
            "revenue": revenue,
            "average_order_value": revenue / max(orders, 1),
            "purchase_frequency": orders / max(len(bought), 1),
            "revenue_per_customer": revenue / max(len(bought), 1),
            "repeat_purchase_rate": sum(len(own) > 1 for own in bought.values()) / max(len(bought), 1),
            "returning_revenue_share": returning / max(revenue, Decimal(1)),
        }

    def counted(self, activity: str, start: date, end: date) -> list[Did]:
        """Activities of one kind in a period."""
        return [one for own in self.did.values() for day, one in own if start <= day < end and one.activity == activity]
