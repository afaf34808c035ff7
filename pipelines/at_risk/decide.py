"""The week's decision on everyone scored: playbook, net value, suppression, control group, and where the list ends.

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

from models.decision import cut, ranking
from models.decision.control_group import CONTACT
from models.decision.cut import HELD, Cut
from models.decision.lottery import LOTTERY
from pipelines.at_risk.policy import campaign, lottery
from pipelines.at_risk.policy.campaign import Assignments
from pipelines.at_risk.policy.consent import permitted_channels
from pipelines.at_risk.policy.contact_rules import SUPPRESSION, suppressed
from pipelines.at_risk.policy.learnt import Learnt, is_applied
from pipelines.at_risk.policy.playbook import NONE, Candidates, Playbook, Positions, require_possible
from pipelines.at_risk.reasons import Reasons
from pipelines.ledger.assignment import Draws
from pipelines.ledger.read import LedgerHistory
from pipelines.rendering.language.language import Language
from pipelines.settings.decision import ListPolicy

if TYPE_CHECKING:
    import pandas as pd

    from models.churn_model import ChurnModel

ORDERED_SINCE, LEFT_ALONE = "ordered_since", "left_alone"
_HEAD = 2000  # of the ranking, at least


@dataclass(frozen=True)
class ListInputs:
    """What a list is decided from.

    Attributes:
        scores: of the definition that ranks, one row per eligible customer.
        features: of the list's day.
        model: the champion.
        activity: the folder of the scoring branch.
        facts: its facts.json.
        history: content of the ledger before the list's day.
        contacts: the contacts table; None where there is none.
        ordered_since: ids of customers who ordered since the data ends.
        assigned: earlier assignments of this campaign.
        learnt: what outcomes of earlier lists taught about the playbook's actions; None: nothing.
    """

    scores: pd.DataFrame
    features: pd.DataFrame
    model: ChurnModel
    activity: Path
    facts: Mapping[str, Any]
    history: LedgerHistory
    contacts: pd.DataFrame | None = None
    ordered_since: frozenset[str] = frozenset()
    assigned: Assignments = field(default_factory=Assignments)
    learnt: Learnt | None = None


@dataclass(frozen=True)
class Decision:
    """Who is contacted, held out and suppressed.

    Attributes:
        cut: of the ranking; see cut.py. Its rows have `rule` (position in the playbook, -1: none), `action`,
            `channel`, `owner`, `send_by` and, where they are suppressed, `suppressed_by` (the rule) and `said` (why).
        eligible_by_rule: per rule of the playbook, how many eligible customers it may be the first to match.
        reasons: of everyone scored, by `row` of the cut's rows.
        draws: where places are drawn by lot, what is to be recorded of everybody contacted or not drawn; else None.
    """

    cut: Cut
    eligible_by_rule: Sequence[int]
    reasons: Reasons
    draws: Draws | None = None


def decide(inputs: ListInputs, policy: ListPolicy, language: Language) -> Decision:
    """The week's decision, the same for the same inputs.

    Raises:
        ChurnError: a rule of the playbook asks for what the data does not have.
        ModelError: scores that cannot be ranked.
    """
    return _Week(inputs, policy, language).decision()


def rank_everyone(inputs: ListInputs, policy: ListPolicy, language: Language) -> pd.DataFrame:
    """All who were scored, in order of rank, with what the playbook and the rules say of each; see `Decision`.

    For questions about single customers: it works through everybody, with everybody's reasons if a rule needs them.
    """
    ranking_table = _Week(inputs, policy, language).ranked(np.arange(len(inputs.scores)))
    return ranking_table.assign(rank=np.arange(1, len(ranking_table) + 1))


def horizons_kept(policy: ListPolicy) -> float:
    """For how many horizons a retained customer goes on bringing the expected value: `at_risk.value_over`."""
    over = policy.at_risk.value_over
    if over == "year":
        return 365 / policy.moment.churn.horizon_days
    return 1.0 if over == "horizon" else float(over)


class _Week:
    """Everyone eligible, in the order of `scores`, with everything that does not need their reasons."""

    def __init__(self, inputs: ListInputs, policy: ListPolicy, language: Language) -> None:
        ranking.require_sound(inputs.scores)
        self.inputs, self.policy, self.language = inputs, policy, language
        self.table = ranking.rounded(inputs.scores).reset_index(drop=True)
        by_customer = inputs.features.set_index(inputs.features["customer_id"].astype("str"), drop=False)
        self.features = by_customer.loc[self.table["customer_id"]].reset_index(drop=True)
        floors = ranking.tier_floors(ranking.base_rate(inputs.scores), policy.at_risk.tiers.odds())
        self.table["risk_tier"] = ranking.risk_tiers(self.table["churn_probability"], floors)
        self.table["segment"] = inputs.model.segments(self.features)["segment"].to_numpy()
        self.reasons = Reasons(inputs.model, self.features, language)
        self.playbook = Playbook(policy.playbook, self._people(), policy.value)
        require_possible(policy.playbook, policy.moment.main_activity, inputs.facts, self.playbook.people)

    def _people(self) -> Candidates:
        columns = ["customer_id", "segment", "risk_tier", "expected_value", "value_at_risk"]
        if self.inputs.contacts is None:
            return Candidates(self.table[columns], self.features)
        ids = self.table["customer_id"]
        contacts = self.inputs.contacts.set_index("customer_id").reindex(ids).reset_index()
        permitted = permitted_channels(self.inputs.contacts, self.policy.contact, ids)
        return Candidates(self.table[columns], self.features, list(permitted), contacts)

    @cached_property
    def worth(self) -> npt.NDArray[np.float64]:
        """Money that a retained customer brings; null without money."""
        horizons = horizons_kept(self.policy) * self.policy.value.margin_share
        return self.table["expected_value"].to_numpy("float64") * horizons

    def net_value(self, rows: Positions, chosen: Positions) -> npt.NDArray[np.float64]:
        """What contacting each of these people brings, by the rule of the playbook that takes them; six digits."""
        chance = self.table["churn_probability"].to_numpy("float64")[rows]
        money = self._money(rows, chosen)
        return np.asarray(ranking.net_value(chance, self.worth[rows], **money).round(6), dtype=np.float64)

    def _money(self, rows: Positions, chosen: Positions) -> dict[str, npt.NDArray[np.float64]]:
        """`success`, `cost` and `incentive` of each of these people; the success is what is believed of it by now."""
        money = {name: self.playbook.money(name)[chosen] for name in ("success", "cost", "incentive")}
        learnt, policy = self.inputs.learnt, self.policy
        if learnt is not None and is_applied(policy.value, policy.campaign):
            money["success"] = learnt.success(chosen, list(self.table["segment"].to_numpy()[rows]))
        return money

    @cached_property
    def best(self) -> npt.NDArray[np.float64]:
        """An upper bound of what ranks everyone: the probability, or the highest net value that the playbook allows."""
        if not ranking.has_money(self.table):
            return self.table["churn_probability"].to_numpy("float64")
        everyone = np.arange(len(self.table))
        by_none = self.net_value(everyone, np.full_like(everyone, NONE))
        bounds = np.where(self.playbook.may_be_left_over, by_none, -np.inf)
        for rule, open_to in enumerate(self.playbook.possible):
            rows = np.flatnonzero(open_to)
            bounds[rows] = np.maximum(bounds[rows], self.net_value(rows, np.full_like(rows, rule)))
        return bounds

    def decision(self) -> Decision:
        """The ranking, cut: its head is made twice as long until the list ends within it."""
        order = np.lexsort((self.table["customer_id"].to_numpy(dtype=object).astype(str), -self.best))
        size = max(_HEAD, 4 * self.policy.at_risk.capacity)
        while True:
            head = self.ranked(order[:size])
            if size < len(order):
                head = head[head[self._measure] >= self.best[order[size]]]
            chosen, draws = self._cut(head)
            if size >= len(order) or (chosen.bound != cut.EVERYONE and len(chosen.following) == cut.FOLLOWING):
                return Decision(chosen, self._eligible_by_rule(), self.reasons, draws)
            size *= 2

    @property
    def _measure(self) -> str:
        return "expected_net_value" if ranking.has_money(self.table) else "churn_probability"

    def ranked(self, rows: Positions) -> pd.DataFrame:
        """These people in order of rank, with what the playbook says of them, their suppression and their group."""
        import pandas as pd

        about = self.reasons.activities(rows) if self.playbook.needs_reasons else None
        chosen = self.playbook.chosen(rows, about)
        table = self.table.iloc[rows].reset_index(drop=True).assign(row=rows, rule=chosen)
        orders = self.playbook.orders(rows, chosen, self.policy.moment.as_of)
        table = pd.concat([table, orders], axis=1).assign(left_alone=self.playbook.left_alone(chosen))
        chance = table["churn_probability"].to_numpy("float64")
        table["spending"] = ranking.spending(chance, **self._money(rows, chosen))
        table["expected_net_value"] = self.net_value(rows, chosen)
        table = table.sort_values([self._measure, "customer_id"], ascending=[False, True], ignore_index=True)
        return self._grouped(table)

    def _grouped(self, table: pd.DataFrame) -> pd.DataFrame:
        """With `suppressed_by`, `said` and `place`: contact, control or held."""
        first = self._suppressions(table).drop_duplicates("customer_id").set_index("customer_id")
        ids = table["customer_id"]
        table = table.assign(suppressed_by=ids.map(first["rule"]), said=ids.map(first["said"]))
        free = table[table["suppressed_by"].isna()]
        if self.policy.campaign.design == LOTTERY:  # drawn with the cut, which knows the places
            return table.assign(place=np.where(table["suppressed_by"].isna(), CONTACT, HELD))
        groups = campaign.groups(free, self.inputs.assigned, self.policy.campaign).to_dict()
        return table.assign(place=[groups.get(customer, HELD) for customer in ids])

    def _suppressions(self, table: pd.DataFrame) -> pd.DataFrame:
        """customer_id, rule, said; a customer may have several rows, of which the first counts."""
        import pandas as pd

        say, inputs = self.language.say, self.inputs
        since = table[table["customer_id"].isin(inputs.ordered_since)].assign(
            rule=ORDERED_SINCE,
            said=say("Has ordered since the data ends: the id stands in the file of at_risk.suppress."),
        )
        rules = suppressed(
            table,
            inputs.contacts,
            inputs.history,
            inputs.activity,
            moment=self.policy.moment,
            policy=self.policy.contact,
            language=self.language,
        )
        alone = table[table["left_alone"]]
        why = [
            say("The playbook has no rule for this customer.")
            if rule == NONE
            else say("The playbook says to leave this customer alone.")
            for rule in alone["rule"]
        ]
        parts = [since, rules, alone.assign(rule=LEFT_ALONE, said=why)]
        return pd.concat([part[list(SUPPRESSION)].astype("str") for part in parts], ignore_index=True)

    def _cut(self, head: pd.DataFrame) -> tuple[Cut, Draws | None]:
        at_risk = self.policy.at_risk
        stop = at_risk.stop_when_unprofitable and ranking.has_money(self.table)
        if self.policy.campaign.design == LOTTERY:
            return lottery.drawn(head, self.inputs.assigned.draws, self.policy, stop=stop)
        capacity, budget = at_risk.capacity, at_risk.budget
        return cut.cut(head, capacity=capacity, budget=budget, stop_when_unprofitable=stop), None

    def _eligible_by_rule(self) -> list[int]:
        return [int(open_to.sum()) for open_to in self.playbook.possible]
