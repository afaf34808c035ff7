"""The tables of a list's files: the list, its control group, the suppressed, and the win-back list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.decision import ranking
from models.decision.control_group import CONTACT, CONTROL, GROUPS
from models.decision.cut import HELD
from models.explanation.reasons import Driver
from pipelines.at_risk.changes import changes
from pipelines.at_risk.decide import Decision, ListInputs
from pipelines.at_risk.policy.consent import addresses
from pipelines.at_risk.policy.contact_rules import suppressed
from pipelines.at_risk.reasons import raising, strongest_relief
from pipelines.at_risk.win_back import churned, win_back
from pipelines.rendering.columns import CONTACT_COLUMNS
from pipelines.rendering.language.language import Language
from pipelines.runtime.errors import ChurnError
from pipelines.settings.decision import ContactPolicy, ListPolicy

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Tables:
    """What the files of a list hold.

    Attributes:
        listed: the list; with contact columns where contacts are given.
        control: the same columns without those of contacts; `rank` is the position a customer would have had.
        suppressed: SUPPRESSED_COLUMNS.
        win_back: see win_back.py.
        topics: of each listed customer's first reason; "" where there is none.
    """

    listed: pd.DataFrame
    control: pd.DataFrame
    suppressed: pd.DataFrame
    win_back: pd.DataFrame
    topics: tuple[str, ...]


def tables(
    inputs: ListInputs,
    decision: Decision,
    others: Mapping[str, pd.DataFrame],
    *,
    status: pd.Series[str],
    policy: ListPolicy,
    language: Language,
) -> Tables:
    """The tables of a decided week.

    Args:
        inputs: what it was decided from.
        decision: see decide.py.
        others: scores of further definitions, which add a column each.
        status: by customer_id, of everyone in the activity; see modelling/eligibility.py.
        policy: by which it was decided.
        language: of the sentences.

    Raises:
        ChurnError: nobody is left to be contacted.
    """
    import pandas as pd

    above = decision.cut.above
    _require_contacts(decision, policy.at_risk.budget, language)
    chosen = pd.concat([above[above["place"] == group] for group in GROUPS], ignore_index=True)
    drivers = decision.reasons.drivers(chosen["row"].to_numpy())
    chosen = ranking.with_reasons(chosen, [[driver.sentence for driver in raising(own)] for own in drivers])
    change_texts = changes(chosen, inputs.history.entries, [strongest_relief(own) for own in drivers], language)
    table = ranking.list_table(
        ranking.with_further_definitions(chosen.assign(group=chosen["place"], change=change_texts), others)
    )
    contacted = (table["group"] == CONTACT).to_numpy()
    listed = table[contacted].reset_index(drop=True)
    return Tables(
        listed=_with_contacts(listed, inputs.contacts, policy.contact),
        control=table[~contacted].reset_index(drop=True),
        suppressed=_suppressed(above, listed["list_id"].iloc[0]),
        win_back=_win_back(inputs, status, policy, language),
        topics=tuple(_topic(own) for own, is_listed in zip(drivers, contacted, strict=True) if is_listed),
    )


def _topic(drivers: list[Driver]) -> str:
    first = raising(drivers)[:1]
    return first[0].topic if first else ""


def _require_contacts(decision: Decision, budget: float | None, language: Language) -> None:
    if (decision.cut.above["place"] == CONTACT).any():
        return
    following, held = decision.cut.following, decision.cut.of(HELD)
    if len(following):
        best = language.money(float(following["expected_net_value"].iloc[0]))
        spent = language.money(float(following["spending"].iloc[0]))
        raise ChurnError(
            f"make_list: nobody is worth a contact this week: the best one is expected to bring {best} and to cost "
            f"{spent} (budget: {budget or 'any'}). Look at `value:` and `playbook:` in params.yaml; "
            "at_risk.value_over says for how long a kept customer counts, and with at_risk.stop_when_unprofitable: "
            "false the list goes on to its capacity. No list was written; earlier lists are untouched."
        )
    rules = ", ".join(f"{rule}: {number:,}" for rule, number in held["suppressed_by"].value_counts().items())
    raise ChurnError(
        f"make_list: nobody is left to be contacted: all {len(held):,} customers were kept off ({rules}). Look at "
        "`contact_rules:` and `playbook:` in params.yaml. No list was written; earlier lists are untouched."
    )


def _with_contacts(listed: pd.DataFrame, contacts: pd.DataFrame | None, policy: ContactPolicy) -> pd.DataFrame:
    """The list with name, e-mail and phone, where the contacts have them and they may be used."""
    if contacts is None:
        return listed
    own = contacts.set_index("customer_id").reindex(listed["customer_id"])
    own = own.assign(**addresses(contacts, policy, listed["customer_id"]))
    table = listed.copy()
    for offset, name in enumerate(name for name in CONTACT_COLUMNS if name in own):
        table.insert(len(ranking.LIST_COLUMNS) + offset, name, own[name].to_numpy())
    return table


def _suppressed(above: pd.DataFrame, list_id: str) -> pd.DataFrame:
    rows = above[above["place"] == HELD].assign(list_id=list_id)
    table = rows.drop(columns="rule").rename(columns={"suppressed_by": "rule"})
    return table[list(ranking.SUPPRESSED_COLUMNS)].reset_index(drop=True)


def _win_back(inputs: ListInputs, status: pd.Series[str], policy: ListPolicy, language: Language) -> pd.DataFrame:
    """The churned, without the campaign's control group and those whom a rule suppresses.

    The rule on cancellations is left out: having cancelled is why they are here.
    """
    limits = policy.at_risk.win_back
    customers = churned(status) - inputs.ordered_since - _control_group(inputs)
    unlimited = limits.model_copy(update={"most": len(inputs.features)})
    table = win_back(customers, inputs.features, inputs.model, inputs.activity, moment=policy.moment, limits=unlimited)
    rules = policy.contact.rules.model_copy(update={"cancelled": None})
    suppressed_customers = suppressed(
        table,
        inputs.contacts,
        inputs.history,
        inputs.activity,
        moment=policy.moment,
        policy=replace(policy.contact, rules=rules),
        language=language,
    )
    allowed = table[~table["customer_id"].isin(suppressed_customers["customer_id"])]
    return allowed.head(limits.most).reset_index(drop=True)


def _control_group(inputs: ListInputs) -> set[str]:
    """Customers held out since an earlier list of the campaign: they get no invitation either."""
    groups = inputs.assigned.before
    return set(groups.index[groups == CONTROL])
