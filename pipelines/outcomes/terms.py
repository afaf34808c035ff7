"""What was agreed when a list was published, read from its archived copy: settings change, published lists do not.

A copy that is gone, or older than a setting, leaves what params.yaml says today, and that is marked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from features.churn.definition import Definition
from features.windows import day_number, day_text
from models.decision.control_group import CONTACT, CONTROL
from models.decision.lottery import LOTTERY
from pipelines.ledger.write import Published
from pipelines.publishing.archive import folder_of
from pipelines.runtime.receipt import read_receipt
from pipelines.settings import artifacts
from pipelines.settings.campaign.contacts import Campaign
from pipelines.settings.churn import Churn, definition_of
from pipelines.settings.model import Value

ARCHIVE, TODAY = "archive", "params.yaml"
_CHURN: TypeAdapter[Any] = TypeAdapter(Churn)


@dataclass(frozen=True)
class Terms:
    """Of one published list.

    Attributes:
        published: the publication.
        definition: what leaving meant; None where neither the copy nor params.yaml knows it any more.
        known_from: of the definition: `archive` or `params.yaml`.
        weeks: that the campaign was planned for.
        planned: customers, of both arms, by its end; None where the list did not say.
        hoped_for: the effect that was expected, in shares; None where the list did not say.
        costs: money by action: (contact, incentive); "" is any other action.
        playbook: the rules by which its customers got their actions, as params.yaml had them.
        lottery: where the last places were drawn by lot, `sure` (ranks at the top that were not) and `sure_holdout` (of
            them, the share kept out); else None.
    """

    published: Published
    definition: Definition | None
    known_from: str
    weeks: int
    planned: int | None
    hoped_for: float | None
    costs: Mapping[str, tuple[float, float]]
    playbook: Sequence[Mapping[str, Any]] = ()
    lottery: Mapping[str, Any] | None = None

    @property
    def matures_on(self) -> str | None:
        """The first day at whose midnight the whole horizon is over; None without a definition."""
        if self.definition is None:
            return None
        return day_text(day_number(self.published.as_of) + self.definition.lead.ahead_days)


@dataclass(frozen=True)
class TodaysTerms:
    """What params.yaml says today: the sections `churn`, `campaign`, `value`, `playbook`, as JSON has the last."""

    churn: Mapping[str, Churn]
    campaign: Campaign
    value: Value
    playbook: Sequence[Mapping[str, Any]]


def terms_of(published: Published, copies: Path, today: TodaysTerms) -> Terms:
    """The terms of a list.

    Args:
        published: the publication.
        copies: the folder of published copies.
        today: what holds where the copy does not say.
    """
    manifest = read_receipt(copies / folder_of(published).name / artifacts.MANIFEST)
    settings = _mapping(manifest.get("parameters"))
    definition, known_from = _definition(published.definition, settings, today)
    campaign = _mapping(manifest.get("campaign"))
    return Terms(
        published=published,
        definition=definition,
        known_from=known_from,
        weeks=int(campaign.get("weeks") or today.campaign.weeks),
        planned=_planned(_mapping(campaign.get("by_the_end"))),
        hoped_for=_mapping(campaign.get("assumed")).get("expected_effect"),
        costs=_costs(settings, today),
        playbook=_playbook(settings, today),
        lottery=_lottery(campaign),
    )


def _mapping(content: Any) -> Mapping[str, Any]:
    return content if isinstance(content, Mapping) else {}


def _definition(name: str | None, settings: Mapping[str, Any], today: TodaysTerms) -> tuple[Definition | None, str]:
    archived = _mapping(settings.get("churn")).get(name or "")
    if archived is not None:
        try:
            return definition_of(_CHURN.validate_python(archived)), ARCHIVE
        except ValidationError:
            pass
    entry = today.churn.get(name or "")
    return (definition_of(entry) if entry else None), TODAY


def _lottery(campaign: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if campaign.get("design") != LOTTERY:
        return None
    return {name: campaign[name] for name in ("sure", "sure_holdout")}


def _planned(by_the_end: Mapping[str, Any]) -> int | None:
    arms = [by_the_end.get(arm) for arm in (CONTACT, CONTROL)]
    return sum(arms) if all(isinstance(arm, int) for arm in arms) and sum(arms) else None  # type: ignore[arg-type]


def _playbook(settings: Mapping[str, Any], today: TodaysTerms) -> Sequence[Mapping[str, Any]]:
    rules = settings.get("playbook", today.playbook)
    return rules if isinstance(rules, Sequence) else ()


def _costs(settings: Mapping[str, Any], today: TodaysTerms) -> dict[str, tuple[float, float]]:
    value = _mapping(settings.get("value")) or today.value.model_dump(mode="json")
    usual = float(value["contact_cost"]), float(value["incentive_cost"])
    found: dict[str, tuple[float, float]] = {"": usual}
    for rule in _playbook(settings, today):
        own = [rule.get(name) for name in ("cost", "incentive")]
        cost, incentive = (first if mine is None else float(mine) for mine, first in zip(own, usual, strict=True))
        found.setdefault(str(rule.get("action", "")), (cost, incentive))
    return found
