"""Reasons for the risk of few customers (they cost far more than a score): sentences, and what they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from features.catalogue.described import described
from models.decision.ranking import REASONS
from models.explanation import reasons
from pipelines.at_risk.policy.playbook import Positions
from pipelines.rendering.language.activities import declared
from pipelines.rendering.language.language import Language

if TYPE_CHECKING:
    import pandas as pd

    from models.churn_model import ChurnModel


def columns_of(model: ChurnModel, language: Language) -> list[dict[str, Any]]:
    """What is said of the model's columns: what one's own activities mean and are called may be newer than it is."""
    return described(model.columns_info, str(model.definition["activity"]), declared(language.activities))


def drivers_of(
    model: ChurnModel, customers: pd.DataFrame, everyone: pd.DataFrame, language: Language
) -> list[list[reasons.Driver]]:
    """What moves each customer's risk beside what is usual for them, up or down, the strongest first.

    Args:
        model: whose score it is.
        customers: their features.
        everyone: features of all who were scored.
        language: of the sentences.
    """
    return reasons.drivers(
        model.log_odds,
        customers,
        columns_of(model, language),
        everyone=everyone,
        used=model.read_by_score,
        money=language.money,
        say=language.reason,
    )


class Reasons:
    """What moves the model's prediction, in the language of the list.

    `features`: of everyone who was scored; methods take positions of its rows.
    """

    def __init__(self, model: ChurnModel, features: pd.DataFrame, language: Language) -> None:
        self.model, self.features, self.language = model, features, language

    def drivers(self, rows: Positions) -> list[list[reasons.Driver]]:
        """What moves each of these customers' risk, up or down, the strongest first."""
        own = self.features.iloc[rows].reset_index(drop=True)
        return drivers_of(self.model, own, self.features, self.language)

    def activities(self, rows: Positions) -> list[frozenset[str]]:
        """The activities that each customer's reasons are about."""
        return [frozenset(activity(driver) for driver in raising(drivers)) for drivers in self.drivers(rows)]


def raising(drivers: list[reasons.Driver]) -> list[reasons.Driver]:
    """The reasons on the list: what raises the risk and has a sentence, the strongest first."""
    return [driver for driver in drivers if driver.log_odds > 0 and driver.sentence][: len(REASONS)]


def strongest_relief(drivers: list[reasons.Driver]) -> str:
    """What lowers the risk most, as a sentence; "" where there is none."""
    return next((driver.sentence for driver in drivers if driver.log_odds < 0 and driver.sentence), "")


def activity(driver: reasons.Driver) -> str:
    """The activity that a topic is about: `placed_order` of "placed order: how often"."""
    return driver.topic.partition(":")[0].replace(" ", "_")
