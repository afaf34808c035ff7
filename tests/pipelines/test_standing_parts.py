"""Eligibility that is read in parts is that of the whole stream."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipelines.modelling import eligibility
from pipelines.runtime.files import read_json, write_json
from tests.pipelines.activity_folders import settings_with, write_stream
from tests.pipelines.test_duckdb_engine import shop

KINDS = {
    "silence": {"kind": "silence", "active_within_days": 56, "horizon_days": 28},
    "rhythm": {"kind": "rhythm", "active_within_days": 90, "horizon_days": 28},
}


@pytest.mark.parametrize("kind", list(KINDS))
def test_parts_are_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    folder = write_stream(tmp_path / "activity", shop(60, 3000), "Europe/Berlin")
    facts = read_json(folder / "facts.json")
    counted = {name: {**entry, "count": 3000} for name, entry in facts["activities"].items()}
    write_json(folder / "facts.json", {**facts, "activities": counted})
    settings = settings_with(timezone="Europe/Berlin", churn={"d": KINDS[kind]})
    day = {"as_of": settings.observations.score.as_of, "timezone": settings.timezone}
    whole = eligibility.eligibility_of("d", settings.churn["d"], folder, **day)
    monkeypatch.setattr(eligibility, "PART_ROWS", 400)
    pd.testing.assert_series_equal(eligibility.eligibility_of("d", settings.churn["d"], folder, **day), whole)
