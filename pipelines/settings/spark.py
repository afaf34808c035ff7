"""The `spark:` of params.yaml: which cluster computes where `engine: spark`. It changes the time, never a result."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from pipelines.settings.types import Section

MASTERS = re.compile(r"local(\[(\*|\d+)(,\d+)?\])?|local-cluster\[\d+,\d+,\d+\]|spark://.+|yarn|k8s://.+")
SIZES = {"m": 1 << 20, "g": 1 << 30}


def _master(value: str) -> str:
    if not MASTERS.fullmatch(value):
        raise ValueError(
            f"{value!r} is not a master. Write local[*], local[2], spark://host:7077, yarn or k8s://https://host:443"
        )
    return value


def _size(value: str) -> str:
    if not re.fullmatch(r"[1-9]\d*[mg]", value):
        raise ValueError(f"{value!r} is not an amount of memory. Write it like 900m or 4g")
    return value


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def size_bytes(text: str) -> int:
    """Bytes of an amount written like 900m or 4g."""
    return int(text[:-1]) * SIZES[text[-1]]


Master = Annotated[str, AfterValidator(_master)]
Size = Annotated[str, AfterValidator(_size)]


class Spark(Section):
    """Where Spark runs and what it may use.

    `memory`: of each executor's Java heap (with a local master of the only one). `worker_memory`: what one Python
    worker may need; there are as many as cores. `partition_activities`: of a partition, about. `python`: the Python of
    the workers, where it lies elsewhere than here. `options`: any other setting of Spark, by its own name.
    """

    master: Master = "local[*]"
    memory: Size = "2g"
    worker_memory: Size = "2g"
    partition_activities: Annotated[int, Field(ge=1000)] = 1_000_000
    python: Annotated[str, Field(min_length=1)] | None = None
    options: dict[Annotated[str, Field(pattern=r"^spark\.")], Annotated[str, BeforeValidator(_text)]] = Field(
        default_factory=dict
    )

    @property
    def local(self) -> bool:
        """Everything runs on this machine."""
        return self.master.startswith("local")
