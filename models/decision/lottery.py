"""The places at the margin of capacity, drawn by lot: the control group are those whom capacity denies a call anyway.

Down the ranking, the first are sure to be contacted. The places that are left are drawn among about twice as many
candidates who come next. Nobody can choose: the lot is HMAC-SHA256 (RFC 2104) of campaign, draw and customer, with a
key fixed before the first list. Candidates are ordered by stratum and rank and cut into as many blocks as there are
places; of each block the one whose lot is lowest is drawn, so strata have their share, and whoever stands in a block of
b was drawn with probability 1 / b, which is recorded. The effect is measured for those who could have gone either way;
of the sure ranks nothing is known, but for the few that `sure_holdout` keeps out.

Whoever was contacted stays so and takes a place; whoever was not drawn stays out, takes none, and may be drawn again
when the lottery's weeks are over, by a lot of its own. Intention to treat goes by the first draw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from models.decision.control_group import CONTACT, CONTROL, keyed_uniform
from models.errors import ModelError

HOLDOUT, LOTTERY = "holdout", "lottery"
"""Designs of a campaign: a share of everybody is held out (control_group.py), or the last places are drawn."""
SURE, DRAWN, CARRIED = "sure", "drawn", "carried"
CANDIDATES_PER_PLACE = 2
LARGEST_HOLDOUT = 0.5


@dataclass(frozen=True)
class Candidate:
    """One who may come on the list, in the order of the ranking.

    Attributes:
        customer: the id.
        stratum: any text: risk tier and segment.
    """

    customer: str
    stratum: str = ""


@dataclass(frozen=True)
class Earlier:
    """What became of a customer on this campaign's lists for earlier days.

    Attributes:
        group: `contact` or `control`, at the newest draw.
        weeks_ago: since that draw, at least 0.
        draws: how many there were, at least 1.
    """

    group: str
    weeks_ago: int
    draws: int = 1


@dataclass(frozen=True)
class Assignment:
    """The place of one customer on this list.

    Attributes:
        customer: the id.
        group: `contact` or `control`.
        probability: with which this draw gave them a contact, 0..1; None where an earlier draw counts (`carried`).
        by: `sure`, `drawn` or `carried`.
        draws: how many there were, this one included.
    """

    customer: str
    group: str
    probability: float | None
    by: str
    draws: int


@dataclass(frozen=True)
class Design:
    """The lottery.

    Attributes:
        capacity: customers contacted in a week, at least 1.
        sure: of them, those at the top that are not drawn, 0 to `capacity`.
        weeks: that an undrawn customer stays undrawn, at least 1.
        sure_holdout: probability that one of the sure is kept out, 0 to 0.5.
        key: any text, the same throughout the campaign.
        campaign: its name.
    """

    capacity: int
    sure: int
    weeks: int
    key: str
    campaign: str
    sure_holdout: float = 0.0

    def __post_init__(self) -> None:
        allowed = {
            "capacity": (self.capacity, 1, float("inf")),
            "sure": (self.sure, 0, self.capacity),
            "lottery_weeks": (self.weeks, 1, float("inf")),
            "sure_holdout": (self.sure_holdout, 0, LARGEST_HOLDOUT),
        }
        faults = [
            f"lottery: {name} must lie between {low:g} and {high:g}, found {found:g}."
            for name, (found, low, high) in allowed.items()
            if not low <= found <= high
        ]
        if faults:
            raise ModelError("\n".join(faults))


def draw(candidates: Sequence[Candidate], earlier: Mapping[str, Earlier], design: Design) -> list[Assignment]:
    """Who is contacted and who is the control group, in the order of the ranking, down to the last candidate.

    Whoever comes after the last place has none on the list and is left out of the result, unassigned.

    Args:
        candidates: everybody who may be contacted, best first, each once.
        earlier: by customer, of all who were assigned in this campaign before, candidates or not. With the assignments
            of this very list among them the result is the same people in the same groups.
        design: see Design.
    """
    _require_sound(candidates, earlier)
    found, margin = _sure(candidates, earlier, design)
    seats = design.capacity - sum(one.group == CONTACT for one in found)
    fresh: list[Candidate] = []
    carried: list[tuple[int, Assignment]] = []
    for place, one in enumerate(margin):
        before = _standing(one, earlier, design)
        is_full = len(fresh) >= CANDIDATES_PER_PLACE * seats
        if is_full and (before is None or before.group == CONTACT):
            break
        if before is None:
            fresh.append(one)
        else:
            carried.append((place, before))
            seats -= before.group == CONTACT
    fresh = fresh[: CANDIDATES_PER_PLACE * max(seats, 0)]
    drawn = _lots(fresh, max(seats, 0), earlier, design)
    places = {one.customer: place for place, one in enumerate(margin)}
    rest = [*((places[one.customer], one) for one in drawn), *carried]
    return [*found, *(one for _, one in sorted(rest, key=lambda pair: pair[0]))]


def _sure(
    candidates: Sequence[Candidate], earlier: Mapping[str, Earlier], design: Design
) -> tuple[list[Assignment], Sequence[Candidate]]:
    """The top of the list until the sure places are taken, and who comes after it."""
    found: list[Assignment] = []
    taken = 0
    for place, one in enumerate(candidates):
        if taken == design.sure:
            return found, candidates[place:]
        before = _standing(one, earlier, design)
        if before is None:
            before = _held_out_or_sure(one, earlier, design)
        found.append(before)
        taken += before.group == CONTACT
    return found, candidates[len(candidates) :]


def _held_out_or_sure(one: Candidate, earlier: Mapping[str, Earlier], design: Design) -> Assignment:
    draws = _draws(one, earlier) + 1
    lot = keyed_uniform(one.customer, key=design.key, campaign=design.campaign, purpose=f"sure {draws}")
    group = CONTROL if lot < design.sure_holdout else CONTACT
    return Assignment(one.customer, group, 1 - design.sure_holdout, SURE, draws)


def _standing(one: Candidate, earlier: Mapping[str, Earlier], design: Design) -> Assignment | None:
    """The group that an earlier draw gave, as long as it counts."""
    before = earlier.get(one.customer)
    if before is None or (before.group == CONTROL and before.weeks_ago >= design.weeks):
        return None
    return Assignment(one.customer, before.group, None, CARRIED, before.draws)


def _draws(one: Candidate, earlier: Mapping[str, Earlier]) -> int:
    return earlier[one.customer].draws if one.customer in earlier else 0


def _lots(
    fresh: Sequence[Candidate], seats: int, earlier: Mapping[str, Earlier], design: Design
) -> Iterator[Assignment]:
    """One of each block is drawn; with no more candidates than places, all are."""
    ordered = [fresh[place] for place in sorted(range(len(fresh)), key=lambda place: (fresh[place].stratum, place))]
    blocks: dict[int, list[Candidate]] = {}
    for place, one in enumerate(ordered):
        block = place if len(ordered) <= seats else place * seats // len(ordered)
        blocks.setdefault(block, []).append(one)
    for members in blocks.values():
        lots = {one.customer: _lot(one, earlier, design) for one in members}
        first = min(lots, key=lambda customer: (lots[customer], customer)) if seats else None
        probability = 1 / len(members) if seats else 0.0
        for one in members:
            group = CONTACT if one.customer == first else CONTROL
            yield Assignment(one.customer, group, probability, DRAWN, _draws(one, earlier) + 1)


def _lot(one: Candidate, earlier: Mapping[str, Earlier], design: Design) -> float:
    purpose = f"lottery {_draws(one, earlier) + 1}"
    return keyed_uniform(one.customer, key=design.key, campaign=design.campaign, purpose=purpose)


def _require_sound(candidates: Sequence[Candidate], earlier: Mapping[str, Earlier]) -> None:
    ids = [one.customer for one in candidates]
    faults = []
    if len(set(ids)) < len(ids):
        twice = sorted(one for one, times in Counter(ids).items() if times > 1)
        faults.append(f"lottery: candidates stand twice ({', '.join(twice[:5])}). Give each customer once.")
    strange = sorted({one.group for one in earlier.values()} - {CONTACT, CONTROL})
    if strange:
        faults.append(f"lottery: {', '.join(strange[:5])} is no group. Allowed: {CONTACT}, {CONTROL}.")
    if faults:
        raise ModelError("\n".join(faults))
