"""Every preset turns an export in its documented shape into the expected activities; all of them can be overridden."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from pipelines.commands.sources import checked, listed
from pipelines.runtime.errors import ChurnError
from pipelines.settings.presets.catalogue import expanded, presets
from tests.pipelines.presets_for_tests import EXPECTED, activities, fixture_of, settings_of

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


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
    assert not preset.compared.startswith(("nothing", "none"))
    assert {row[2] for row in EXPECTED[name]} <= set(preset.activities())
    assert {"customer_id", "occurred_at"} <= set(preset.fields())


def test_the_vendors_that_were_promised_are_there() -> None:
    promised = """salesforce_accounts salesforce_opportunities salesforce_cases salesforce_campaign_members
        hubspot_contacts hubspot_deals hubspot_tickets hubspot_engagements zoho_contacts zoho_deals zoho_cases
        ga4_events shopify_orders stripe_subscriptions stripe_invoices zendesk_tickets mailchimp_activity klaviyo_events
        typeform surveymonkey qualtrics smile_points smile_tiers smile_referrals hootsuite_conversations
        hootsuite_mentions sprout_messages sprout_mentions"""
    by_hand = """zoho_contacts_export zoho_deals_export zoho_cases_export
        stripe_subscriptions_export stripe_invoices_export stripe_subscriptions_api"""
    assert set(presets()) == {*promised.split(), *by_hand.split()}
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
    with pytest.raises(ChurnError) as problem:
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
    with pytest.raises(ChurnError, match="Did you mean stripe_invoices"):
        listed("stripe_invoice")


def test_a_check_shows_the_first_rows_and_writes_nothing(here: Path) -> None:
    name = "shopify_orders"
    settings = settings_of(shop={"preset": name, "path": fixture_of(name)})
    before = sorted(here.rglob("*"))
    lines = checked(settings, rows=1)
    assert lines == [
        "shop:",
        "  placed_order: 2 by 2 customers, 2024-03-01 to 2024-03-02",
        "  returned_order: 1 by 1 customer, 2024-03-02 to 2024-03-02",
        "  saved_with_coupon: 1 by 1 customer, 2024-03-01 to 2024-03-01",
        "  customer_id    occurred_at          activity      value  quantity  detail",
        "  a@example.org  2024-03-01 09:00:00  placed_order  45.0             web",
        (
            "  placed_order: of 6 rows 2 became activities; "
            "2 further lines of the same orders, 1 voided, 1 without a customer."
        ),
        (
            "  returned_order: of 6 rows 1 became an activity; "
            "2 further lines of the same orders, 1 voided, 2 not meant (where)."
        ),
        (
            "  saved_with_coupon: of 6 rows 1 became an activity; "
            "2 further lines of the same orders, 1 voided, 2 not meant (where)."
        ),
        "",
        (
            "Values of placed_order, returned_order, saved_with_coupon are in EUR, and params.yaml says currency: USD. "
            "Set currency: EUR, or exchange_rates to convert them."
        ),
        "Days and times are those of UTC.",
    ]
    assert sorted(here.rglob("*")) == before


def test_one_preset_in_full_shows_how_its_file_is_made() -> None:
    shown = listed("sprout_messages")
    assert shown[0] == "Sprout Social messages"
    assert "Then: jq -c '.data[]' answers/sprout_messages/*.json > exports/sprout_messages.json" in shown
    assert not [line for line in listed("shopify_orders") if line.startswith("Then:")]
    assert max(map(len, shown)) < 130


def test_an_answer_that_was_not_taken_apart_is_noticed() -> None:
    Path("answer.json").write_text('{"data": [{"guid": "1", "from": {"guid": "2"}}], "paging": {"next_cursor": "x"}}')
    with pytest.raises(ChurnError) as problem:
        checked(settings_of(social={"preset": "sprout_messages", "path": "answer.json"}))
    said = [fault for fault in problem.value.faults if "sources.social" in fault]
    assert ["API's whole answer" in fault for fault in said] == [True] + [False] * (len(said) - 1)
    assert said[0] == (
        "params.yaml: sources.social.columns.activity_id: answer.json has no column 'guid'. "
        "Its columns: data, paging, paging.next_cursor. If this is an API's whole answer, make a file of the objects "
        "in it, such as jq -c '.data[]' answer.json (`churn sources show` has the command of each preset)."
    )


def test_a_file_that_another_preset_reads_is_known_by_its_columns() -> None:
    path = fixture_of("stripe_subscriptions_export")
    with pytest.raises(ChurnError) as problem:
        checked(settings_of(bills={"preset": "stripe_subscriptions", "path": path}))
    *said, likeness = [fault for fault in problem.value.faults if "sources.bills" in fault]
    assert said[0] == (
        "params.yaml: sources.bills.yields, entry 1, columns.customer_id: stripe_subscriptions_export.csv has no "
        "column 'customer_id'. Did you mean Customer ID?"
    )
    assert [fault.partition("has no column ")[2].split("'")[1] for fault in said] == [
        "customer_id",
        "price_id",
        "start_date",
        "canceled_at",
        "cancellation_reason",
    ]
    assert likeness == (
        "params.yaml: sources.bills.preset: stripe_subscriptions_export would fit stripe_subscriptions_export.csv."
    )


def test_a_score_that_was_not_given_is_none_and_no_sentiment_at_all() -> None:
    source = {"preset": "hootsuite_mentions", "path": fixture_of("hootsuite_mentions")}
    assert [row[3] for row in activities(source)] == [1, -0.4, 0, None]
