"""Rates of exchange, loaded for the expressions of money.py; and values of several currencies that have none.

Nothing is converted without `exchange_rates:`, and nothing is added up in several currencies.
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.sql import text
from pipelines.settings.reading import Reading
from pipelines.settings.sources import ExchangeRates
from pipelines.settings.types import zone_of
from pipelines.sources.access.headers import digest_at, files_of, local_copy, locate
from pipelines.sources.access.scan import drop_rejects, scan
from pipelines.sources.expressions.cell import cell
from pipelines.sources.expressions.convert import as_number, as_text, as_time
from pipelines.sources.expressions.money import RATES
from pipelines.sources.relations import CURRENCIES

_SECTION = "exchange_rates"


def faults_of_rates(rates: ExchangeRates | None) -> list[str]:
    """What is wrong with `exchange_rates:`, found by headers alone."""
    if rates is None:
        return []
    located, faults = locate(rates, _SECTION)
    for file in located:
        for ours, theirs in rates.taken.items():
            try:
                cell(theirs, file, number=ours == "rate")
            except ChurnError as problem:
                faults += [f"params.yaml: {_SECTION}.columns.{ours}: {fault}" for fault in problem.faults]
    return faults


def with_rates(reading: Reading) -> Reading:
    """The same with `rates`: what changes when values are converted otherwise; None where nothing is converted."""
    rates = reading.exchange_rates
    if rates is None or reading.rates:
        return reading
    inputs = [rates.model_dump(mode="json"), reading.currency, sorted(map(digest_at, files_of(rates)))]
    return replace(reading, rates=hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest())


def load_rates(con: Any, reading: Reading) -> None:
    """Create the table RATES: a rate for each currency and day, empty without `exchange_rates:`.

    Raises:
        ChurnError: rows that are no rate, or two rates for one day.
    """
    con.execute(f"create or replace temp table {RATES} (currency varchar, day date, rate double)")
    rates = reading.exchange_rates
    for one in locate(rates, _SECTION)[0] if rates else ():
        assert rates is not None
        with local_copy(one) as (file, _):
            taken = {ours: cell(theirs, file, number=ours == "rate") for ours, theirs in rates.taken.items()}
            zone = zone_of(rates.timezone, "", reading.timezone)
            day = as_time(taken["day"].sql, taken["day"].kind, zone, rates.time_format)
            selected = (
                f"select upper({as_text(taken['currency'].sql, taken['currency'].kind)}) as currency, "
                f"timezone({text(zone)}, {day})::date as day, "
                f"{as_number(taken['rate'].sql, taken['rate'].kind, '.', 1)} as rate "
                f"from ({scan(file, numbered=False)})"
            )
            con.execute(f"insert into {RATES} {selected}")
            drop_rejects(con, file)
    _require_sound(con)


def _require_sound(con: Any) -> None:
    bad = con.execute(
        f"select count(*) from {RATES} where currency is null or day is null or rate is null or rate <= 0"
    ).fetchall()[0][0]
    twice = con.execute(
        f"select currency, day::varchar from {RATES} group by all having count(distinct rate) > 1 order by all limit 1"
    ).fetchall()
    faults = []
    if bad:
        faults.append(f"{_SECTION}: {bad:,} rows have no day, no currency, or no rate above 0. Mend or drop them.")
    if twice:
        faults.append(f"{_SECTION}: {twice[0][0]} has several rates on {twice[0][1]}. Keep one for each day.")
    if faults:
        raise ChurnError(*faults)
    con.execute(f"create or replace temp table {RATES} as select distinct * from {RATES}")


def faults_of_currencies(con: Any) -> list[str]:
    """A sentence for each activity whose values are in several currencies."""
    found: dict[str, dict[str, int]] = {}
    for activity, currency, rows in con.execute(
        f"select activity, currency, sum(rows)::bigint from {CURRENCIES} group by all order by 1, 3 desc, 2"
    ).fetchall():
        found.setdefault(activity, {})[currency] = rows
    return [
        f"params.yaml: {_SECTION}: {activity} has values in several currencies: "
        f"{', '.join(f'{currency} {rows:,}' for currency, rows in several.items())}. They are not added up. Set "
        f"{_SECTION}: {{reader: csv, path: rates.csv, columns: {{day: ..., currency: ..., rate: ...}}}}, daily rates "
        "into `currency`; or keep one currency with where."
        for activity, several in found.items()
        if len(several) > 1
    ]


def other_currency_in_words(con: Any, reading: Reading) -> list[str]:
    """A sentence on activities whose values are all in one currency that is not the project's."""
    found = con.execute(
        "select currency, list_sort(list(activity)) from (select activity, min(currency) as currency "
        f"from {CURRENCIES} group by activity having count(distinct currency) = 1) group by currency order by currency"
    ).fetchall()
    return [
        f"Values of {', '.join(activities)} are in {currency}, and params.yaml says currency: {reading.currency}. Set "
        f"currency: {currency}, or {_SECTION} to convert them."
        for currency, activities in found
        if currency != reading.currency
    ]
