"""Small activity folders, as pull_activity leaves them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.activity import ACTIVITY_SCHEMA
from features.windows import midnight
from pipelines.runtime.files import write_json, write_parquet
from pipelines.settings.params import Settings
from pipelines.sources.stream import as_stored
from tests.features.oracle import Did


def settings_with(**changed: Any) -> Settings:
    """Settings of a small shop. `train`, `features`, `churn`, `customers`, `timezone` may be changed."""
    content = {
        "timezone": changed.get("timezone", "UTC"),
        "sources": {"shop": {"reader": "complete_journey"}},
        "observations": {
            "train": {"until": "2017-12-04", "every_days": 28, "count": 3, **changed.get("train", {})},
            "score": {"as_of": "2017-12-04"},
        },
        "churn": changed.get(
            "churn", {"silent_28d": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}}
        ),
        "features": changed.get("features", {}),
        "at_risk": {"definition": next(iter(changed.get("churn", {"silent_28d": 1})))},
    }
    if "customers" in changed:
        content["customers"] = changed["customers"]
    return Settings.model_validate(content)


def write_stream(folder: Path, stream: list[Did], timezone: str = "UTC", until: str = "2017-12-04") -> Path:
    """One file per UTC month, cut at `until`, sorted; and facts.json."""
    limit = midnight(until, timezone)
    known = [did for did in stream if did.occurred_at < limit and (did.recorded_at is None or did.recorded_at < limit)]
    known = [did if (did.removed_at or limit) <= limit else replace(did, removed_at=None) for did in known]
    known.sort(key=lambda did: (did.occurred_at, did.customer, did.activity))
    months: dict[str, list[Did]] = {}
    for did in known:
        months.setdefault(iso(did.occurred_at)[:7], []).append(did)
    for month, dids in months.items():
        columns = {
            "activity_id": [f"{month}-{i}" for i in range(len(dids))],
            "customer_id": [did.customer for did in dids],
            **{name: [getattr(did, name) for did in dids] for name in ACTIVITY_SCHEMA.names[2:]},
        }
        write_parquet(folder / "activity" / f"{month}.parquet", as_stored(pa.table(columns, schema=ACTIVITY_SCHEMA)))
    write_json(folder / "facts.json", facts_of(known, until, timezone))
    return folder


def facts_of(stream: list[Did], until: str, timezone: str) -> dict[str, Any]:
    def has(name: str, what: str) -> bool:
        return any(getattr(did, what) is not None for did in stream if did.activity == name)

    return {
        "moment": until,
        "timezone": timezone,
        "rows": len(stream),
        "customers": len({did.customer for did in stream}),
        "has_recorded_at": any(did.recorded_at is not None for did in stream),
        **({"has_removed_at": True} if any(did.removed_at is not None for did in stream) else {}),
        "activities": {
            name: {
                "first": iso(min(did.occurred_at for did in stream if did.activity == name)),
                **{f"has_{what}": has(name, what) for what in ("value", "quantity", "detail")},
            }
            for name in sorted({did.activity for did in stream})
        },
    }


def iso(instant: int) -> str:
    return datetime.fromtimestamp(instant / 1e6, UTC).isoformat()
