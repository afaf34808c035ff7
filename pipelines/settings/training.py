"""Settings of the training of one churn definition's model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.settings.churn import Churn
from pipelines.settings.model import Model
from pipelines.settings.params import FeatureChoice, Settings, TrainMoments


@dataclass(frozen=True)
class TrainingSettings:
    """The settings on which a model, its figures and its model card depend.

    Attributes:
        definition: name under `churn`.
        churn: that entry: who is a customer, and what leaving is.
        model: the recipe.
        features: what may enter the model.
        train: the moments that it learns from; nothing at or after `train.until` is known.
        seen_within_days: whoever was not seen in these days before a moment is not looked at.
        timezone: in which days begin.
        currency: of the money that customers bring.
    """

    definition: str
    churn: Churn
    model: Model
    features: FeatureChoice
    train: TrainMoments
    seen_within_days: int
    timezone: str
    currency: str

    @classmethod
    def of(cls, settings: Settings, definition: str) -> TrainingSettings:
        """Those of a definition of params.yaml."""
        return cls(
            definition,
            settings.churn[definition],
            settings.model,
            settings.features,
            settings.observations.train,
            settings.observations.seen_within_days,
            settings.timezone,
            settings.currency,
        )

    @property
    def label_window_days(self) -> int:
        """From a moment to the end of its label's window: gap and horizon."""
        return self.churn.gap_days + self.churn.horizon_days

    def to_json(self) -> dict[str, Any]:
        """As params.yaml nests them. Where the data come from is left out: it may name what is nobody's business."""
        return {
            "timezone": self.timezone,
            "currency": self.currency,
            "features": self.features.model_dump(mode="json"),
            "model": self.model.model_dump(mode="json"),
            "observations": {"train": self.train.model_dump(mode="json"), "seen_within_days": self.seen_within_days},
            "churn": self.churn.model_dump(mode="json"),
        }
