"""What commands call with sections of params.yaml, called with all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.erasure import forget as erasure
from pipelines.erasure import published
from pipelines.publishing import export as exporting
from pipelines.publishing import feedback as reporting
from pipelines.publishing import publish as publishing
from pipelines.publishing.deliver import Delivery
from pipelines.settings.params import Settings


def delivery_of(settings: Settings) -> Delivery:
    return Delivery(settings.publish.sinks, settings.privacy.pseudonymise)


def erasure_of(settings: Settings) -> erasure.ErasureSettings:
    return erasure.ErasureSettings(settings.identities, settings.privacy, delivery_of(settings))


def publish(day: str, settings: Settings, say: Any, **options: Any) -> None:
    publishing.publish(day, delivery_of(settings), say, campaign=settings.campaign.name, **options)


def feedback(path: Path, settings: Settings, say: Any, **options: Any) -> None:
    reporting.feedback(
        path, reporting.ReportReading(settings.timezone, settings.privacy, settings.feedback), say, **options
    )


def export(settings: Settings, to: Path | None = None) -> list[str]:
    day = settings.observations.score.as_of
    return exporting.export(day, to, pseudonymised=settings.privacy.pseudonymise)


def forget(customer: str, settings: Settings, say: Any) -> None:
    erasure.forget(customer, erasure_of(settings), say)


def again(settings: Settings, say: Any) -> None:
    erasure.again(erasure_of(settings), say)


def forget_published(names: frozenset[str], settings: Settings) -> published.FromPublished:
    return published.forget_published(names, delivery_of(settings))
