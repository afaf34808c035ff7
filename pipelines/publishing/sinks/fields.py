"""What sinks take from a list: whom, under which id, and how e-mail addresses and phone numbers are written alike."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

import pandas as pd

from pipelines.runtime.errors import ChurnError
from pipelines.sources.privacy import vault

_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]+")
_ROUNDED = re.compile(r"\d[.,]?\d*[eE]\+?\d")  # 4.91512E+11: a spreadsheet took it for a number, digits are gone
_INTERNATIONAL = re.compile(r"^[\s(]*00")


def own_ids(table: pd.DataFrame) -> pd.DataFrame:
    """A list of pseudonyms under the customers' own ids: nobody outside knows a pseudonym.

    Raises:
        ChurnError: the vault of this machine does not know somebody.
    """
    known = vault.originals(table["customer_id"])
    unknown = sorted(set(table["customer_id"]) - set(known))
    if unknown:
        raise ChurnError(
            f"{vault.FOLDER / vault.FILE}: does not know {len(unknown):,} of {len(table):,} customers on the list "
            f"({', '.join(unknown[:3])}). Bring the vault of the machine that pulled."
        )
    return table.assign(customer_id=table["customer_id"].map(known))


def by_channels(table: pd.DataFrame, channels: Sequence[str] | None) -> pd.DataFrame:
    """Customers who are to be reached through one of these channels; those without a channel always."""
    if channels is None or "channel" not in table.columns:
        return table
    chosen = table["channel"].isna() | (table["channel"] == "") | table["channel"].isin(list(channels))
    return table[chosen].reset_index(drop=True)


def require(table: pd.DataFrame, columns: Iterable[str], where: str, *, any_of: bool = False) -> None:
    """The list has these columns with something in them (one of them, where `any_of`).

    Raises:
        ChurnError: it has not, and what is missing.
    """
    missing = [name for name in columns if name not in table.columns or not texts(table, name).any()]
    if missing and not (any_of and len(missing) < len(list(columns))):
        named = " and ".join(missing)
        raise ChurnError(
            f"params.yaml: {where}: needs the customers' {named}, which nobody on the list has. Give a table of "
            f"contacts with {named} (`contacts:`), make the list again and publish it; or take this sink out."
        )


def texts(table: pd.DataFrame, name: str) -> pd.Series[str]:
    """A column as trimmed text; "" where there is nothing, also where the list has no such column."""
    if name not in table.columns:
        return pd.Series("", index=table.index, dtype="str")
    shown = table[name].map(_written, na_action="ignore")
    return shown.astype("object").where(shown.notna(), "").astype("str").str.strip()


def _written(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    if hasattr(value, "strftime"):
        return str(value.strftime("%Y-%m-%d"))
    return str(value)


def emails(table: pd.DataFrame) -> pd.Series[str]:
    """E-mail addresses, trimmed and in small letters; "" where it is none."""
    found = texts(table, "email").str.lower()
    return found.where(found.map(lambda one: bool(_EMAIL.fullmatch(one))), "")


def phones(table: pd.DataFrame, calling_code: str | None) -> pd.Series[str]:
    """Phone numbers as the digits of E.164, without `+`; "" where it is no valid number or its country is unknown.

    Valid is what the numbering plan of its country allows (libphonenumber's data, package phonenumbers). Extensions are
    dialled by hand and left out.

    `calling_code`: of numbers that begin neither with `+` nor with `00`; whether it stands in front already is seen by
    what is valid.
    """
    region = _region(calling_code)
    return texts(table, "phone").map(lambda one: _digits(one, region)).astype("str")


def without_phone(table: pd.DataFrame, found: pd.Series[str], calling_code: str | None) -> str:
    """What to say of phone numbers of a table that `phones` could not use, to be put behind a summary; else ""."""
    left_out = int(((texts(table, "phone") != "") & (found == "")).sum())
    if not left_out:
        return ""
    what = "1 telephone number is" if left_out == 1 else f"{left_out:,} telephone numbers are"
    why = "not valid" if calling_code else "not valid, or without a country (calling_code is not set)"
    return f"; {what} left out: {why}"


def _region(calling_code: str | None) -> str | None:
    """The country that a calling code is read in; of several (+1, +7, +44) the main one, whose rules hold for all."""
    from phonenumbers import region_code_for_country_code

    region = region_code_for_country_code(int(calling_code)) if calling_code else "ZZ"
    return str(region) if len(region) == 2 and region != "ZZ" else None


def _digits(text: str, region: str | None) -> str:
    import phonenumbers

    if not text or _ROUNDED.search(text):
        return ""
    try:
        number = phonenumbers.parse(_INTERNATIONAL.sub("+", text), region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")


def as_csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """UTF-8, commas, `\\n`."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()
