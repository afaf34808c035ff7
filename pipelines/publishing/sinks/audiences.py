"""Hashed audiences for advertising: SHA-256 (lower-case hexadecimal) of e-mail addresses and phone numbers.

E-mail addresses are trimmed and in small letters, phone numbers the digits of E.164 with the country's and without `+`
and leading zeros. As documented by those who read them (2024 to 2026):

- Amazon Ads, a CSV for the Ads data manager or Amazon Marketing Cloud: columns EMAIL, PHONE hashed, COUNTRY_CODE (two
  letters, not hashed). advertising.amazon.com/help/GCCXMZYCK4RXWS6C and
  advertising.amazon.com/API/docs/en-us/guides/amazon-marketing-cloud/advertiser-data-upload/advertiser-data-prepare-data
- Meta Custom Audiences from a customer list: columns email, phone.
  facebook.com/business/help/2082575038703844 and
  developers.facebook.com/docs/marketing-api/audiences/guides/custom-audiences

Nothing else is in these files: no id, no name, no probability. Rows are in order of their content, so that not even
the rank can be read from them.
"""

from __future__ import annotations

import hashlib

import pandas as pd

from pipelines.publishing.sinks.crm import count_summary
from pipelines.publishing.sinks.fields import as_csv, emails, phones, require, without_phone
from pipelines.settings.campaign.publish import AmazonAds, Meta


def amazon_ads(table: pd.DataFrame, setting: AmazonAds, where: str) -> tuple[bytes, str]:
    """EMAIL, PHONE and, where the setting names it, COUNTRY_CODE.

    Raises:
        ChurnError: nobody has an e-mail address or a phone number.
    """
    country = [setting.country] if setting.country else []
    header = ["EMAIL", "PHONE", *(["COUNTRY_CODE"] if country else [])]
    return _audience(table, header, country, setting.calling_code, where)


def meta(table: pd.DataFrame, setting: Meta, where: str) -> tuple[bytes, str]:
    """email and phone.

    Raises:
        ChurnError: nobody has an e-mail address or a phone number.
    """
    return _audience(table, ["email", "phone"], [], setting.calling_code, where)


def hashed(text: str) -> str:
    """SHA-256 of a text that is written as it should be; "" of ""."""
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def _audience(
    table: pd.DataFrame, header: list[str], more: list[str], calling_code: str | None, where: str
) -> tuple[bytes, str]:
    require(table, ["email", "phone"], where, any_of=True)
    numbers = phones(table, calling_code)
    pairs = zip(emails(table), numbers, strict=True)
    found = [(hashed(email), hashed(phone)) for email, phone in pairs if email or phone]
    rows = [[*pair, *more] for pair in sorted(set(found))]
    said = count_summary(len(table), len(found), "e-mail address or phone number that can be used")
    return as_csv(header, rows), said + without_phone(table, numbers, calling_code)
