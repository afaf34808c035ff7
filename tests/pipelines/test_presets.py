"""Every preset turns an export in its documented shape into the expected activities; all of them can be overridden."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from pipelines import params
from pipelines.look_at_sources import checked, listed
from pipelines.presets import expanded, presets
from pipelines.problems import Problem
from pipelines.sources.quarantine import reasons
from pipelines.sources.readers import check_sources, read_sources
from pipelines.sources.stream import connect

pytestmark = pytest.mark.slow

FIXTURES = Path(__file__).parent / "presets"
EXPECTED = yaml.safe_load((FIXTURES / "expected.yaml").read_text())
VALUE = pa.struct([("string_value", pa.string()), ("int_value", pa.int64())])
GA4 = pa.schema(  # as BigQuery exports it, as far as the fixture goes
    [
        ("event_date", pa.string()),
        ("event_timestamp", pa.int64()),
        ("event_name", pa.string()),
        ("user_id", pa.string()),
        ("user_pseudo_id", pa.string()),
        ("device", pa.struct([("category", pa.string())])),
        ("event_params", pa.list_(pa.struct([("key", pa.string()), ("value", VALUE)]))),
        (
            "ecommerce",
            pa.struct(
                [
                    ("transaction_id", pa.string()),
                    ("purchase_revenue", pa.float64()),
                    ("total_item_quantity", pa.int64()),
                ]
            ),
        ),
    ]
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fixture_of(name: str) -> str:
    """A copy of a preset's fixture in the present folder, in the format that the export has."""
    ending = presets()[name].source["reader"]
    if ending == "parquet":
        rows = json.loads((FIXTURES / f"{name}.json").read_text())
        pq.write_table(pa.Table.from_pylist(rows, schema=GA4), f"{name}.parquet")
    else:
        shutil.copy(FIXTURES / f"{name}.{ending}", ".")
    return f"{name}.{ending}"


def settings_of(**sources: dict[str, Any]) -> params.Settings:
    content = {
        "sources": sources,
        "observations": {"train": {"until": "2024-06-01"}, "score": {"as_of": "2024-06-01"}},
        "churn": {
            "silent": {
                "kind": "silence",
                "activity": params.load(Path(__file__).parents[2] / "params.yaml").main_activity,
                "active_within_days": 56,
                "horizon_days": 28,
            }
        },
        "at_risk": {"definition": "silent"},
    }
    Path("params.yaml").write_text(yaml.safe_dump(content))
    return params.load()


def activities(source: dict[str, Any]) -> list[list[Any]]:
    settings = settings_of(it=source)
    faults = [fault for fault in check_sources(settings) if ".churn." not in fault and "churn.silent" not in fault]
    assert faults == []
    con = connect()
    read_sources(con, settings)
    assert reasons(con) == {}
    found = con.execute(
        "select customer_id, strftime(occurred_at, '%Y-%m-%d %H:%M:%S'), activity, value, quantity, detail "
        "from stream order by occurred_at, activity, customer_id"
    ).fetchall()
    assert con.execute("select count(distinct activity_id) from stream").fetchall() == [(len(found),)]
    return [list(row) for row in found]


@pytest.mark.parametrize("name", sorted(presets()))
def test_a_preset_turns_its_export_into_the_expected_activities(name: str) -> None:
    assert activities({"preset": name, "path": fixture_of(name)}) == EXPECTED[name]


@pytest.mark.parametrize("name", [name for name in sorted(presets()) if presets()[name].source["reader"] == "csv"])
def test_the_same_table_with_types_of_its_own_gives_the_same(name: str) -> None:
    fixture_of(name)
    duckdb.sql(f"copy (from read_csv('{name}.csv')) to '{name}.parquet'")
    source = {"preset": name, "reader": "parquet", "path": f"{name}.parquet"}
    assert activities(source) == EXPECTED[name]


@pytest.mark.parametrize("name", sorted(presets()))
def test_a_preset_says_where_its_columns_are_documented(name: str) -> None:
    preset = presets()[name]
    assert preset.documented.startswith("https://")
    assert preset.compared
    assert {row[2] for row in EXPECTED[name]} <= set(preset.activities())
    assert {"customer_id", "occurred_at"} <= set(preset.fields())


def test_the_vendors_that_were_promised_are_there() -> None:
    promised = """salesforce_accounts salesforce_opportunities salesforce_cases salesforce_campaign_members
        hubspot_contacts hubspot_deals hubspot_tickets hubspot_engagements zoho_contacts zoho_deals zoho_cases
        ga4_events shopify_orders stripe_subscriptions stripe_invoices zendesk_tickets mailchimp_activity klaviyo_events
        typeform surveymonkey qualtrics smile_points smile_tiers smile_referrals hootsuite_conversations
        hootsuite_mentions sprout_messages sprout_mentions"""
    assert set(presets()) == set(promised.split())
    assert set(EXPECTED) == set(presets())


@pytest.mark.parametrize("name", ["typeform", "surveymonkey", "qualtrics"])
@pytest.mark.parametrize("activity", ["answered_csat", "answered_ces"])
def test_another_survey_is_another_activity_of_the_same_preset(name: str, activity: str) -> None:
    found = activities({"preset": name, "path": fixture_of(name), "activity": activity})
    assert found == [[*row[:2], activity, *row[3:]] for row in EXPECTED[name]]


def test_settings_beside_a_preset_override_it() -> None:
    source = {"preset": "salesforce_cases", "path": fixture_of("salesforce_cases")}
    source["columns"] = {"customer_id": "ContactId", "detail": "Priority"}
    assert [row[0] for row in activities(source | {"where": "Status = 'New'"})] == ["003000000000002AAA"] * 2
    found = activities(source | {"activity": "raised_case"})
    assert [[*row[:1], *row[2:]] for row in found] == [
        ["003000000000001AAA", "raised_case", None, None, "Low"],
        ["003000000000002AAA", "raised_case", None, None, "High"],
    ]


def test_visitors_may_be_the_customers_where_nobody_logs_in() -> None:
    source = {"preset": "ga4_events", "path": fixture_of("ga4_events"), "columns": {"customer_id": "user_pseudo_id"}}
    assert "3.3" in {row[0] for row in activities(source)}


def test_an_unknown_preset_is_named_with_the_nearest() -> None:
    with pytest.raises(Problem) as problem:
        settings_of(a={"preset": "salesforce_case", "path": "x.csv"}, b={"preset": "shopfy_orders", "path": "x.csv"})
    assert problem.value.faults == (
        (
            "params.yaml: sources.a.preset: 'salesforce_case' is not a preset. Did you mean salesforce_cases? "
            "`churn sources` lists them all."
        ),
        (
            "params.yaml: sources.b.preset: 'shopfy_orders' is not a preset. Did you mean shopify_orders? "
            "`churn sources` lists them all."
        ),
    )


def test_presets_are_never_changed_by_using_them() -> None:
    before = presets()["salesforce_cases"].model_dump_json()
    expanded({"sources": {"x": {"preset": "salesforce_cases", "path": "x", "where": "a = 1", "activity": "x"}}})
    assert presets()["salesforce_cases"].model_dump_json() == before


def test_the_list_of_presets_names_every_field() -> None:
    said = "\n".join(listed())
    for name, preset in presets().items():
        assert f"\n{name}\n" in f"\n{said}"
        assert all(activity in said for activity in preset.activities())
    shown = "\n".join(listed("stripe_invoices"))
    assert "amount_paid" in shown
    assert "stripe_invoices: {preset: stripe_invoices, path: exports/stripe_invoices*.csv}" in shown
    with pytest.raises(Problem, match="Did you mean stripe_invoices"):
        listed("stripe_invoice")


def test_a_check_shows_the_first_rows_and_writes_nothing(here: Path) -> None:
    name = "shopify_orders"
    settings = settings_of(shop={"preset": name, "path": fixture_of(name)})
    before = sorted(here.rglob("*"))
    lines = checked(settings, rows=1)
    assert lines == [
        "shop:",
        "  placed_order: 2 by 2 customers, 2024-03-01 to 2024-03-02",
        "  saved_with_coupon: 1 by 1 customers, 2024-03-01 to 2024-03-01",
        "  customer_id    occurred_at          activity      value  quantity  detail",
        "  a@example.org  2024-03-01 09:00:00  placed_order  45.0             web",
    ]
    assert sorted(here.rglob("*")) == before
