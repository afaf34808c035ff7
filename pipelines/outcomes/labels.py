"""What became of the customers of published lists: the labels of training, made for the days of the lists.

There is no second definition of leaving: `features.churn.labels.label` judges, from the stream of the newest pull.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.activity import ACTIVITY_SCHEMA, telling
from features.churn.definition import Definition, events_within, instant
from features.churn.labels import label
from pipelines.outcomes.terms import Terms
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import read_json
from pipelines.settings import artifacts

if TYPE_CHECKING:
    import pandas as pd

OUTCOME = ("as_of", "customer_id", "left", "spent", "marketed")


@dataclass(frozen=True)
class Stream:
    """A pulled stream: its folder, the day at whose midnight its knowledge ends, the timezone it was cut in.

    `telling`: the columns that say what was known when, and of which subject (features/activity.py).
    """

    folder: Path
    known_until: str
    timezone: str
    telling: tuple[str, ...]
    digest: str

    @classmethod
    def of(cls, folder: Path) -> Stream:
        """The stream in a folder that pull_activity left.

        Raises:
            ChurnError: there is none.
        """
        if not (folder / artifacts.FACTS).is_file():
            raise ChurnError(f"{folder}: there is no activity. Run `churn run` or `churn weekly` first.")
        facts = read_json(folder / artifacts.FACTS)
        return cls(folder, facts["moment"], facts["timezone"], tuple(telling(facts)), facts["digest"])


@dataclass(frozen=True)
class Moment:
    """A list's day, the day at whose midnight knowledge ends, and the timezone of both."""

    as_of: str
    known_until: str
    timezone: str


def reaching(folders: Sequence[Path], day: str, timezone: str) -> Stream | None:
    """Of the streams in some folders the one that knows most, where it knows all before `day`; None: none does."""
    streams = [Stream.of(folder) for folder in folders if (folder / artifacts.FACTS).is_file()]
    enough = [one for one in streams if one.known_until >= day and one.timezone == timezone]
    return max(enough, key=lambda one: one.known_until, default=None)


def outcomes(
    entries: pd.DataFrame, terms: Mapping[str, Terms], stream: Stream, marketing: Sequence[str], *, known_until: str
) -> pd.DataFrame:
    """What became of everybody on the lists that have matured.

    Args:
        entries: `as_of` (ISO) and `customer_id`, one row per list and customer.
        terms: by the list's day; lists without a definition, or not matured, have no outcome.
        stream: where the activity is.
        marketing: activities by which other campaigns reach customers.
        known_until: the day at whose midnight knowledge ends; not after the stream's.

    Returns:
        OUTCOME: `left` (1.0, 0.0), `spent` (in the whole horizon; null in a stream without money), `marketed` (whether
        other marketing reached them between list and end). Who is no row of a matured list is not known: by what is
        known today they were no customers on that day.
    """
    import pandas as pd

    parts = [pd.DataFrame({name: [] for name in OUTCOME})]
    for definition, days in _by_definition(terms, known_until).items():
        wanted = entries[entries["as_of"].isin(days)]
        if wanted.empty:
            continue
        events = _events(stream, (*definition.activities, *marketing), wanted["customer_id"].unique())
        rows = events.groupby("customer_id").indices
        for day, of_list in wanted.groupby("as_of"):
            own = events.take(sorted(place for one in of_list["customer_id"] for place in rows.get(one, ())))
            parts.append(_of_list(own, definition, Moment(str(day), known_until, stream.timezone), marketing))
    return pd.concat([one for one in parts if len(one)] or parts, ignore_index=True)


def _by_definition(terms: Mapping[str, Terms], known_until: str) -> dict[Definition, list[str]]:
    days: dict[Definition, list[str]] = defaultdict(list)
    for day, one in terms.items():
        if one.definition is not None and one.matures_on is not None and one.matures_on <= known_until:
            days[one.definition].append(day)
    return days


def _events(stream: Stream, activities: Sequence[str], customers: Any) -> pd.DataFrame:
    import pyarrow.parquet as pq

    columns = ["customer_id", "activity", "occurred_at", "value", *stream.telling]
    filters = [("activity", "in", sorted(set(activities))), ("customer_id", "in", sorted(customers))]
    stored = pq.read_table(stream.folder / "activity", schema=ACTIVITY_SCHEMA, columns=columns, filters=filters)
    table = stored.to_pandas()
    return table.astype({"customer_id": "str"})  # type: ignore[no-any-return]


def _of_list(events: pd.DataFrame, definition: Definition, moment: Moment, marketing: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    labels = label(events, definition, [moment.as_of], moment.timezone, moment.known_until)
    begin, end = (instant(moment.as_of, days, moment.timezone) for days in (0, definition.lead.ahead_days))
    reached = set(events_within(events, tuple(marketing), begin, end)["customer_id"])
    return pd.DataFrame(
        {
            "as_of": moment.as_of,
            "customer_id": labels["customer_id"].astype("str").to_numpy(),
            "left": labels["churned"].to_numpy(dtype="float64"),
            "spent": labels["value_ahead"].to_numpy(dtype="float64"),
            "marketed": labels["customer_id"].isin(reached).to_numpy(dtype=bool),
        }
    )
