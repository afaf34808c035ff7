"""Money: minor units by currency, several currencies refused or converted at the day's rate; states of orders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.commands.doctor.run import diagnose
from pipelines.commands.sources import checked
from pipelines.runtime.errors import ChurnError
from pipelines.settings.params import Settings
from pipelines.settings.presets.catalogue import expanded
from pipelines.settings.reading import Reading
from pipelines.sources.registry import read_sources
from pipelines.sources.stream import connect

STRIPE = "id,customer_id,date,amount_paid,amount_due,currency,status,billing_reason,attempt_count\n"
BILLS = {
    "usd": "in_1,cus_1,2024-02-01 09:00:00,1999,1999,usd,paid,subscription_create,1",
    "jpy": "in_2,cus_2,2024-02-03 09:00:00,1200,1200,jpy,paid,subscription_create,1",
    "kwd": "in_3,cus_3,2024-02-04 09:00:00,5120,5120,kwd,paid,subscription_create,1",
    "isk": "in_4,cus_4,2024-02-04 23:30:00,500,500,isk,paid,subscription_create,1",
}
RATES = "date,from,worth\n2024-01-31,JPY,0.01\n2024-02-02,JPY,0.0067\n2024-02-04,JPY,1\n2024-02-01,KWD,3.25\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings_of(source: dict[str, Any], activity: str = "paid_invoice", **more: Any) -> Settings:
    return Settings.model_validate(
        expanded(
            {
                "sources": {"it": source},
                "observations": {"train": {"until": "2024-06-01"}, "score": {"as_of": "2024-06-01"}},
                "churn": {
                    "silent": {"kind": "silence", "activity": activity, "active_within_days": 56, "horizon_days": 28}
                },
                "at_risk": {"definition": "silent"},
            }
            | more
        )
    )


def bills(*currencies: str, **more: Any) -> Settings:
    Path("bills.csv").write_text(STRIPE + "".join(f"{BILLS[one]}\n" for one in currencies))
    return settings_of({"preset": "stripe_invoices", "path": "bills.csv"}, **more)


def rates(content: str = RATES) -> dict[str, Any]:
    Path("rates.csv").write_text(content)
    columns = {"day": "date", "currency": "from", "rate": "worth"}
    return {"reader": "csv", "path": "rates.csv", "columns": columns}


def values(read: Settings) -> dict[str, float]:
    con = connect()
    read_sources(con, Reading.of(read))
    return dict(
        con.execute("select customer_id, value from stream where activity <> 'renewed_subscription'").fetchall()
    )


@pytest.mark.parametrize(("currency", "value"), [("usd", 19.99), ("jpy", 1200.0), ("kwd", 5.12), ("isk", 5.0)])
def test_minor_units_are_those_of_the_currency(currency: str, value: float) -> None:
    read = bills(currency)
    assert list(values(read).values()) == [value]
    said = any("Set currency: " in line for line in checked(read, rows=1))
    assert said == (currency != "usd")


def test_several_currencies_are_refused_with_their_counts_and_the_setting() -> None:
    read = bills("usd", "jpy", "kwd")
    told = "paid_invoice has values in several currencies: JPY 1, KWD 1, USD 1. They are not added up."
    assert any(f"params.yaml: exchange_rates: {told}" in line for line in checked(read, rows=1))
    with pytest.raises(ChurnError, match="several currencies"):
        diagnose(read)


def test_values_are_converted_at_the_nearest_earlier_rate() -> None:
    read = bills("usd", "jpy", "kwd", exchange_rates=rates())
    assert values(read) == {"cus_1": 19.99, "cus_2": 8.04, "cus_3": 16.64}
    assert not any("several currencies" in line for line in checked(read, rows=1))


def test_values_without_a_rate_are_bad_rows_that_name_their_currencies() -> None:
    read = bills("usd", "isk", exchange_rates=rates())
    said = "\n".join(checked(read, rows=1))
    assert (
        "bills.csv: 1 of 2 rows has a currency without a rate on the day or before (line 3; for example 'ISK')" in said
    )
    assert "Add the days and currencies that are missing to exchange_rates." in said


def test_rates_that_are_none_or_differ_within_a_day_are_refused() -> None:
    with pytest.raises(ChurnError, match="1 rows have no day, no currency, or no rate above 0"):
        values(bills("usd", exchange_rates=rates(RATES + "2024-02-09,EUR,\n")))
    with pytest.raises(ChurnError, match="JPY has several rates on 2024-02-02"):
        values(bills("usd", exchange_rates=rates(RATES + "2024-02-02,JPY,0.5\n")))
    with pytest.raises(ChurnError, match=r"columns\.rate: rates\.csv has no column 'worth'"):
        diagnose(bills("usd", exchange_rates=rates("date,from,wort\n2024-01-01,JPY,1\n")))


ORDER = "Name,Email,Financial Status,Paid at,Fulfilled at,Currency,Total,Discount Code,Discount Amount,Created at,"
ORDER += "Cancelled at,Refunded Amount,Source\n"
STATES = """#1,a@example.org,paid,2024-03-01 10:01:00,,USD,10,,0,2024-03-01 10:00:00,,0,web
#1,a@example.org,,,,,,,,2024-03-01 10:00:00,,,
#2,b@example.org,refunded,2024-03-02 10:01:00,,USD,20,,0,2024-03-02 10:00:00,2024-03-05 09:00:00,20,web
#3,c@example.org,Partially_Refunded,2024-03-03 10:01:00,2024-03-04 08:00:00,USD,30,,0,2024-03-03 10:00:00,,5,web
#4,d@example.org,voided,,,USD,40,,0,2024-03-04 10:00:00,2024-03-04 12:00:00,0,web
#5,e@example.org,expired,,,USD,50,,0,2024-03-05 10:00:00,,0,web
#6,f@example.org,pending,,,USD,60,,0,2024-03-06 10:00:00,,0,web
#7,g@example.org,,,,USD,70,,0,2024-03-07 10:00:00,2024-03-07 12:00:00,0,web
#8,,paid,2024-03-08 10:01:00,,USD,80,,0,2024-03-08 10:00:00,,0,pos
"""


def test_what_was_never_paid_is_no_order_and_what_went_back_is_a_return() -> None:
    Path("orders.csv").write_text(ORDER + STATES)
    read = settings_of({"preset": "shopify_orders", "path": "orders.csv"}, "placed_order")
    con = connect()
    read_sources(con, Reading.of(read))
    assert con.execute(
        "select customer_id[1], activity, value, strftime(occurred_at, '%d %H:%M') from stream order by all"
    ).fetchall() == [
        ("a", "placed_order", 10.0, "01 10:00"),
        ("b", "placed_order", 20.0, "02 10:00"),
        ("b", "returned_order", 20.0, "05 09:00"),
        ("c", "placed_order", 30.0, "03 10:00"),
        ("c", "returned_order", 5.0, "04 08:00"),
    ]
    said = next(line for line in checked(read, rows=1) if line.startswith("  placed_order: of"))
    for part in ("of 9 rows 3 became", "1 voided", "1 expired", "1 not paid yet", "1 cancelled and never paid"):
        assert part in said
    assert "1 without a customer" in said


def test_a_reason_of_a_preset_can_be_taken_away() -> None:
    Path("orders.csv").write_text(ORDER + STATES)
    source = {"preset": "shopify_orders", "path": "orders.csv", "exclude": {"not paid yet": None}}
    con = connect()
    read_sources(con, Reading.of(settings_of(source, "placed_order")))
    counted = con.execute("select count(*) from stream where activity = 'placed_order'").fetchall()
    assert counted == [(4,)]


def test_optional_columns_are_optional_and_told() -> None:
    ticket = {"id": 1, "requester_id": 7, "created_at": "2024-03-01T10:00:00Z", "updated_at": "2024-03-01T10:00:00Z"}
    Path("tickets.json").write_text(json.dumps(ticket) + "\n")
    read = settings_of({"preset": "zendesk_tickets", "path": "tickets.json"}, "contacted_support")
    said = "\n".join(checked(read, rows=1))
    assert "contacted_support: of 1 row every one became an activity." in said
    assert "answered_csat: of 1 row 0 became activities; 1 not read, for there is no column" in said
    assert "sources.it: tickets.json has nothing for detail: it stays empty." in said
    Path("tickets.json").write_text(json.dumps({"id": 1, "requester": 7, "created_at": "2024-03-01"}) + "\n")
    with pytest.raises(ChurnError, match=r"has no column 'requester_id'.*requester"):
        checked(read, rows=1)


def test_mail_that_a_machine_opened_is_told_apart_where_the_export_tells() -> None:
    def event(i: int, name: str, **properties: Any) -> str:
        return json.dumps(
            {
                "id": f"e{i}",
                "attributes": {
                    "datetime": f"2024-03-0{i}T10:00:00Z",
                    "event_properties": {"Subject": "s"} | properties,
                },
                "metric": {"attributes": {"name": name}},
                "profile": {"attributes": {"email": "a@example.org"}},
            }
        )

    told = [event(1, "Opened Email", **{"Apple Privacy Open": True}), event(2, "Opened Email")]
    told += [event(3, "Clicked Email", **{"Bot Click": "True"}), event(4, "Clicked Email", **{"Bot Click": False})]
    Path("events.json").write_text("\n".join(told) + "\n")
    read = settings_of({"preset": "klaviyo_events", "path": "events.json"}, "opened_email")
    con = connect()
    read_sources(con, Reading.of(read))
    assert con.execute("select activity, day(occurred_at) from stream order by all").fetchall() == [
        ("clicked_email", 4),
        ("opened_email", 2),
    ]
    said = "\n".join(checked(read, rows=1))
    assert "1 opened by Apple's mail privacy" in said
    assert "events.json does not tell which rows are opened by a machine: they count." in said


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("10 - Extremely likely", 10),
        ("0 (Not at all likely)", 0),
        ("Extremely likely - 9", 9),
        ("7", 7),
        ("3: so so", 3),
    ],
)
def test_answers_on_a_scale_with_words(answer: str, score: float) -> None:
    assert scored(answer)[0] == [score]


def test_what_is_not_answered_is_no_answer_and_what_is_off_the_scale_is_bad() -> None:
    found, said = scored("9", "", "11", "20 - years")
    assert found == [9]
    assert "answered_nps: of 4 rows 1 became an activity; 1 not answered, 2 bad: value not a number." in said


def scored(*answers: str) -> tuple[list[float], str]:
    rows = "".join(f"{i},2024-03-01,c{i},{answer}\n" for i, answer in enumerate(answers))
    Path("nps.csv").write_text(f"id,at,who,score\n{rows}")
    columns = {"activity_id": "id", "customer_id": "who", "occurred_at": "at", "value": "score"}
    source = {"reader": "csv", "path": "nps.csv", "columns": columns, "activity": "answered_nps", "scale": [0, 10]}
    read = settings_of(source | {"max_bad_share": 1.0}, "answered_nps")
    con = connect()
    read_sources(con, Reading.of(read))
    return [one for (one,) in con.execute("select value from stream order by value").fetchall()], "\n".join(
        checked(read, rows=1)
    )
