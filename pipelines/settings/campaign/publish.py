"""The `publish:` of params.yaml: where a published list goes besides the ledger. The control group never does."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, ValidationError, model_validator

from pipelines.settings.sources import Sql
from pipelines.settings.types import Name, Section

_TEXT = Field(min_length=1)
Text: TypeAlias = Annotated[str, _TEXT]
CallingCode = Annotated[str, Field(pattern="^[1-9][0-9]{0,2}$")]


class SqlTable(Section):
    """A table that holds every published list, keyed by list and customer: PostgreSQL or SQLite.

    `address`: as of the reader `sql`, without a password; `$NAME` of an environment variable. `driver`: found by the
    address where it is left out. `table`: made where it is missing, `schema.table` too. `contacts`: whether names,
    e-mail addresses and phone numbers go there.
    """

    kind: Literal["sql"]
    address: Text
    table: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)?$")]
    driver: Literal["postgresql", "sqlite"] | None = None
    options: dict[str, str] = Field(default_factory=dict)
    contacts: bool = False

    @model_validator(mode="after")
    def _no_secrets(self) -> Self:
        try:
            self.database("sqlite")
        except ValidationError as error:
            said = [fault["msg"].removeprefix("Value error, ") for fault in error.errors(include_input=False)]
            raise ValueError(" ".join(said)) from None
        return self

    def database(self, driver: str) -> Sql:
        """The same place as the reader `sql` would name it."""
        return Sql(reader="sql", driver=driver, address=self.address, options=self.options, table=self.table)


class ToFile(Section):
    """A file per list in `folder`. `channels`: only customers who are to be reached that way; null: all of them."""

    folder: Text
    channels: list[Text] | None = None


class HubSpot(ToFile):
    """Contacts to import into HubSpot: e-mail address, phone number and what the list says, as properties.

    `calling_code`: as of Klaviyo.
    """

    kind: Literal["hubspot"]
    calling_code: CallingCode | None = None


class Salesforce(ToFile):
    """Campaign members for Salesforce's Data Loader.

    `campaign_id`: of the campaign there. `contact_field`: what the customers' ids are in Salesforce: `ContactId`,
    `LeadId`, or an external id as `Contact.Customer_Number__c`. `status`: one of the campaign's member statuses.
    `fields`: column of the list -> field of the campaign member.
    """

    kind: Literal["salesforce"]
    campaign_id: Annotated[str, Field(pattern="^701[A-Za-z0-9]{12}([A-Za-z0-9]{3})?$")]
    contact_field: Annotated[str, Field(pattern=r"^((Contact|Lead)Id|(Contact|Lead)\.\w+__c)$")] = "ContactId"
    status: Annotated[str, Field(min_length=1, max_length=40)] = "Sent"
    fields: dict[Name, Annotated[str, Field(pattern=r"^\w+$")]] = Field(default_factory=dict)


class Klaviyo(ToFile):
    """Profiles to upload to a list of Klaviyo. `calling_code`: of phone numbers that are written without one."""

    kind: Literal["klaviyo"]
    channels: list[Text] | None = Field(default_factory=lambda: ["email", "sms"])
    calling_code: CallingCode | None = None


class AmazonAds(ToFile):
    """A hashed audience for Amazon Ads. `country`: two letters, of all customers. `calling_code`: as of Klaviyo."""

    kind: Literal["amazon_ads"]
    calling_code: CallingCode | None = None
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None


class Meta(ToFile):
    """A hashed customer list for a Custom Audience of Meta. `calling_code`: as of Klaviyo."""

    kind: Literal["meta"]
    calling_code: CallingCode | None = None


FileSink: TypeAlias = HubSpot | Salesforce | Klaviyo | AmazonAds | Meta
Sink = Annotated[SqlTable | FileSink, Field(discriminator="kind")]


class Publish(Section):
    """`sinks`: name -> where every published list is written. A sink that fails is tried again by publishing again."""

    sinks: dict[Name, Sink] = Field(default_factory=dict)
