"""Stage label_churn: activity of the training branch -> churn labels of one definition at every training moment.

Only moments whose window ahead was fully observed before `until`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from features.activity import ACTIVITY_SCHEMA, telling
from features.churn.cancellation import misdated
from features.churn.labels import LABEL_SCHEMA, Definition, label
from pipelines.runtime.errors import ChurnError, did_you_mean
from pipelines.runtime.files import read_json, write_parquet
from pipelines.runtime.stage import NAME, PATH, run_stage, stage_command
from pipelines.settings import artifacts
from pipelines.settings.moments import definitions_of, moments_of
from pipelines.settings.params import Settings, load

if TYPE_CHECKING:
    import pandas as pd


def label_definition(settings: Settings, name: str, activity: Path, out: Path) -> None:
    """Write the labels of one definition.

    Raises:
        ChurnError: the definition is not in params.yaml, or no moment has its whole window ahead before `until`.
    """
    definitions = definitions_of(settings)
    if name not in definitions:
        raise ChurnError(f"params.yaml: churn.{name} does not exist.{did_you_mean(name, definitions)}")
    definition = definitions[name]
    facts = read_json(activity / artifacts.FACTS)
    events = pq.read_table(
        activity / "activity",
        schema=ACTIVITY_SCHEMA,
        columns=telling(facts, "customer_id", "activity", "occurred_at", "value"),
        filters=[("activity", "in", definition.activities)],
    ).to_pandas()
    _require_cancellation_dates(name, definition, events, settings.timezone)
    until = settings.observations.train.until
    labels = label(events, definition, moments_of(settings, facts, "train"), settings.timezone, until)
    if labels.empty:
        raise ChurnError(
            f"params.yaml: churn.{name}: nobody was a customer at a moment with {definition.lead.ahead_days} "
            f"observed days ahead of it before {until}. Shorten horizon_days, widen who counts as a customer "
            "(active_within_days, term_days, least_pauses), or pull a longer history."
        )
    write_parquet(out, pa.Table.from_pandas(labels, schema=LABEL_SCHEMA, preserve_index=False))


def _require_cancellation_dates(name: str, definition: Definition, events: pd.DataFrame, timezone: str) -> None:
    """A cancellation is dated when the customer cancels. Dated when it takes effect, it would hide who has left."""
    wrong = misdated(events, definition, timezone)
    if len(wrong):
        shown = ", ".join(sorted(str(customer) for customer in wrong["customer_id"].unique())[:3])
        raise ChurnError(
            f"params.yaml: churn.{name}.ends: {len(wrong):,} of {int((events['activity'] == definition.ends).sum()):,} "
            f"{definition.ends} were recorded on a day before they occurred ({shown}): they seem to be dated when they "
            "take effect. Map occurred_at to the moment at which the customer cancelled."
        )


@stage_command(definition=NAME, activity=PATH, out=PATH)
def main(definition: str, activity: Path, out: Path) -> None:
    """The command that dvc.yaml runs."""
    run_stage(f"label_churn@{definition}", lambda: label_definition(load(), definition, activity, out))


if __name__ == "__main__":
    main()
