"""`language:` of params.yaml: one of the files in pipelines/sinks/languages."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from pipelines.problems import did_you_mean
from pipelines.sinks.catalogues import languages


def _spoken(value: str) -> str:
    if value not in languages():
        near = did_you_mean(value, languages())
        hint = near if "Did you mean" in near else f" Allowed: {', '.join(languages())}"
        raise ValueError(f"{value!r} is not a language that lists are written in.{hint}")
    return value


ListLanguage = Annotated[str, AfterValidator(_spoken)]
