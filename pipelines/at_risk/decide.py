"""From everyone who was scored to who is contacted this week: playbook, net value, rules, control group, cut.

Only the head of the ranking is worked through, and more of it where the list does not end there: what a customer could
bring at best is known before the reasons are, and they cost far more than a score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.decision import control_group, cut, ranking
from models.decision.cut import CONTACT, CONTROL, HELD, Cut
from pipelines.at_risk.policy import campaign
from pipelines.at_risk.policy.campaign import Assigned
from pipelines.at_risk.policy.consent import permitted_channels
from pipelines.at_risk.policy.contact_rules import held_back
from pipelines.at_risk.policy.playbook import NONE, People, Places, Playbook, faults_of_playbook
from pipelines.at_risk.reasons import Reasons
from pipelines.ledger.read import Known
from pipelines.rendering.language.language import Language
from pipelines.settings.params import Settings

if TYPE_CHECKING:
    import pandas as pd

    from models.churn_model import ChurnModel

ORDERED_SINCE, LEFT_ALONE = "ordered_since", "left_alone"
_HEAD = 2000  # of the ranking, at least


@dataclass(frozen=True)
class Given:
    """What a list is decided from.

    Attributes:
        scores: of the definition that ranks, one row per eligible customer.
        features: of the list's day.
        model: the champion.
        activity: the folder of the scoring branch.
        facts: its facts.json.
        known: what the ledger held before the list's day.
        contacts: the contacts table; None where there is none.
        suppressed: ids that ordered since the data ends.
        assigned: who was contacted or held out in this campaign before.
    """

    scores: pd.DataFrame
    features: pd.DataFrame
    model: ChurnModel
    activity: Path
    facts: Mapping[str, Any]
    known: Known
    contacts: pd.DataFrame | None = None
    suppressed: frozenset[str] = frozenset()
    assigned: Assigned = field(default_factory=Assigned)


@dataclass(frozen=True)
class Decided:
    """Who is contacted, held out and kept off.

    Attributes:
        cut: of the ranking; see cut.py. Its rows have `rule` (place in the playbook, -1: none), `action`,
            `channel`, `owner`, `send_by` and, where they were kept off, `kept_off` (by which rule) and `said` (why).
        takes: per rule of the playbook, of how many eligible customers it may be the first that matches.
        reasons: of everyone, asked for by `row` of the cut's rows.
    """

    cut: Cut
    takes: Sequence[int]
    reasons: Reasons


def decide(given: Given, settings: Settings, language: Language) -> Decided:
    """The week's decision, the same for the same inputs.

    Raises:
        ChurnError: a rule of the playbook asks for what the data does not have.
        ModelError: scores that cannot be ranked.
    """
    return _Week(given, settings, language).decided()


def standing_of_everyone(given: Given, settings: Settings, language: Language) -> pd.DataFrame:
    """All who were scored, in order of rank, with what the playbook and the rules say of each; see `Decided`.

    For questions about single customers: it works through everybody, and asks for everybody's reasons if a rule does.
    """
    week = _Week(given, settings, language)
    found = week.settled(np.arange(len(given.scores)))
    return found.assign(rank=np.arange(1, len(found) + 1))


def horizons_of(settings: Settings) -> float:
    """For how many horizons a customer who is kept goes on bringing the expected value: `at_risk.value_over`."""
    over = settings.at_risk.value_over
    if over == "year":
        return 365 / settings.churn[settings.at_risk.definition].horizon_days
    return 1.0 if over == "horizon" else float(over)


class _Week:
    """Everyone eligible, in the order of `scores`, with all that is known before the reasons are."""

    def __init__(self, given: Given, settings: Settings, language: Language) -> None:
        ranking.require_sound(given.scores)
        self.given, self.settings, self.language = given, settings, language
        self.table = ranking.rounded(given.scores).reset_index(drop=True)
        known = given.features.set_index(given.features["customer_id"].astype("str"), drop=False)
        self.features = known.loc[self.table["customer_id"]].reset_index(drop=True)
        floors = ranking.tier_floors(ranking.base_rate(given.scores), settings.at_risk.tiers.odds())
        self.table["risk_tier"] = ranking.risk_tiers(self.table["churn_probability"], floors)
        self.table["segment"] = given.model.segments(self.features)["segment"].to_numpy()
        self.reasons = Reasons(given.model, self.features, language)
        self.playbook = Playbook(settings.playbook, self._people(), settings.value)
        faults_of_playbook(settings, given.facts, self.playbook.people)

    def _people(self) -> People:
        columns = ["customer_id", "segment", "risk_tier", "expected_value", "value_at_risk"]
        if self.given.contacts is None:
            return People(self.table[columns], self.features)
        ids = self.table["customer_id"]
        contacts = self.given.contacts.set_index("customer_id").reindex(ids).reset_index()
        permitted = permitted_channels(self.given.contacts, self.settings, ids)
        return People(self.table[columns], self.features, list(permitted), contacts)

    @cached_property
    def worth(self) -> npt.NDArray[np.float64]:
        """Money that a customer brings who is kept; null without money."""
        horizons = horizons_of(self.settings) * self.settings.value.margin_share
        return self.table["expected_value"].to_numpy("float64") * horizons

    def net_value(self, rows: Places, chosen: Places) -> npt.NDArray[np.float64]:
        """What contacting each of these people brings, by the rule of the playbook that takes them. Six digits."""
        chance = self.table["churn_probability"].to_numpy("float64")[rows]
        money = {name: self.playbook.money(name)[chosen] for name in ("success", "cost", "incentive")}
        return np.asarray(ranking.net_value(chance, self.worth[rows], **money).round(6), dtype=np.float64)

    @cached_property
    def best(self) -> npt.NDArray[np.float64]:
        """What ranks everyone, at best: the probability, or the highest net value that the playbook leaves open."""
        if not ranking.has_money(self.table):
            return self.table["churn_probability"].to_numpy("float64")
        everyone = np.arange(len(self.table))
        by_none = self.net_value(everyone, np.full_like(everyone, NONE))
        ends = np.where(self.playbook.may_be_left_over, by_none, -np.inf)
        for place, open_to in enumerate(self.playbook.possible):
            rows = np.flatnonzero(open_to)
            ends[rows] = np.maximum(ends[rows], self.net_value(rows, np.full_like(rows, place)))
        return ends

    def decided(self) -> Decided:
        order = np.lexsort((self.table["customer_id"].to_numpy(dtype=object).astype(str), -self.best))
        size = max(_HEAD, 4 * self.settings.at_risk.capacity)
        while True:
            head = self.settled(order[:size])
            if size < len(order):
                head = head[head[self._by] >= self.best[order[size]]]
            found = self._cut(head)
            if size >= len(order) or (found.bound != cut.EVERYONE and len(found.following) == cut.FOLLOWING):
                return Decided(found, self._takes(), self.reasons)
            size *= 2

    @property
    def _by(self) -> str:
        return "expected_net_value" if ranking.has_money(self.table) else "churn_probability"

    def settled(self, rows: Places) -> pd.DataFrame:
        """These people in order of rank, with what the playbook says of them and where they stand."""
        import pandas as pd

        about = self.reasons.activities(rows) if self.playbook.needs_reasons else None
        chosen = self.playbook.chosen(rows, about)
        table = self.table.iloc[rows].reset_index(drop=True).assign(row=rows, rule=chosen)
        orders = self.playbook.orders(rows, chosen, self.settings.observations.score.as_of)
        table = pd.concat([table, orders], axis=1).assign(left_alone=self.playbook.left_alone(chosen))
        money = {name: self.playbook.money(name)[chosen] for name in ("success", "cost", "incentive")}
        chance = table["churn_probability"].to_numpy("float64")
        table["spending"] = ranking.spending(chance, **money)
        table["expected_net_value"] = self.net_value(rows, chosen)
        table = table.sort_values([self._by, "customer_id"], ascending=[False, True], ignore_index=True)
        return self._placed(table)

    def _placed(self, table: pd.DataFrame) -> pd.DataFrame:
        """With `kept_off`, `said` and `place`: contact, control or held."""
        kept = self._kept_off(table).drop_duplicates("customer_id").set_index("customer_id")
        told = table.assign(
            kept_off=table["customer_id"].map(kept["rule"]), said=table["customer_id"].map(kept["said"])
        )
        free = told[told["kept_off"].isna()]
        found = campaign.groups(free, self.given.assigned, self.settings)
        places = {str(one): CONTROL if group == control_group.CONTROL else CONTACT for one, group in found.items()}
        return told.assign(place=[places.get(one, HELD) for one in told["customer_id"]])

    def _kept_off(self, table: pd.DataFrame) -> pd.DataFrame:
        """customer_id, rule, said: the first row of a customer is the one that counts."""
        import pandas as pd

        say, given, ids = self.language.say, self.given, table["customer_id"]
        since = table[ids.isin(given.suppressed)].assign(
            rule=ORDERED_SINCE,
            said=say("Has ordered since the data ends: the id stands in the file of at_risk.suppress."),
        )
        rules = held_back(table, given.contacts, given.known, given.activity, self.settings)
        alone = table[table["left_alone"]]
        why = [
            say("The playbook has no rule for this customer.")
            if rule == NONE
            else say("The playbook says to leave this customer alone.")
            for rule in alone["rule"]
        ]
        parts = [since, rules, alone.assign(rule=LEFT_ALONE, said=why)]
        return pd.concat([part[["customer_id", "rule", "said"]].astype("str") for part in parts], ignore_index=True)

    def _cut(self, head: pd.DataFrame) -> Cut:
        at_risk = self.settings.at_risk
        return cut.cut(
            head,
            capacity=at_risk.capacity,
            budget=at_risk.budget,
            stop_when_unprofitable=at_risk.stop_when_unprofitable and ranking.has_money(self.table),
        )

    def _takes(self) -> list[int]:
        return [int(open_to.sum()) for open_to in self.playbook.possible]
