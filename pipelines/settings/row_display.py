"""How rows of the stream are shown to people: at the project's local time, under the key that their source gave them.

In the stream a key follows its source's name, so that two sources may both have a 17: `orders-17`, or
`orders-returned_order-17` where a row may become several activities. Nobody finds that in the source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipelines.runtime.sql import text
from pipelines.settings.sources import Mapped, Source

_SECONDS = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class RowDisplay:
    """`timezone`: of times. `prefixes`: sources whose name stands before a key -> whether the activity follows it.

    `keys`: sources -> what they take the key from.
    """

    timezone: str = "UTC"
    prefixes: Mapping[str, bool] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, timezone: str, sources: Mapping[str, Source]) -> RowDisplay:
        """The display that these sections of params.yaml ask for."""
        mapped = {name: source for name, source in sources.items() if isinstance(source, Mapped)}
        prefixed = {name: source for name, source in mapped.items() if source.columns or source.yields}
        keys = {
            name: key for name, one in mapped.items() for key in [one.mappings()[0].columns.get("activity_id")] if key
        }
        return cls(timezone, {name: bool(one.yields or one.when_negative) for name, one in prefixed.items()}, keys)

    def local(self, instant: str) -> str:
        """SQL of an instant as a local timestamp."""
        return f"timezone({text(self.timezone)}, {instant})"

    def time(self, instant: str) -> str:
        """SQL of an instant as text, to the second."""
        return f"strftime({self.local(instant)}, {text(_SECONDS)})"

    def exact_time(self, instant: str) -> str:
        """SQL of an instant as text, to the microsecond."""
        return f"strftime({self.local(instant)}, {text(_SECONDS + '.%f')})"

    def source_and_key(self, activity_id: str) -> tuple[str, str]:
        """The source, "" where none stands before the key, and the key as it stands there.

        Of a row without a key it is a hash of its content, which the source does not know either.
        """
        source, mark, key = activity_id.partition("-")
        if not mark or source not in self.prefixes:
            return "", activity_id
        activity = re.match(r"[a-z][a-z0-9_]*-", key) if self.prefixes[source] else None
        return source, key[activity.end() :] if activity else key

    def row(self, row: Mapping[str, str]) -> dict[str, str]:
        """A report's row with its source and the source's key in place of the stream's, where there is a source."""
        source, key = self.source_and_key(row.get("activity_id", ""))
        if not source:
            return dict(row)
        return {"source": source, "key": key} | {name: cell for name, cell in row.items() if name != "activity_id"}
