"""Random assignment of listed customers to contact or control group, by permuted blocks within strata.

Every customer is assigned once per campaign, when they are first on a list, and stays in their group. New customers of
one stratum (risk tier and segment) are put, in the order of the ranking, into blocks of about `1 / share`; of each
block the customer with the lowest keyed hash is held out. So every customer is held out with
probability `share`, tiers and segments have their share wherever the list is cut, and nobody can choose: the hash is
HMAC-SHA256 (RFC 2104) of campaign and customer, and the key is fixed before the first list. Permuted blocks within
strata: Friedman et al. 2015, "Fundamentals of Clinical Trials", 5th edition, chapter 6.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from models.errors import ModelError

if TYPE_CHECKING:
    import pandas as pd

CONTACT, CONTROL = "contact", "control"
GROUPS = (CONTACT, CONTROL)
STRATA = ("risk_tier", "segment")
LARGEST_SHARE = 0.5


def assign(
    candidates: pd.DataFrame,
    already: pd.Series[str],
    *,
    key: str,
    campaign: str,
    share: float,
) -> pd.Series[str]:
    """Assign every candidate to a group.

    Args:
        candidates: customer_id, risk_tier, segment; one row per customer, in the order of the ranking.
        already: group by customer_id of all who were assigned in this campaign before, candidates or not.
        key: any text, the same throughout the campaign.
        campaign: its name; another name assigns everybody anew.
        share: of the new candidates that are held out, 0 to 0.5.

    Returns:
        `contact` or `control` by customer_id, in the order of the candidates.

    Raises:
        ModelError: a customer appears twice, a group is neither of the two, or the share is out of range.
    """
    import pandas as pd

    _require_sound(candidates, already, share)
    ids = candidates["customer_id"].astype("str").reset_index(drop=True)
    groups = ids.map({str(customer): str(group) for customer, group in already.items()}).astype(object)
    fresh = groups.isna()
    strata = candidates[list(STRATA)].astype("str").reset_index(drop=True)[fresh]
    for _, rows in strata.groupby(list(STRATA), sort=True):
        indices = rows.index.to_numpy()
        held_out = _held_out([ids[index] for index in indices], key=key, campaign=campaign, share=share)
        groups.loc[indices] = np.where(held_out, CONTROL, CONTACT)
    return pd.Series(groups.to_numpy(), index=pd.Index(ids, name="customer_id"), name="group", dtype="str")


def _held_out(ids: Sequence[str], *, key: str, campaign: str, share: float) -> list[bool]:
    """Whether each new customer of one stratum, in the order of the ranking, is held out."""
    blocks: dict[int, list[str]] = {}
    for position, customer in enumerate(ids):
        blocks.setdefault(_block(position, share), []).append(customer)
    chosen = set()
    for block, members in blocks.items():
        first = min(members, key=lambda customer: keyed_uniform(customer, key=key, campaign=campaign))
        # The last block may lack members. Its lowest is held out as often as if it stood in a full one.
        if keyed_uniform(first, key=key, campaign=campaign, purpose="last block") * _size(block, share) < len(members):
            chosen.add(first)
    return [share > 0 and customer in chosen for customer in ids]


def _block(position: int, share: float) -> int:
    return int(np.floor(position * share + 1e-9))


def _size(block: int, share: float) -> int:
    """Members of a full block: blocks of 1 / share where that is whole, else of the two numbers beside it."""
    if share == 0:
        return 1
    first = int(np.ceil(block / share - 1e-9))
    return int(np.ceil((block + 1) / share - 1e-9)) - first


def keyed_uniform(customer: str, *, key: str, campaign: str, purpose: str = "held out") -> float:
    """A number in [0, 1) that key, campaign and customer decide, evenly spread over customers."""
    message = "\0".join((purpose, campaign, customer))
    return int.from_bytes(hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()[:6]) / 2**48


def _require_sound(candidates: pd.DataFrame, already: pd.Series[str], share: float) -> None:
    faults = []
    missing = [name for name in ("customer_id", *STRATA) if name not in candidates]
    if missing:
        faults.append(f"control group: the candidates have no {', '.join(missing)}.")
    elif candidates["customer_id"].duplicated().any():
        twice = candidates.loc[candidates["customer_id"].duplicated(), "customer_id"]
        faults.append(f"control group: {len(twice):,} candidates stand twice ({_some(list(twice))}).")
    unknown = sorted({str(group) for group in already} - set(GROUPS))
    if unknown:
        faults.append(f"control group: {_some(unknown)} is no group. Allowed: {', '.join(GROUPS)}.")
    if already.index.has_duplicates:
        again = list(already.index[already.index.duplicated()])
        faults.append(f"control group: {len(again):,} customers were assigned twice ({_some(again)}).")
    if not 0 <= share <= LARGEST_SHARE:
        faults.append(f"control group: a share of {share:g} is not possible. Allowed: 0 to {LARGEST_SHARE:g}.")
    if faults:
        raise ModelError("\n".join(faults))


def _some(values: Sequence[Hashable]) -> str:
    return ", ".join(str(value) for value in values[:5]) + (", ..." if len(values) > 5 else "")
