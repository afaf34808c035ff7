"""An export of several tables becomes a stream by params.yaml alone, and nobody is wrongly called gone."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines.modelling.eligibility import eligibility_of
from pipelines.settings.params import Settings
from pipelines.settings.reading import Reading
from pipelines.stages.label_churn import label_definition
from pipelines.stages.pull_activity import check_sources, pull

AS_OF = "2024-11-01"
SUBSCRIPTIONS = {
    "reader": "csv",
    "path": "subscriptions.csv",
    "columns": {"customer_id": "account", "subject": "subscription", "detail": "optional(plan)"},
    "yields": [
        {"activity": "started_subscription", "columns": {"occurred_at": "begin", "value": "monthly"}},
        {"activity": "cancelled_subscription", "columns": {"occurred_at": "finish"}, "where": "finish is not null"},
    ],
}
USAGE = {
    "reader": "csv",
    "path": "usage.csv",
    "identity": "subscription",
    "columns": {"customer_id": "subscription", "subject": "subscription", "occurred_at": "day"},
    "activity": "used_feature",
}
OWNERS = {
    "reader": "csv",
    "path": "subscriptions.csv",
    "system": "subscription",
    "columns": {"id": "subscription", "customer_id": "account"},
}


def export() -> pd.DataFrame:
    """Accounts with overlapping subscriptions, of which some end; and what uses each of them."""
    draw, first = random.Random(2), date(2023, 1, 1)
    rows, usage = [], []
    for number in range(300):
        begin = first + timedelta(days=draw.randrange(700))
        ends = draw.random() < 0.3
        finish = begin + timedelta(days=draw.randrange(1, 200)) if ends else None
        rows.append((f"s{number:03}", f"a{draw.randrange(90):02}", begin, finish, 49.0))
        usage += [(f"s{number:03}", begin + timedelta(days=draw.randrange(60))) for _ in range(2)]
    table = pd.DataFrame(rows, columns=["subscription", "account", "begin", "finish", "monthly"])
    table.to_csv("subscriptions.csv", index=False)
    pd.DataFrame(usage, columns=["subscription", "day"]).to_csv("usage.csv", index=False)
    return table


def settings_of(**identities: Any) -> Settings:
    return Settings.model_validate(
        {
            "sources": {"subscriptions": SUBSCRIPTIONS, "usage": USAGE},
            "identities": {"table": OWNERS | identities},
            "observations": {"train": {"until": AS_OF, "every_days": 28, "count": 4}, "score": {"as_of": AS_OF}},
            "churn": {"left_30d": {"kind": "cancellation", "activity": "used_feature", "horizon_days": 30}},
            "at_risk": {"definition": "left_30d"},
        }
    )


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pipelines.stages.pull_activity._check", lambda *_: None)
    return tmp_path


def running(table: pd.DataFrame, day: str) -> set[str]:
    """Accounts with a subscription that began before a day and has not ended before it."""
    return set(table.loc[(table["begin"].astype(str) < day) & ~(table["finish"].astype(str) < day), "account"])


def test_every_account_with_a_running_subscription_is_a_customer() -> None:
    table, settings = export(), settings_of()
    table["finish"] = table["finish"].map(lambda day: "9999" if day is None else str(day))
    for branch in ("train", "score"):
        pull(settings, branch, Path(branch), Path(f"validation/{branch}.json"), Path("landing"))
    status = eligibility_of("left_30d", settings.churn["left_30d"], Path("score"), as_of=AS_OF, timezone="UTC")
    assert set(status.index[status == "customer"]) == running(table, AS_OF)
    label_definition(settings, "left_30d", Path("train"), Path("labels.parquet"))
    labels = pd.read_parquet("labels.parquet")
    for as_of, own in labels.groupby("as_of"):
        day, end = str(as_of), str(date.fromisoformat(str(as_of)) + timedelta(days=30))
        assert set(own["customer_id"]) == running(table, day)
        left = set(own.loc[own["churned"], "customer_id"])
        assert left <= running(table, day) - running(table, end)
        assert own["value_ahead"].gt(0).all() or left


def test_a_system_is_told_once() -> None:
    export()
    assert not check_sources(Reading.of(settings_of()))
    with pytest.raises(ValueError, match="system tells it already"):
        settings_of(columns={"system": "x", "id": "subscription", "customer_id": "account"})
    with pytest.raises(ValueError, match="customer_id must be mapped too"):
        settings_of(columns={"id": "subscription"})


def test_what_is_not_optional_must_be_there() -> None:
    export()
    wrong = {**SUBSCRIPTIONS, "columns": {**SUBSCRIPTIONS["columns"], "detail": "plan"}}  # type: ignore[dict-item]
    settings = settings_of().model_dump() | {"sources": {"subscriptions": wrong, "usage": USAGE}}
    faults = check_sources(Reading.of(Settings.model_validate(settings)))
    assert any("has no column 'plan'" in fault for fault in faults), faults
