"""A small shop with everything that the list is made from: activity, features, scores, a champion, reports."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.activity import ACTIVITY_SCHEMA
from features.cohorts import Cohorts, whole_months
from models.churn_model import ChurnModel
from models.columns import Columns
from models.decision import ranking
from models.learners import calibration
from models.learners.logistic import Linear
from models.segments import Quintiles, roles
from models.sums import write_sums
from pipelines.at_risk.explain import explain_customer
from pipelines.at_risk.fingerprint import fingerprint_of_list
from pipelines.rendering.context import Week
from pipelines.rendering.language.language import Language
from pipelines.settings.decision import ListMoment, ListPolicy
from pipelines.settings.params import Settings
from pipelines.settings.reading import ContactReading
from pipelines.stages.make_list import Inputs

SEGMENTS = ("regular", "high value", "hibernating")
DAY, DEFINITION = "2024-03-04", "silent_28d"
LAST = "Last order {placed_order_days_since_last:.0f} days ago; usually every {placed_order_gap_mean:.0f} days"

FACTS = {
    "digest": "ab" * 32,
    "rows": 40,
    "customers": 40,
    "has_recorded_at": False,
    "activities": {"placed_order": {"count": 40}},
}
GROUPS = {
    f"group_{place:02d}": {"customers": 50, "promised": place * 0.06, "observed": place * 0.055}
    for place in range(1, 11)
}
METRICS = {
    "calibration": GROUPS,
    "test": {
        "as_of": "2024-04-01",
        "customers": 400,
        "precision_at_10": 0.49,
        "churn_rate": 0.13,
        "roc_auc": 0.85,
        "ece": 0.015,
    },
    "grade": {"grade": "A", "best_baseline": "days_since_last", "text": "..."},
}


def column(name: str, family: str, measure: str, **other: Any) -> dict[str, Any]:
    """An entry of columns.json."""
    plain = {"activity": "placed_order", "days": None, "unit": "days", "silence": 0, "low": 0, "high": None}
    return {"name": name, "family": family, "measure": measure, **plain, "monotone": 0, "higher_is_worse": None} | {
        "sentence": "",
        **other,
    }


COLUMNS = [
    column(
        "placed_order_days_since_last", "recency", "days_since_last", silence=1000, higher_is_worse=True, sentence=LAST
    ),
    column("placed_order_gap_mean", "rhythm", "gap_mean", silence=1000),
    column(
        "placed_order_count_91d",
        "frequency",
        "count",
        days=91,
        unit="activities",
        higher_is_worse=False,
        sentence="{placed_order_count_91d:.0f} orders in the last 91 days",
    ),
    column(
        "placed_order_total_value_91d",
        "money",
        "total_value",
        days=91,
        unit="money",
        higher_is_worse=False,
        sentence="{placed_order_total_value_91d:,.2f} spent in the last 91 days",
    ),
    column("placed_order_days_since_first", "tenure", "days_since_first"),
]
NAMES = [entry["name"] for entry in COLUMNS]


def settings(**at_risk: Any) -> Settings:
    """Settings of the shop; `at_risk` overrides that section."""
    silence = {
        "kind": "silence",
        "activity": "placed_order",
        "active_within_days": 56,
        "gap_days": 0,
        "horizon_days": 28,
    }
    return Settings.model_validate(
        {
            "sources": {"shop": {"reader": "csv", "path": "shop.csv", "activity": "placed_order"}},
            "observations": {"train": {"until": DAY}, "score": {"as_of": DAY}},
            "churn": {DEFINITION: silence},
            "at_risk": {"definition": DEFINITION, "capacity": 12, **at_risk},
        }
    )


def moment() -> ListMoment:
    """That of the shop's list."""
    return ListMoment.of(settings())


def explained(customer: str, chosen: Settings, data: Path) -> str:
    """What `churn explain` says."""
    language = Language(chosen.language, chosen.currency, chosen.activities)
    return explain_customer(customer, ListPolicy.of(chosen), ContactReading.of(chosen), language, data)


def fingerprint(chosen: Settings) -> dict[str, Any]:
    """Of what only the list reads."""
    return fingerprint_of_list(ListMoment.of(chosen), chosen.at_risk, ContactReading.of(chosen), chosen.activities)


def features(customers: int = 40) -> pd.DataFrame:
    """Customers `0000`, `0001`, ...: the later, the longer silent, the fewer orders; the last three left long ago."""
    place = np.arange(customers, dtype="float64")
    since = 1 + np.floor(place * 50 / customers)
    since[-3:] = 70
    count = np.ceil(20 - place * 18 / customers)
    numbers = [since, 5 + place % 4, count, count * (10 + place % 7), 90 + place]
    table = pd.DataFrame(dict(zip(NAMES, numbers, strict=True)), dtype="float32")
    table.insert(0, "customer_id", [f"{number:04d}" for number in range(customers)])
    table.insert(1, "as_of", pd.Timestamp(DAY).date())
    return table


def model(table: pd.DataFrame) -> ChurnModel:
    """Longer silent and fewer orders: more likely to leave."""
    known = Columns.fit(table)
    x = known.matrix(table)
    left = (table["placed_order_days_since_last"] > 30).to_numpy(dtype=float)
    return ChurnModel(
        definition={"activity": "placed_order"},
        columns_info=COLUMNS,
        profile={},
        known=known,
        boosters=None,
        linear=Linear.fit(x, left, penalty=1.0),
        logistic_share=1.0,
        calibration=calibration.NONE,
        quintiles=Quintiles.fit(table, roles(COLUMNS, "placed_order")),
        value=None,
    )


def scores(table: pd.DataFrame, champion: ChurnModel, *, money: bool = True) -> pd.DataFrame:
    """Everyone who ordered in the last 56 days."""
    eligible = table[table["placed_order_days_since_last"] <= 56].reset_index(drop=True)
    chance = champion.predict(eligible)
    worth = eligible["placed_order_total_value_91d"].to_numpy("float64") if money else np.full(len(eligible), np.nan)
    return pd.DataFrame(
        {
            "customer_id": eligible["customer_id"],
            "as_of": eligible["as_of"],
            "churn_probability": chance,
            "expected_value": worth,
            "value_at_risk": chance * worth,
            "model_version": champion.digest,
        }
    )


def activity(table: pd.DataFrame) -> pa.Table:
    """One last order each, as long ago as the features say."""
    midnight = datetime.fromisoformat(DAY).replace(tzinfo=UTC)
    ago = [midnight - timedelta(days=float(days)) for days in table["placed_order_days_since_last"]]
    rows = {
        "activity_id": [f"a{i}" for i in range(len(ago))],
        "customer_id": list(table["customer_id"]),
        "occurred_at": ago,
    }
    rows |= {"activity": ["placed_order"] * len(ago), "value": [10.0] * len(ago)}
    empty = {name: [None] * len(ago) for name in ACTIVITY_SCHEMA.names if name not in rows}
    return pa.Table.from_pydict({**rows, **empty}, schema=ACTIVITY_SCHEMA)


@dataclass(frozen=True)
class Shop:
    """A folder `data` and what was written into it."""

    data: Path
    features: pd.DataFrame
    scores: pd.DataFrame
    model: ChurnModel

    @property
    def inputs(self) -> Inputs:
        places = {"scores": "scores", "features": "features/score", "activity": "activity/score"}
        places |= {"champion": "champion", "reports": "validation"}
        return Inputs(**{name: self.data / place for name, place in places.items()})

    @property
    def out(self) -> Path:
        return self.data / "at_risk" / DAY

    def report(self, name: str, *, passed: bool = True) -> None:
        text = json.dumps({"passed": passed, "checks": 7, "failed": 0 if passed else 2})
        (self.data / "validation" / f"{name}.json").write_text(text)


def shop(folder: Path, *, money: bool = True, ids: Sequence[str] = ()) -> Shop:
    """Write the shop's folders under `folder`/data. `ids`: of its customers, if they are to have others."""
    data, table = folder / "data", features(len(ids) or 40)
    if ids:
        table["customer_id"] = list(ids)
    champion = model(table)
    made = Shop(data, table, scores(table, champion, money=money), champion)
    for place in ("scores", "features/score", "activity/score/activity", "validation"):
        (data / place).mkdir(parents=True)
    keep = {"preserve_index": False}
    pq.write_table(pa.Table.from_pandas(made.scores, **keep), data / f"scores/{DEFINITION}.parquet")
    pq.write_table(pa.Table.from_pandas(table, **keep), data / f"features/score/{DAY}.parquet")
    pq.write_table(activity(table), data / "activity/score/activity/2024-02.parquet")
    (data / "activity/score/facts.json").write_text(json.dumps(FACTS))
    champion.save(data / "champion" / DEFINITION)
    (data / "champion" / DEFINITION / "champion.json").write_text(json.dumps({"metrics": METRICS}))
    write_sums(data / "champion" / DEFINITION)
    for name in ("activity_score", "features_score", f"scores_{DEFINITION}"):
        made.report(name)
    return made


def week(table: pd.DataFrame, **other: Any) -> Week:
    """Everything that a page may say beside such a list; `other` overrides."""
    starts = whole_months(DAY)
    triangle = Cohorts(
        tuple(starts[:-1]), tuple(40 + place for place in range(12)), tuple(
            tuple(40 + place - later for later in range(12 - place)) for place in range(12)
        )
    )  # fmt: skip
    random = np.random.default_rng(3)
    weeks = {name: random.poisson(0.4, 52).tolist() for name in table["customer_id"]}
    topics = ["placed order: time since the last", "placed order: how often", "complained", ""]
    ids = sorted(table["customer_id"])
    known: dict[str, Any] = {
        "timelines": weeks,
        "doing": ("order", "orders"),
        "cohorts": triangle,
        "first_month": starts[0],
        "calibration": tuple(GROUPS.values()),
        "topics": [topics[place % 4] for place in range(len(table))],
        "data_end": "2024-03-03",
        "last": {"as_of": "2024-02-26", "customers": [*ids[10:], "gone-1", "gone-2"], "value_at_risk": 100.0},
        "suppressed": {"no_consent": 12, "contacted_lately": 9},
        "control": 31,
        "win_back": 45,
        "ordered_since": 3,
        "power": "With 300 customers a week an effect below 9 points will not be provable.",
        "next_100": "The next 100 customers would have brought $512.",
    }
    return Week(**known | other)


def undecided(table: pd.DataFrame) -> pd.DataFrame:
    """The list with no column that a playbook would fill: a page has to work without."""
    return table.drop(
        columns=["expected_net_value", "change", "action", "channel", "owner", "send_by", "group"], errors="ignore"
    )


def decided(table: pd.DataFrame) -> pd.DataFrame:
    """The list with every column that it can have."""
    place = np.arange(len(table))
    worth = (table["value_at_risk"] * 0.3 - 2).round(6)
    more = {
        "expected_net_value": worth,
        "change": np.where(place % 3 == 0, "New on the list", np.where(place % 3 == 1, "", "Risk up from 31% to 48%")),
        "action": np.where(place % 2 == 0, "Personal call", "Points reminder"),
        "channel": np.where(place % 2 == 0, "phone", "e-mail"),
        "owner": np.array(["Kim", "Noor", ""])[place % 3],
        "send_by": pd.Timestamp("2024-03-08").date(),
        "group": "contact",
        "name": [f"Zoë Ünal {number}" for number in place],
        "email": [f"zoe{number}@example.org" for number in place],
        "phone": [f"+44 20 7946 0{number:03d}" for number in place],
    }
    return table.assign(**more)


def made(customers: int = 250, *, money: bool = True, others: bool = False) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The list and the scores that it was cut from."""
    random = np.random.default_rng(5)
    chance = random.beta(1, 4, customers * 2)
    worth = random.gamma(3, 40, customers * 2) if money else np.full(customers * 2, np.nan)
    scores = pd.DataFrame({"customer_id": [f"{n:05d}" for n in range(customers * 2)], "churn_probability": chance})
    scores = scores.assign(expected_value=worth, value_at_risk=chance * worth, model_version="ab" * 32)
    scores["as_of"] = pd.Timestamp(DAY).date()
    more = {"silent_56d": scores.head(100)} if others else {}
    floors = ranking.tier_floors(ranking.base_rate(scores), settings().at_risk.tiers.odds())
    ranked = ranking.with_ranks(scores.assign(expected_net_value=scores["value_at_risk"] * 3 - 5)).head(customers)
    said = [
        [f"Last order {place + 2} days ago; usually every 9 days", "2 orders in the last 91 days"]
        for place in range(len(ranked))
    ]
    said[0] = ["</script><img src=x onerror=alert(1)>", "=1+1"]
    said[1] = []
    decided = ranked.assign(
        risk_tier=ranking.risk_tiers(ranked["churn_probability"], floors),
        segment=[SEGMENTS[place % 3] for place in range(len(ranked))],
        change="New on the list",
        action=[("personal call", "win-back offer")[place % 2] for place in range(len(ranked))],
        channel=[("phone", "email")[place % 2] for place in range(len(ranked))],
        owner="retention team",
        send_by=pd.Timestamp("2024-03-08").date(),
        group="contact",
    )
    listed = ranking.list_table(ranking.with_further_definitions(ranking.with_reasons(decided, said), more))
    return listed, scores
