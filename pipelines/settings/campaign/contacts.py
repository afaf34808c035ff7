"""The `contacts:`, `contact_rules:` and `campaign:` of params.yaml: how customers are reached, when they are left in
peace, and who is held out to see whether it helps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, field_validator

from features.activity import ACTIVITY_NAME
from models.decision.lottery import LARGEST_HOLDOUT
from pipelines.runtime.errors import did_you_mean
from pipelines.settings.sources import Table, Text
from pipelines.settings.tables.database import InDatabase
from pipelines.settings.types import Days, Name, Section, Share

CHANNELS = ("email", "phone", "sms", "post", "push")
"""Ways to reach a customer that every project knows; another one is known once its consent is mapped."""

CONSENT = "consent_"
DETAILS = ("name", "email", "phone", "owner", "language", "timezone", "preferred_channel")
"""What a contacts table may say as text, besides `customer_id`, `do_not_contact` and `consent_{channel}`."""

COLUMNS = ("customer_id", *DETAILS, "do_not_contact")


class Mapped(Section):
    """What the columns of a contacts table mean.

    `columns`: our name -> the table's column, or a SQL expression over its columns. Without it the table has our
    names. `consent_{channel}` and `do_not_contact` hold yes or no (true, false, 1, 0); nothing is unknown. `identity`:
    the system whose ids stand in `customer_id`, as of a source; without it they are the customers' own.
    """

    columns: dict[str, Text] = Field(default_factory=dict)
    identity: Name | None = None

    @field_validator("columns")
    @classmethod
    def _ours(cls, columns: dict[str, str]) -> dict[str, str]:
        known = [*COLUMNS, *(CONSENT + channel for channel in CHANNELS)]
        faults = [
            f"{one} is not a column of ours.{did_you_mean(one, known)}"
            for one in columns
            if one not in known and not is_consent(one)
        ]
        if columns and "customer_id" not in columns:
            faults.append("customer_id must be mapped too. Write `customer_id: the table's column`")
        if faults:
            raise ValueError(" ".join(faults))
        return columns


class ContactFiles(Mapped, Table):
    """Contacts in files."""

    @field_validator("time_format")
    @classmethod
    def _no_times(cls, value: str | None) -> str | None:
        if value is not None:
            raise ValueError("contacts have no times. Take it out")
        return value


class ContactDatabase(Mapped, InDatabase):
    """Contacts in a database."""


Contacts: TypeAlias = Annotated[ContactFiles | ContactDatabase, Field(discriminator="reader")]


def is_consent(column: str) -> bool:
    """Whether a column is `consent_` and the name of a channel."""
    return column.startswith(CONSENT) and bool(ACTIVITY_NAME.fullmatch(column.removeprefix(CONSENT)))


def channels_of(columns: Iterable[str]) -> tuple[str, ...]:
    """Every channel there is where a contacts table has these columns of ours."""
    further = [one.removeprefix(CONSENT) for one in columns if is_consent(one)]
    return tuple(dict.fromkeys([*CHANNELS, *further]))


def known_channels(setting: ContactFiles | ContactDatabase | None) -> tuple[str, ...]:
    """Channels that the playbook may name: the usual ones, and those whose consent is mapped in `contacts.columns`."""
    return channels_of(setting.columns if setting else ())


class OpenComplaint(Section):
    """Nobody is offered anything while a complaint is open.

    Open is the last of `activities` in the `within_days` before the list, as long as neither the ranking definition's
    own activity (an order) nor one of `settled_by` came after it. Whom the playbook gives one of `except_actions`
    (an apology) stays on the list: that is what the action is for.
    """

    activities: Annotated[list[Name], Field(min_length=1)] = Field(default_factory=lambda: ["complained"])
    within_days: Days = 28
    settled_by: list[Name] = Field(default_factory=lambda: ["resolved_complaint"])
    except_actions: list[Text] = Field(default_factory=lambda: ["apology"])


class Cancelled(Section):
    """Who cancelled, or announced it, needs another talk than the list's.

    The last of `activities` counts unless one of `undone_by` came after it. The activities of definitions of kind
    `cancellation` are added to both.
    """

    activities: Annotated[list[Name], Field(min_length=1)] = Field(
        default_factory=lambda: ["cancelled_subscription", "announced_cancellation"]
    )
    undone_by: list[Name] = Field(default_factory=lambda: ["started_subscription", "renewed_subscription"])


class ContactRules(Section):
    """When a customer is kept off the list. Who asked not to be contacted is, always.

    `missing_consent`: what a customer is whose consent nobody knows; where no contacts table is given, consent is not
    looked at. `contacted_within_days`: nobody is contacted twice within so many days; 0: never mind.
    `most_per_quarter`: days of the last 91 on which a customer may have been contacted; at so many the list leaves
    them alone; null: never mind. A contact is what the team reported as contacted or reached, or one of
    `contact_activities`. `open_complaint`, `cancelled`: null switches the rule off.
    """

    missing_consent: Literal["hold_back", "allow"] = "hold_back"
    contacted_within_days: Annotated[int, Field(ge=0, le=366)] = 7
    most_per_quarter: Annotated[int, Field(ge=1, le=91)] | None = 4
    contact_activities: list[Name] = Field(default_factory=lambda: ["received_campaign"])
    open_complaint: OpenComplaint | None = Field(default_factory=OpenComplaint)
    cancelled: Cancelled | None = Field(default_factory=Cancelled)


class Campaign(Section):
    """Several weeks of lists whose effect is judged together. Who is on one for the first time is assigned once.

    `name`: another name is a new campaign, in which everybody is assigned anew. `share`: of the listed that are held
    out and not contacted; 0: nobody. `weeks`: planned. `key`: any text; it decides who is held out, so it is chosen
    before the first list and never changed within a campaign. `new_share`: of the customers on a later week's list,
    those who were on none before; `auto`: as on the lists published so far, a quarter before there are any.
    `expected_effect`: by how much contacting is hoped to lower the share of those who leave (0.05 is 5 points);
    `auto`: the share of contacted leavers who stay by `value.success`, times the share that leave.

    `design`: `holdout`: `share` of everybody on the list; `lottery`: the top of the list is sure, and the last places
    are drawn by lot among twice as many: the undrawn are the control group, and `share` is not used. A campaign keeps
    its design until it ends. `lottery_share`: of the places, those that are drawn. `lottery_weeks`: how long an undrawn
    customer stays out; `auto`: the horizon; then they may be drawn again. `sure_holdout`: of the sure ones, those kept
    out by lot; 0: nobody, and nothing is known of the effect on the first ranks.
    """

    name: Text = "retention"
    design: Literal["holdout", "lottery"] = "holdout"
    lottery_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    lottery_weeks: Annotated[int, Field(ge=1, le=104)] | Literal["auto"] = "auto"
    sure_holdout: Annotated[float, Field(ge=0, le=LARGEST_HOLDOUT)] = 0.02
    share: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    weeks: Annotated[int, Field(ge=1, le=104)] = 8
    key: Text = "held out"
    new_share: Share | Literal["auto"] = "auto"
    expected_effect: Annotated[float, Field(gt=0, le=1)] | Literal["auto"] = "auto"

    @field_validator("name", "key", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        """`name: 2024` is a number in YAML and a good name all the same."""
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
