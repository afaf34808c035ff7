"""Of each entry its arm, the probability with which the customer came into it, and the rule and score that chose them.

A customer is assigned once per campaign, when they are first on a list: later lists carry that arm and probability on,
whatever the share is by then. In the design `holdout` every new customer is held out with probability `share`
(models/decision/control_group.py); so whoever is contacted has `1 - share`.
"""

# Queries are put together from our own names; whatever comes from outside is bound as a parameter.
# ruff: noqa: S608

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

HOLDOUT = "holdout"
MANIFEST, ESTIMATED = "manifest", "estimated"
"""Where a probability is known from: the list's manifest, or the share of this list that was held out."""

RULES = ("expected_net_value", "value_at_risk", "churn_probability")

_ASSIGN = """
insert into assignment (publication, customer_id, arm, probability, design, rule, score, known_from)
with before as (
    select assignment.customer_id, arm, probability, known_from, min(assignment.publication)
    from assignment join publication on publication.number = assignment.publication
    where publication.campaign = (select campaign from publication where number = :number)
    group by assignment.customer_id
)
select
    :number, entry.customer_id, coalesce(before.arm, "group"),
    coalesce(before.probability, case "group" when 'control' then :share else 1 - :share end),
    :design, :rule, {rule}, coalesce(before.known_from, :known_from)
from entry left join before on before.customer_id = entry.customer_id
where entry.publication = :number
order by rank, entry.customer_id
"""


def share_of(manifest: Mapping[str, Any]) -> float | None:
    """The share of new customers that a list holds out, as its manifest says; None where it does not."""
    campaign = manifest.get("campaign")
    share = campaign.get("share") if isinstance(campaign, Mapping) else None
    return float(share) if isinstance(share, (int, float)) and 0 <= share < 1 else None


def assign(con: sqlite3.Connection, number: int, share: float | None) -> None:
    """Append the assignments of a publication's entries.

    Args:
        con: the transaction.
        number: of the publication, whose entries are there.
        share: as `share_of` has it; None: it is estimated by the share of this list's entries, and marked so.
    """
    known_from = ESTIMATED if share is None else MANIFEST
    if share is None:
        held_out = "select avg(\"group\" = 'control') from entry where publication = ?"
        share = float(con.execute(held_out, [number]).fetchone()[0] or 0.0)
    rule = _rule(con, number)
    told = {"number": number, "share": share, "design": HOLDOUT, "rule": rule, "known_from": known_from}
    con.execute(_ASSIGN.format(rule=rule), told)


def _rule(con: sqlite3.Connection, number: int) -> str:
    """The figure that ranked a list: the first of RULES that its customers have."""
    for rule in RULES:
        having = f"select 1 from entry where publication = ? and {rule} is not null"
        if con.execute(having, [number]).fetchone():
            return rule
    return RULES[-1]
