"""The training panel: labelled observations of all training moments with their features."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from pipelines.modelling.sample import ALL_CUSTOMERS, Sample
from pipelines.runtime import files
from pipelines.runtime.errors import ChurnError, did_you_mean
from pipelines.settings import artifacts

if TYPE_CHECKING:
    import pandas as pd

    from models.training.acted_upon import Untouched
    from models.training.panel import Panel


def read_panel(features: Path, labels: Path, activity: Path, sample: Sample = ALL_CUSTOMERS) -> Panel:
    """Join the labels of the sample's customers to the features of the same customer and moment.

    Raises:
        ChurnError: there are no labels, or a labelled observation has no features.
    """
    import pandas as pd

    from models.training.panel import Panel

    labelled = sample.rows(labels).to_pandas(date_as_object=False)
    if labelled.empty:
        raise ChurnError(
            f"{labels}: holds no labels: no moment has a complete window before observations.train.until with eligible "
            "customers. Shorten horizon_days or active_within_days, or bring more history."
        )
    labelled["as_of"] = pd.to_datetime(labelled["as_of"])
    parts = [
        _of_moment(features, day, rows, sample)
        for day, rows in labelled.groupby(labelled["as_of"].dt.strftime("%Y-%m-%d"), sort=True)
    ]
    joined = pd.concat(parts, ignore_index=True)
    return Panel(
        features=joined.drop(columns=["churned", "value_ahead"]),
        churned=joined["churned"].to_numpy(dtype=float),
        value_ahead=joined["value_ahead"].to_numpy(dtype=float, na_value=float("nan")),
        columns_info=files.read_json(features / artifacts.COLUMNS),
        activities=files.read_json(activity / artifacts.FACTS)["activities"],
    )


def training_panel(
    features: Path, labels: Path, activity: Path, sample: Sample = ALL_CUSTOMERS
) -> tuple[Panel, Untouched | None]:
    """The panel that trains: without rows of customers whom our own lists contacted by lot.

    Returns:
        The panel, and what was left out of it (None where no list was published by then); see
        models/training/acted_upon.py. Arguments are those of read_panel; beside the activity stands who was on lists.
    """
    from models.training.acted_upon import Assigned, untouched
    from models.training.panel import Panel

    panel, path = read_panel(features, labels, activity, sample), activity / artifacts.LISTED
    if not path.is_file():
        return panel, None
    names = ("customer_id", "as_of", "is_contacted", "probability")
    listed = [Assigned(*(one[name] for name in names)) for one in pq.read_table(path, columns=list(names)).to_pylist()]
    found = untouched(panel.customers, [str(moment) for moment in panel.moments], listed)
    rest = Panel(
        features=panel.features[found.keep].reset_index(drop=True),
        churned=panel.churned[found.keep],
        value_ahead=panel.value_ahead[found.keep],
        columns_info=panel.columns_info,
        activities=panel.activities,
    )
    return rest, found


def _of_moment(features: Path, day: str, labels: pd.DataFrame, sample: Sample) -> pd.DataFrame:
    """The labelled rows of one moment with their features, by customer."""
    import pandas as pd

    path = features / f"{day}.parquet"
    if not path.exists():
        raise ChurnError(f"{path}: there are labels for {day} but no features. Run build_features again.")
    table, labels = sample.rows(path).to_pandas().drop(columns="as_of"), labels.sort_values("customer_id")
    for name, rows in ((path, table), ("labels", labels)):
        if not rows["customer_id"].is_unique:
            raise ChurnError(
                f"{name}: a customer stands there twice for {day}. Run build_features and label_churn again."
            )
    places = pd.Index(table["customer_id"]).get_indexer(labels["customer_id"])
    absent = labels.loc[places < 0, "customer_id"]
    if len(absent):
        shown = ", ".join(str(customer) for customer in absent[:3])
        raise ChurnError(
            f"{path}: {len(absent)} of {len(labels)} labelled customers have no features ({shown}). "
            "Make observations.seen_within_days at least active_within_days, and run build_features again."
        )
    found: pd.DataFrame = table.drop(columns="customer_id").iloc[places].reset_index(drop=True)
    joined: pd.DataFrame = pd.concat([labels.reset_index(drop=True), found], axis=1)
    return joined


def switched_off(columns_info: list[dict[str, Any]], switches: Mapping[str, bool]) -> list[str]:
    """Columns of the families that `features.families` of params.yaml (`switches`) switches off.

    Raises:
        ChurnError: a family that the catalogue does not have.
    """
    families = {info["family"] for info in columns_info}
    unknown = [name for name in switches if name not in families]
    if unknown:
        raise ChurnError(
            *(
                f"params.yaml: features.families.{name} is not a family.{did_you_mean(name, families)}"
                for name in unknown
            )
        )
    return [info["name"] for info in columns_info if not switches.get(info["family"], True)]
