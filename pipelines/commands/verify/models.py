"""Champions with their SHA256SUMS (or the digest of version 0.1), and what the MLflow registry keeps of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pipelines.commands.verify.check import Check
from pipelines.modelling.model_folder import is_model, require_known, sums_digest
from pipelines.settings import artifacts

MLFLOW = Path("mlflow.db")


def champions() -> Iterator[Check]:
    """A check per champion."""
    for folder in _folders():
        yield Check("champion", str(folder), partial(_champion_faults, folder))


def registered() -> Iterator[Check]:
    """A check per champion, where this project has a registry: looking must not make one."""
    if MLFLOW.is_file() or os.environ.get("MLFLOW_TRACKING_URI"):
        for folder in _folders():
            yield Check("registry", f"churn_{folder.name}", partial(_registry_faults, folder))


def _folders() -> list[Path]:
    return [folder for folder in sorted(artifacts.CHAMPIONS.glob("*")) if is_model(folder)]


def _champion_faults(folder: Path) -> Iterator[str]:
    if not require_known(folder):
        yield f"{folder}: has no digests to compare with. `churn restore {folder.name}` fetches it with them."


def _registry_faults(folder: Path) -> Iterator[str]:
    from pipelines.modelling.tracking.registry import open_registry

    with open_registry(folder.name) as registry:
        crowned = registry.with_alias("champion")
        if crowned is None:
            yield f"{registry.name}: MLflow knows no champion, but {folder} is one."
            return
        sums = sums_digest(folder)
        if sums and crowned.champion_sums not in ("", sums):
            yield (
                f"{folder}: is not the champion of the registry (version {crowned.number}): its SHA256SUMS is "
                f"{sums[:12]}..., the registry has {crowned.champion_sums[:12]}... `churn restore {folder.name}` "
                "fetches the registry's."
            )
        with registry.fetched(crowned):
            pass
