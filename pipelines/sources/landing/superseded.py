"""Rows that a later reading delivered again under their id: the later row replaces the earlier one."""

# Queries are put together from our own column names; whatever comes from outside is quoted by runtime.sql.text.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from pipelines.runtime.sql import text
from pipelines.sources.landing.file_summary import contains_any
from pipelines.sources.landing.store import Part


def without_superseded(readings: Sequence[list[Part]]) -> list[Part]:
    """The parts of readings, oldest first, each without the rows whose id a later one has."""
    later = [list(chain.from_iterable(readings[i + 1 :])) for i in range(len(readings))]
    return list(chain.from_iterable(map(_not_in, readings, later)))


def _not_in(parts: list[Part], later: list[Part]) -> list[Part]:
    if not later:
        return parts
    ids = np.sort(np.concatenate([part.summary.ids() for part in later]))  # sought in order, which is quicker
    paths = ", ".join(text(part.path) for part in later)
    kept = f"activity_id not in (select activity_id from read_parquet([{paths}]))"
    by = tuple(part.digest for part in later)
    return [replace(part, kept=kept, kept_by=by) if contains_any(ids, part.summary.ids()) else part for part in parts]
