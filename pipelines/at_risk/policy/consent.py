"""Consent: on which channels a customer may be contacted, by the contacts table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from pipelines.settings.campaign.contacts import CONSENT, channels_of, is_consent
from pipelines.settings.decision import ContactPolicy

if TYPE_CHECKING:
    import pandas as pd

Consent: TypeAlias = tuple[bool, bool, tuple[str, ...], tuple[str, ...]]
ADDRESS = {"email": "email", "phone": "phone", "sms": "phone"}
"""Channel -> the column with its address. The addresses of other channels are known elsewhere (push tokens)."""


def consents(contacts: pd.DataFrame | None, policy: ContactPolicy, customers: Iterable[str]) -> pd.DataFrame:
    """What customers agreed to or refused, by customer_id in the order given.

    Args:
        contacts: as read_contacts gives it; None where there is no such table: then every channel is permitted.
        policy: `rules.missing_consent` says what an unknown consent is; `channels`: those without contacts.
        customers: ids.

    Returns:
        `opted_out` (bool: asked not to be contacted), `known` (bool: a consent or a refusal is known, or need not be),
        `agreed` (tuple of channels) and `permitted`: those of them on which they can be reached, the preferred one
        first; none where they opted out. An address counts as missing only where the table has some.
    """
    import pandas as pd

    ids = pd.Index([str(one) for one in customers], name="customer_id", dtype="str")
    if contacts is None:
        rows: list[Consent] = [(False, True, policy.channels, policy.channels)] * len(ids)
    else:
        by_customer = contacts.set_index("customer_id")
        entries = by_customer[by_customer.index.isin(ids)].to_dict("index")
        needed = {channel: column for channel, column in ADDRESS.items() if contacts[column].notna().any()}
        channels, allow = channels_of(contacts.columns), policy.rules.missing_consent == "allow"
        rows = [_consent(entries.get(customer), channels, needed, allow=allow) for customer in ids]
    frame = pd.DataFrame(rows, index=ids, columns=["opted_out", "known", "agreed", "permitted"])
    return frame.astype({"opted_out": bool, "known": bool})


def _consent(row: dict[Any, Any] | None, channels: tuple[str, ...], needed: dict[str, str], *, allow: bool) -> Consent:
    import pandas as pd

    if row is None:
        return False, allow, channels if allow else (), channels if allow else ()
    given = {channel: row.get(CONSENT + channel) for channel in channels}
    known = any(not pd.isna(consent) for consent in given.values())
    agreed = tuple(channel for channel, consent in given.items() if (allow if pd.isna(consent) else bool(consent)))
    reached = [channel for channel in agreed if channel not in needed or not pd.isna(row[needed[channel]])]
    reached.sort(key=lambda channel: channel != row["preferred_channel"])
    return row["do_not_contact"], known or allow, agreed, () if row["do_not_contact"] else tuple(reached)


def permitted_channels(
    contacts: pd.DataFrame | None, policy: ContactPolicy, customers: Iterable[str] | None = None
) -> pd.Series[Any]:
    """Tuple of the channels on which each customer may be contacted and can be, the preferred one first.

    Args: as of `consents`; without `customers` those of the table.
    """
    chosen = customers if customers is not None else ([] if contacts is None else list(contacts["customer_id"]))
    return consents(contacts, policy, chosen)["permitted"]


def addresses(contacts: pd.DataFrame, policy: ContactPolicy, customers: Iterable[str]) -> pd.DataFrame:
    """E-mail and phone by customer_id in the order given; null where every channel that would use it is refused.

    A list travels further than the table of contacts: an address that may not be used does not go with it.
    """
    chosen = [str(customer) for customer in customers]
    agreed = consents(contacts, policy, chosen)["agreed"]
    table = contacts.set_index("customer_id").reindex(chosen)[sorted(set(ADDRESS.values()))]
    for column in table:
        uses = {channel for channel in channels_of(contacts.columns) if ADDRESS.get(channel) == column}
        if uses:
            table.loc[[uses.isdisjoint(channels) for channels in agreed], column] = None
    return table


def consent_lines(contacts: pd.DataFrame, policy: ContactPolicy, customers: list[str]) -> list[str]:
    """How many customers may be contacted, in sentences that name nobody. `customers`: those of the stream."""
    known, every = consents(contacts, policy, customers), len(customers)
    lines = [
        f"{contacts['customer_id'].isin(customers).sum():,} of {every:,} customers of the stream stand in the contacts."
    ]
    permitted = {one: sum(one in each for each in known["permitted"]) for one in channels_of(contacts.columns)}
    lines.append("May be contacted by " + ", ".join(f"{one}: {n:,}" for one, n in permitted.items()) + ".")
    unreachable = int((known["permitted"].map(len) == 0).sum())
    if unreachable:
        lines.append(f"{unreachable:,} may not be contacted at all and will be kept off the list.")
    if not any(is_consent(str(name)) for name in contacts) and policy.rules.missing_consent != "allow":
        lines.append(
            "The table has no consents, so nobody may be contacted. Map them (contacts.columns.consent_email), or say "
            "that it needs none: contact_rules.missing_consent: allow."
        )
    return lines
