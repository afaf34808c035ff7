"""Of each entry its arm, the probability with which the customer came into it, and the rule and score that chose them.

A customer is assigned once per campaign, when they are first on a list: later lists carry that arm and probability on,
whatever the share is by then. In the design `holdout` every new customer is held out with probability `share`
(models/decision/control_group.py); so whoever is contacted has `1 - share`.

In the design `lottery` the list itself says how each of its customers came into their group (`Draws`), and `rule` tells
it: `sure 1 by expected_net_value`, `drawn 2 by expected_net_value` (their second lot). A later list carries the draw on
that counts, until there is another one (models/decision/lottery.py).
"""

# Queries are put together from our own names; whatever comes from outside is bound as a parameter.
# ruff: noqa: S608

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.decision.control_group import CONTACT
from models.decision.lottery import HOLDOUT, LOTTERY
from pipelines.ledger.read import FILE, opened
from pipelines.ledger.version import version_of

MANIFEST, ESTIMATED = "manifest", "estimated"
"""Where a probability is known from: the list's manifest, or the share of this list that was held out."""

RULES = ("expected_net_value", "value_at_risk", "churn_probability")

DRAW = ("customer_id", "contact_probability", "drawn_as", "draws")
"""Columns of a list's own draws, one row per customer who is contacted or not drawn."""

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


Draws = Sequence[tuple[str, float, str, int]]
"""Rows of DRAW: the probability (0..1) of being contacted in the draw that counts, whether it was `sure` or `drawn`,
and the how many-th draw of this customer it was."""


@dataclass(frozen=True)
class Draw:
    """The draw that counts of a customer of a lottery.

    Attributes:
        group: `contact` or `control`.
        probability: of being contacted, 0..1.
        drawn_as: `sure` or `drawn`.
        draws: how many there were, this one included.
        as_of: the day of the list that it was made for.
    """

    group: str
    probability: float
    drawn_as: str
    draws: int
    as_of: str


_DRAWS = f"""
select customer_id, arm, probability, rule, as_of from publication
join assignment on assignment.publication = publication.number
where campaign = :campaign and as_of <= :day and design = '{LOTTERY}' order by as_of, number
"""
_DESIGNS = """
select distinct design from publication join assignment on assignment.publication = publication.number
where campaign = :campaign and as_of <= :day
"""


def newest_draws(campaign: str, day: str, path: Path = FILE) -> dict[str, Draw]:
    """Of everybody on the lists of a campaign for a day and before the newest draw; of one draw the first record."""
    with opened(path) as con:
        known = con is not None and version_of(con) > 1
        rows = con.execute(_DRAWS, {"campaign": campaign, "day": day}).fetchall() if con is not None and known else []
    found: dict[str, Draw] = {}
    for customer, arm, probability, rule, as_of in rows:
        drawn_as, draws = rule.split()[:2]
        if customer not in found or int(draws) > found[customer].draws:
            chance = probability if arm == CONTACT else 1 - probability
            found[customer] = Draw(arm, chance, drawn_as, int(draws), as_of)
    return found


def design_in_use(campaign: str, day: str, path: Path = FILE) -> str | None:
    """The design that a campaign's lists for a day and before were published with; None where there are none."""
    told = {"campaign": campaign, "day": day}
    with opened(path) as con:
        if con is None:
            return None
        if version_of(con) < 2:
            found = con.execute("select 1 from publication where campaign = :campaign and as_of <= :day", told)
            return HOLDOUT if found.fetchone() else None
        designs = sorted(design for (design,) in con.execute(_DESIGNS, told))
    return designs[0] if designs else None


def assign(con: sqlite3.Connection, number: int, share: float | None, draws: Draws | None = None) -> None:
    """Append the assignments of a publication's entries.

    Args:
        con: the transaction.
        number: of the publication, whose entries are there.
        share: as `share_of` has it; None: it is estimated by the share of this list's entries, and marked so.
        draws: of everybody on it, where its places were drawn; then there is no share.
    """
    if draws is not None:
        _assign_drawn(con, number, draws)
        return
    known_from = ESTIMATED if share is None else MANIFEST
    if share is None:
        held_out = "select avg(\"group\" = 'control') from entry where publication = ?"
        share = float(con.execute(held_out, [number]).fetchone()[0] or 0.0)
    rule = _rule(con, number)
    told = {"number": number, "share": share, "design": HOLDOUT, "rule": rule, "known_from": known_from}
    con.execute(_ASSIGN.format(rule=rule), told)


def _assign_drawn(con: sqlite3.Connection, number: int, draws: Draws) -> None:
    rule = _rule(con, number)
    groups = f'select customer_id, "group", {rule} from entry where publication = ? order by rank, customer_id'
    known = {customer: (chance, drawn_as, times) for customer, chance, drawn_as, times in draws}
    rows = []
    for customer, group, score in con.execute(groups, [number]).fetchall():
        chance, drawn_as, times = known[customer]
        probability = chance if group == CONTACT else 1 - chance
        rows.append((number, customer, group, probability, LOTTERY, f"{drawn_as} {times} by {rule}", score, MANIFEST))
    columns = "publication, customer_id, arm, probability, design, rule, score, known_from"
    con.executemany(f"insert into assignment ({columns}) values (?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _rule(con: sqlite3.Connection, number: int) -> str:
    """The figure that ranked a list: the first of RULES that its customers have."""
    for rule in RULES:
        having = f"select 1 from entry where publication = ? and {rule} is not null"
        if con.execute(having, [number]).fetchone():
            return rule
    return RULES[-1]
