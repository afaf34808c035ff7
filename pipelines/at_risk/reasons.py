"""Reasons of those who are listed: sentences, and the activities that they are about. For few customers only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.decision.ranking import REASONS
from models.explanation import reasons
from pipelines.at_risk.policy.playbook import Places
from pipelines.rendering.language.language import Language

if TYPE_CHECKING:
    import pandas as pd

    from models.churn_model import ChurnModel


class Reasons:
    """Why the model says what it says, in the language of the list.

    `features`: of everyone who was scored; rows of it are meant by their places.
    """

    def __init__(self, model: ChurnModel, features: pd.DataFrame, language: Language) -> None:
        self.model, self.features, self.language = model, features, language

    def drivers(self, rows: Places) -> list[list[reasons.Driver]]:
        """What moves each of these customers' risk, up or down, the strongest first."""
        own = self.features.iloc[rows].reset_index(drop=True)
        return reasons.drivers(
            self.model.contributions(own),
            own,
            self.model.columns_info,
            everyone=self.features,
            money=self.language.money,
            say=self.language.reason,
        )

    def activities(self, rows: Places) -> list[frozenset[str]]:
        """The activities that each one's reasons are about."""
        return [frozenset(activity(driver) for driver in raising(found)) for found in self.drivers(rows)]


def raising(found: list[reasons.Driver]) -> list[reasons.Driver]:
    """The reasons on the list: what raises the risk and can be said, the strongest first."""
    return [driver for driver in found if driver.log_odds > 0 and driver.sentence][: len(REASONS)]


def good_news(found: list[reasons.Driver]) -> str:
    """What lowers the risk most, as a sentence; "" where nothing says it."""
    return next((driver.sentence for driver in found if driver.log_odds < 0 and driver.sentence), "")


def activity(driver: reasons.Driver) -> str:
    """The activity that a topic is about: `placed_order` of "placed order: how often"."""
    return driver.topic.partition(":")[0].replace(" ", "_")
