"""Money of several currencies, as SQL: minor units as payment services count them, daily rates of exchange.

A payment service gives amounts in the smallest unit of their currency: cents, but whole yen, and thousandths of a
dinar. UGX and ISK have no cents any more and are still counted in hundredths (docs.stripe.com/currencies).
"""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

from pipelines.runtime.sql import text
from pipelines.settings.sources import MINOR_UNITS, Mapping

WHOLE = ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
THOUSANDTHS = ["BHD", "JOD", "KWD", "OMR", "TND"]
RATES = "exchange_rate"
"""Table of rates: `currency`, `day`, and `rate`, what one unit of it is worth in the project's (exchange.py)."""


def unit_of(mapping: Mapping) -> float:
    """The factor of all values, where it does not depend on their currency."""
    return 1.0 if mapping.unit == MINOR_UNITS else float(mapping.unit)


def in_whole_units(number: str, currency: str) -> str:
    """SQL of an amount in minor units as whole ones; without a currency they are hundredths."""
    per_unit = (
        f"case when {currency} in ({_listed(WHOLE)}) then 1 when {currency} in ({_listed(THOUSANDTHS)}) then 1000"
    )
    return f"round({number} / {per_unit} else 100 end, 6)"


def converted(rows: str, currency: str, timezone: str) -> str:
    """SQL of rows with `value` and `currency` of the project's, where the day or one before has a rate.

    Args:
        rows: SQL with `occurred_at`, `value`, `currency`.
        currency: the project's.
        timezone: whose days the rates are of.
    """
    own = f"r.currency is null or r.currency = {text(currency)} or r.value is null"
    return f"""
        select r.* replace (
            case when {own} then r.value else round(r.value * x.rate, 6) end as value,
            case when {own} or x.rate is not null then {text(currency)} else r.currency end as currency
        ), not ({own}) and x.rate is null as without_rate
        from ({rows}) as r asof left join {RATES} as x
        on x.currency = r.currency and timezone({text(timezone)}, r.occurred_at)::date >= x.day
    """


def _listed(currencies: list[str]) -> str:
    return ", ".join(map(text, currencies))
