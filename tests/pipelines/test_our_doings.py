"""The reader `ledger`: our doings are in the stream for rules and outcomes, and change nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipelines.checks.rules import check_activity
from pipelines.runtime.files import digest_of, read_json
from pipelines.settings.params import Settings
from pipelines.settings.reading import Reading, StreamChecks
from pipelines.sources.privacy.pseudonyms import keyed
from pipelines.stages.build_features import build
from pipelines.stages.label_churn import label_definition
from pipelines.stages.pull_activity import check_sources, pull
from pipelines.stages.watch_sources import fingerprint
from tests.conftest import shop_orders
from tests.pipelines.ledgers_for_tests import put, tell

pytestmark = pytest.mark.slow

DAY = "2024-12-02"
KEY = "a key for tests only, never used"
LEDGER = {"our_doings": {"reader": "ledger"}}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shop_orders(customers=60).to_csv("shop.csv", index=False)


def settings(*, ledger: bool = True, **other: Any) -> Settings:
    columns = {"activity_id": "Beleg", "customer_id": "Kunde", "occurred_at": "Zeit", "value": "Betrag"}
    shop = {"reader": "csv", "path": "shop.csv", "columns": columns, "activity": "placed_order"}
    silent = {"kind": "silence", "active_within_days": 56, "horizon_days": 28}
    return Settings.model_validate(
        {
            "timezone": "Europe/Berlin",
            "sources": {"shop": {**shop, "when_negative": "returned_order"}, **(LEDGER if ledger else {})},
            "observations": {"train": {"until": DAY}, "score": {"as_of": DAY}},
            "churn": {"silent": silent},
            "at_risk": {"definition": "silent"},
            **other,
        }
    )


def publish_some(*days: str, customers: str = "00001 contact 1 0.8\n00002 control 2 0.7") -> None:
    for day in days:
        put(day, customers)


def pulled(using: Settings, out: str = "out") -> pd.DataFrame:
    pull(using, "score", Path(out), Path(f"validation/{out}.json"))
    return pq.read_table(f"{out}/activity").to_pandas()


def doings(table: pd.DataFrame) -> list[tuple[str, str, str]]:
    ours = table[table["activity"].str.startswith("was_")].sort_values(["occurred_at", "customer_id"])
    return [(f"{row.occurred_at:%m-%d %H:%M}", row.customer_id, row.activity) for row in ours.itertuples()]


def test_our_doings_are_in_the_stream_up_to_its_moment() -> None:
    publish_some("2024-11-18", "2024-11-25", DAY, "2024-12-09")
    tell("00001", "2024-11-26T10:00:00+01:00", "reached")
    tell("00001", "2024-12-02T10:00:00+01:00", "reached")
    assert doings(pulled(settings())) == [
        ("11-17 23:00", "00001", "was_listed"),
        ("11-17 23:00", "00002", "was_held_out"),
        ("11-24 23:00", "00001", "was_listed"),
        ("11-24 23:00", "00002", "was_held_out"),
        ("11-26 09:00", "00001", "was_contacted"),
    ]


def test_an_empty_ledger_is_a_source_without_rows() -> None:
    assert doings(pulled(settings())) == []
    assert not Path("data").exists()


def test_features_and_labels_are_the_same_with_and_without() -> None:
    publish_some("2024-10-07", "2024-11-25", customers="00001 contact 1 0.8\nstranger control 2 0.7")
    digests = []
    for using, name in ((settings(ledger=False), "without"), (settings(), "with")):
        pulled(using, name)
        build(using, "score", Path(name), Path(f"features_{name}"))
        label_definition(using, "silent", Path(name), Path(f"labels_{name}"))
        digests.append((digest_of(Path(f"features_{name}")), digest_of(Path(f"labels_{name}"))))
    assert digests[0] == digests[1]
    assert digest_of(Path("without")) != digest_of(Path("with"))


def test_no_check_judges_them_and_they_hide_no_silence() -> None:
    publish_some("2024-11-25", customers="\n".join(f"{i:05d} contact {i + 1} 0.8" for i in range(50)))
    pulled(settings())
    report = check_activity(Path("out"), StreamChecks.of(settings(), "score"))
    report.require()
    report.write(Path("judged.json"))
    assert "was_listed" not in Path("judged.json").read_text()
    orders = pd.read_csv("shop.csv")
    orders[pd.to_datetime(orders["Zeit"], utc=True) < "2024-11-10"].to_csv("shop.csv", index=False)
    for day in ("2024-11-27", "2024-11-30", "2024-12-01"):
        publish_some(day)
    with pytest.raises(ValueError, match="stream"):
        pulled(settings())


def test_publishing_is_noticed_and_later_lists_are_not() -> None:
    first = fingerprint(settings(), DAY)
    publish_some("2024-12-09")
    assert fingerprint(settings(), DAY) == first
    publish_some("2024-11-25")
    assert fingerprint(settings(), DAY) != first


def test_one_ledger_is_enough() -> None:
    twice = settings().model_dump()
    twice["sources"]["twice"] = {"reader": "ledger"}
    faults = check_sources(Reading.of(Settings.model_validate(twice)))
    assert faults == ["params.yaml: sources.twice: there is one ledger, and sources.our_doings reads it. Take one out."]


def test_pseudonyms_in_the_ledger_stay_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHURN_ID_KEY", KEY)
    hashed = keyed(KEY.encode(), "00001")
    publish_some("2024-11-25", customers=f"{hashed} contact 1 0.8")
    found = pulled(settings(privacy={"pseudonymise": True}))
    assert [name for _, name, _ in doings(found)] == [hashed]
    assert hashed in set(found.loc[found["activity"] == "placed_order", "customer_id"])
    assert set(found["customer_id"]) == {keyed(KEY.encode(), f"{i:05d}") for i in range(60)} & set(found["customer_id"])


def test_facts_count_them_and_the_catalogue_leaves_them_out() -> None:
    publish_some("2024-11-25")
    pulled(settings())
    assert "was_listed" in read_json(Path("out/facts.json"))["activities"]
    build(settings(), "score", Path("out"), Path("features"))
    assert not [entry for entry in read_json(Path("features/columns.json")) if "was_" in entry["name"]]
