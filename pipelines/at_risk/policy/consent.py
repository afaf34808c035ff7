"""On which channels a customer may be contacted, by what the contacts table says of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pipelines.settings.campaign.contacts import CONSENT, channels_of, is_consent, known_channels
from pipelines.settings.params import Settings

if TYPE_CHECKING:
    import pandas as pd

ADDRESS = {"email": "email", "phone": "phone", "sms": "phone"}
"""Channel -> the column without which nobody is reached on it. For others another system knows where to."""


def wishes(contacts: pd.DataFrame | None, settings: Settings, customers: Iterable[str]) -> pd.DataFrame:
    """What is known of customers' wishes, by customer_id in the order given.

    Args:
        contacts: as read_contacts gives it; None where there is no such table: then every channel is permitted.
        settings: `contact_rules.missing_consent` says what an unknown consent is.
        customers: whose.

    Returns:
        `asked_not` (bool: asked not to be contacted), `told` (bool: a consent or a refusal is known, or need not be),
        `agreed` (tuple of channels) and `permitted`: those of them on which they can be reached, the preferred one
        first; none where they asked not to be contacted. An address counts as missing only where the table has some.
    """
    import pandas as pd

    ids = pd.Index([str(one) for one in customers], name="customer_id", dtype="str")
    if contacts is None:
        every = known_channels(settings.contacts)
        rows: list[tuple[bool, bool, tuple[str, ...], tuple[str, ...]]] = [(False, True, every, every)] * len(ids)
    else:
        known = contacts.set_index("customer_id")
        found = known[known.index.isin(ids)].to_dict("index")
        needed = {channel: one for channel, one in ADDRESS.items() if contacts[one].notna().any()}
        channels, allow = channels_of(contacts.columns), settings.contact_rules.missing_consent == "allow"
        rows = [_wishes(found.get(one), channels, needed, allow=allow) for one in ids]
    frame = pd.DataFrame(rows, index=ids, columns=["asked_not", "told", "agreed", "permitted"])
    return frame.astype({"asked_not": bool, "told": bool})


def _wishes(
    row: dict[Any, Any] | None, channels: tuple[str, ...], needed: dict[str, str], *, allow: bool
) -> tuple[bool, bool, tuple[str, ...], tuple[str, ...]]:
    import pandas as pd

    if row is None:
        return False, allow, channels if allow else (), channels if allow else ()
    said = {channel: row.get(CONSENT + channel) for channel in channels}
    told = any(not pd.isna(one) for one in said.values())
    agreed = tuple(channel for channel, one in said.items() if (allow if pd.isna(one) else bool(one)))
    reached = [channel for channel in agreed if channel not in needed or not pd.isna(row[needed[channel]])]
    reached.sort(key=lambda channel: channel != row["preferred_channel"])
    return row["do_not_contact"], told or allow, agreed, () if row["do_not_contact"] else tuple(reached)


def permitted_channels(
    contacts: pd.DataFrame | None, settings: Settings, customers: Iterable[str] | None = None
) -> pd.Series[Any]:
    """Tuple of the channels on which each customer may be contacted and can be, the preferred one first.

    Args: as of `wishes`; without `customers` those of the table.
    """
    chosen = customers if customers is not None else ([] if contacts is None else list(contacts["customer_id"]))
    return wishes(contacts, settings, chosen)["permitted"]


def addresses(contacts: pd.DataFrame, settings: Settings, customers: Iterable[str]) -> pd.DataFrame:
    """E-mail and phone by customer_id in the order given; null where every channel that would use it is refused.

    A list travels further than the table of contacts: what nobody may use does not go with it.
    """
    chosen = [str(one) for one in customers]
    agreed = wishes(contacts, settings, chosen)["agreed"]
    found = contacts.set_index("customer_id").reindex(chosen)[sorted(set(ADDRESS.values()))]
    for column in found:
        uses = {one for one in channels_of(contacts.columns) if ADDRESS.get(one) == column}
        if uses:
            found.loc[[uses.isdisjoint(one) for one in agreed], column] = None
    return found


def counted(contacts: pd.DataFrame, settings: Settings, customers: list[str]) -> list[str]:
    """What the contacts are good for, in sentences that count and name nobody. `customers`: those of the stream."""
    known, every = wishes(contacts, settings, customers), len(customers)
    lines = [
        f"{contacts['customer_id'].isin(customers).sum():,} of {every:,} customers of the stream stand in the contacts."
    ]
    agreed = {one: sum(one in told for told in known["permitted"]) for one in channels_of(contacts.columns)}
    lines.append("May be contacted by " + ", ".join(f"{one}: {n:,}" for one, n in agreed.items()) + ".")
    nobody = int((known["permitted"].map(len) == 0).sum())
    if nobody:
        lines.append(f"{nobody:,} may not be contacted at all and will be kept off the list.")
    if not any(is_consent(str(name)) for name in contacts) and settings.contact_rules.missing_consent != "allow":
        lines.append(
            "The table has no consents, so nobody may be contacted. Map them (contacts.columns.consent_email), or say "
            "that it needs none: contact_rules.missing_consent: allow."
        )
    return lines
