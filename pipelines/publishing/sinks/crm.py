"""Files that a CRM imports: HubSpot, Salesforce, Klaviyo. Formats as documented by their makers (2024 to 2026):

- HubSpot contacts: UTF-8 CSV, one header per property; the e-mail address tells which contact a row is.
  knowledge.hubspot.com/import-and-export/set-up-your-import-file
- Salesforce CampaignMember: CampaignId, ContactId or LeadId (or their external id), Status of at most 40 characters.
  developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_campaignmember.htm
- Klaviyo list: first column Email, phone numbers in E.164, further columns become properties.
  help.klaviyo.com/hc/en-us/articles/115005078967

Names are not sent: an import would overwrite what the CRM knows better. Cells that a spreadsheet would run as a formula
are defused, all but e-mail addresses, phone numbers and Salesforce's own ids, which must arrive as they are.
"""

from __future__ import annotations

import pandas as pd

from pipelines.publishing.sinks.fields import as_csv, emails, phones, require, texts, without_phone
from pipelines.runtime.text.spreadsheet_text import defused
from pipelines.settings.campaign.publish import HubSpot, Klaviyo, Salesforce

PROPERTIES = {
    "customer_id": "Customer ID",
    "list_id": "Churn list",
    "as_of": "Churn list date",
    "rank": "Churn rank",
    "churn_probability": "Churn probability",
    "risk_tier": "Churn risk",
    "value_at_risk": "Value at risk",
    "expected_net_value": "Retention net value",
    "segment": "Customer segment",
    "reason_1": "Churn reason 1",
    "reason_2": "Churn reason 2",
    "reason_3": "Churn reason 3",
    "change": "Churn change",
    "action": "Retention action",
    "channel": "Retention channel",
    "owner": "Retention owner",
    "send_by": "Retention send by",
}
"""Column of the list -> property in the CRM. Columns that the list does not have are left out."""


def hubspot(table: pd.DataFrame, setting: HubSpot, where: str) -> tuple[bytes, str]:
    """Contacts, one row per e-mail address.

    Raises:
        ChurnError: nobody has an e-mail address.
    """
    require(table, ["email"], where)
    return _profiles(table, setting.calling_code)


def klaviyo(table: pd.DataFrame, setting: Klaviyo, where: str) -> tuple[bytes, str]:
    """Profiles, one row per e-mail address. Consent is Klaviyo's own record: none is claimed here.

    Raises:
        ChurnError: nobody has an e-mail address.
    """
    require(table, ["email"], where)
    return _profiles(table, setting.calling_code)


def salesforce(table: pd.DataFrame, setting: Salesforce, where: str) -> tuple[bytes, str]:
    """Campaign members, one row per customer; needs no contacts, the customers' ids tell who it is."""
    fixed = {"CampaignId": setting.campaign_id, "Status": setting.status}
    header = ["CampaignId", setting.contact_field, "Status", *setting.fields.values()]
    members = texts(table, "customer_id")
    columns = [[fixed["CampaignId"]] * len(table), list(members), [fixed["Status"]] * len(table)]
    columns += [[defused(one) for one in texts(table, name)] for name in setting.fields]
    return as_csv(header, zip(*columns, strict=True)), f"{len(table):,} campaign members"


def _plus(digits: pd.Series[str]) -> pd.Series[str]:
    return ("+" + digits).where(digits != "", "")


def _profiles(table: pd.DataFrame, calling_code: str | None) -> tuple[bytes, str]:
    """Rows with an e-mail address, the first of each; the list's columns as properties behind it."""
    email, phone = emails(table), phones(table, calling_code)
    keys = {"Email": email, "Phone Number": _plus(phone)}
    kept = (email != "") & ~email.duplicated()
    named = [name for name in PROPERTIES if name in table.columns]
    columns = [*keys.values(), *(texts(table, name).map(defused) for name in named)]
    rows = zip(*(column[kept] for column in columns), strict=True)
    content = as_csv([*keys, *(PROPERTIES[name] for name in named)], rows)
    said = count_summary(len(table), int(kept.sum()), "e-mail address")
    return content, said + without_phone(table[kept], phone[kept], calling_code)


def count_summary(all_of_them: int, kept: int, needed: str) -> str:
    """`268 of 300 customers, the others have no e-mail address (or somebody else's)`."""
    if kept == all_of_them:
        return f"{kept:,} customers"
    return f"{kept:,} of {all_of_them:,} customers, the others have no {needed} of their own"
