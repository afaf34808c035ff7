"""The files' tables: who is contacted, who is left alone on purpose, who was kept off, who has left already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.decision import ranking
from models.decision.cut import CONTACT, CONTROL, HELD
from models.explanation.reasons import Driver
from pipelines.at_risk.changes import changes
from pipelines.at_risk.decide import Decided, Given
from pipelines.at_risk.policy.consent import addresses
from pipelines.at_risk.policy.contact_rules import held_back
from pipelines.at_risk.reasons import good_news, raising
from pipelines.at_risk.win_back import win_back
from pipelines.rendering.language.language import Language
from pipelines.runtime.errors import ChurnError
from pipelines.settings.params import Settings

if TYPE_CHECKING:
    import pandas as pd

CONTACT_COLUMNS = ("name", "email", "phone")
HELD_BACK = ("customer_id", "rank", "churn_probability", "value_at_risk", "rule", "said", "as_of", "list_id")


@dataclass(frozen=True)
class Tables:
    """What is written.

    Attributes:
        listed: the list; with contact columns where contacts are given.
        control: the same columns without those of contacts; `rank` is the place a customer would have had.
        held_back: HELD_BACK.
        win_back: see win_back.py.
        topics: of each listed customer's first reason; "" where there is none.
    """

    listed: pd.DataFrame
    control: pd.DataFrame
    held_back: pd.DataFrame
    win_back: pd.DataFrame
    topics: tuple[str, ...]


def tables(
    given: Given, decided: Decided, others: Mapping[str, pd.DataFrame], settings: Settings, language: Language
) -> Tables:
    """The tables of a decided week. `others`: scores of further definitions, which add a column each.

    Raises:
        ChurnError: nobody is left to be contacted.
    """
    import pandas as pd

    met = decided.cut.met
    _require_somebody(decided, settings, language)
    chosen = pd.concat([met[met["place"] == CONTACT], met[met["place"] == CONTROL]], ignore_index=True)
    said = decided.reasons.drivers(chosen["row"].to_numpy())
    told = ranking.with_reasons(chosen, [[driver.sentence for driver in raising(found)] for found in said])
    change = changes(told, given.known.entries, [good_news(found) for found in said], language)
    whole = ranking.complete(ranking.beside(told.assign(group=told["place"], change=change), others))
    contacted = (whole["group"] == CONTACT).to_numpy()
    listed = whole[contacted].reset_index(drop=True)
    return Tables(
        listed=_with_contacts(listed, given.contacts, settings),
        control=whole[~contacted].reset_index(drop=True),
        held_back=_held_back(met, listed["list_id"].iloc[0]),
        win_back=_win_back(given, settings),
        topics=tuple(_topic(found) for found, here in zip(said, contacted, strict=True) if here),
    )


def _topic(found: list[Driver]) -> str:
    first = raising(found)[:1]
    return first[0].topic if first else ""


def _require_somebody(decided: Decided, settings: Settings, language: Language) -> None:
    if (decided.cut.met["place"] == CONTACT).any():
        return
    following, kept = decided.cut.following, decided.cut.of(HELD)
    if len(following):
        best = language.money(float(following["expected_net_value"].iloc[0]))
        spent = language.money(float(following["spending"].iloc[0]))
        raise ChurnError(
            f"make_list: nobody is worth a contact this week: the best one is expected to bring {best} and to cost "
            f"{spent} (budget: {settings.at_risk.budget or 'any'}). Look at `value:` and `playbook:` in params.yaml; "
            "at_risk.value_over says for how long a kept customer counts, and with at_risk.stop_when_unprofitable: "
            "false the list goes on to its capacity. No list was written; earlier lists are untouched."
        )
    rules = ", ".join(f"{rule}: {number:,}" for rule, number in kept["kept_off"].value_counts().items())
    raise ChurnError(
        f"make_list: nobody is left to be contacted: all {len(kept):,} customers were kept off ({rules}). Look at "
        "`contact_rules:` and `playbook:` in params.yaml. No list was written; earlier lists are untouched."
    )


def _with_contacts(listed: pd.DataFrame, contacts: pd.DataFrame | None, settings: Settings) -> pd.DataFrame:
    """Name, e-mail and phone beside the list's own columns, where the contacts have them and they may be used."""
    if contacts is None:
        return listed
    own = contacts.set_index("customer_id").reindex(listed["customer_id"])
    own = own.assign(**addresses(contacts, settings, listed["customer_id"]))
    table = listed.copy()
    for place, name in enumerate(name for name in CONTACT_COLUMNS if name in own):
        table.insert(len(ranking.LIST_COLUMNS) + place, name, own[name].to_numpy())
    return table


def _held_back(met: pd.DataFrame, list_id: str) -> pd.DataFrame:
    kept = met[met["place"] == HELD].assign(list_id=list_id).drop(columns="rule").rename(columns={"kept_off": "rule"})
    return kept[list(HELD_BACK)].reset_index(drop=True)


def _win_back(given: Given, settings: Settings) -> pd.DataFrame:
    """Those who have left, without the campaign's control group and those whom a rule keeps everybody from.

    That they cancelled is why they are here.
    """
    rules = settings.contact_rules.model_copy(update={"cancelled": None})
    every = settings.at_risk.win_back.model_copy(update={"most": len(given.features)})
    at_risk = settings.at_risk.model_copy(update={"win_back": every})
    eased = settings.model_copy(update={"contact_rules": rules, "at_risk": at_risk})
    without = {*given.suppressed, *_held_out(given)}
    gone = win_back(eased, given.activity, given.features, given.model, without=without)
    kept = held_back(gone, given.contacts, given.known, given.activity, eased)
    free = gone[~gone["customer_id"].isin(kept["customer_id"])]
    return free.head(settings.at_risk.win_back.most).reset_index(drop=True)


def _held_out(given: Given) -> set[str]:
    """Who is in the control group since an earlier list of the campaign: nobody invites them back either."""
    groups = given.assigned.before
    return set(groups.index[groups == CONTROL])
