"""Every way in which features can be wrong, on real small Parquet folders: what fails, and who is named."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import write_json
from tests.pipelines.tables_to_check import (
    AS_OF,
    COLUMNS,
    Change,
    check_features,
    fails_as,
    outcome,
    set_to,
    settings_with,
    write_features,
)

COUNT, SHARE, TREND = (str(column["name"]) for column in COLUMNS)
FEATURE_FAULTS: list[tuple[str, Change, str, str]] = [
    ("one null", set_to(COUNT, None, 7), f"{COUNT} is a finite number", "c007"),
    ("one not a number", set_to(TREND, np.nan, 7), f"{TREND} is a finite number", "c007"),
    ("one infinite", set_to(TREND, np.inf, 7), f"{TREND} is a finite number", "c007"),
    ("all null", set_to(COUNT, None), f"{COUNT} is a finite number", "c000"),
    ("below its bound", set_to(COUNT, -1.0, 4), f"{COUNT} is at least 0", "c004"),
    ("above its bound", set_to(SHARE, 1.5, 4), f"{SHARE} lies between 0 and 1", '"found": "1.5"'),
    ("null customer", set_to("customer_id", None, 2), "Every row has a customer_id", AS_OF),
    ("repeated customer", set_to("customer_id", "c009", 3), "No customer appears twice at one moment", "c009"),
    ("null moment", set_to("as_of", None, 6), "as_of is the moment that the file is named for", "c006"),
    (
        "another moment",
        set_to("as_of", date(2024, 6, 3), 6),
        "as_of is the moment that the file is named for",
        "2024-06-03",
    ),
    ("no rows", lambda frame: frame.iloc[:0], "There is at least one row", AS_OF),
    ("missing column", lambda frame: frame.drop(columns=SHARE), f"{SHARE} is a finite number", AS_OF),
    ("extra column", lambda frame: frame.assign(churned="yes"), "The columns are exactly the 5", "churned"),
]


@pytest.mark.parametrize(
    ("change", "statement", "named"), [row[1:] for row in FEATURE_FAULTS], ids=[row[0] for row in FEATURE_FAULTS]
)
def test_features_that_are_wrong(change: Change, statement: str, named: str, tmp_path: Path) -> None:
    fails_as(check_features(write_features(tmp_path, change), settings_with()), statement, named)


def test_good_features_pass(tmp_path: Path) -> None:
    report = check_features(write_features(tmp_path), settings_with())
    assert outcome(report) == {}
    assert (report.rows, report.subject) == (100, tmp_path.name)


def test_attributes_are_text_and_may_be_unknown(tmp_path: Path) -> None:
    known = settings_with().model_copy(
        update={"features": settings_with().features.model_copy(update={"attributes": ["age"]})}
    )
    folder = write_features(tmp_path, lambda frame: frame.assign(customer_age=[None, *["35-44"] * 49]))
    (folder / "2024-06-03.parquet").unlink()
    assert outcome(check_features(folder, known)) == {}
    assert "The columns are exactly the 5 of the contract" in outcome(check_features(folder, settings_with()))


def test_a_column_missing_from_every_file(tmp_path: Path) -> None:
    folder = write_features(tmp_path)
    write_json(folder / "columns.json", [*COLUMNS, {"name": "visited_site_count_28d", "low": 0.0, "high": None}])
    found = outcome(check_features(folder, settings_with()))
    assert "missing" in found["The columns are exactly the 6 of the contract"]
    assert "visited_site_count_28d is a finite number in every row" in found


def test_numbers_as_text(tmp_path: Path) -> None:
    folder = write_features(tmp_path)
    for file in folder.glob("*.parquet"):
        table = pq.read_table(file)
        pq.write_table(table.set_column(2, COUNT, table.column(COUNT).cast(pa.string())), file)
    assert set(outcome(check_features(folder, settings_with()))) == {
        "Every column has the type that the contract gives it"
    }


def test_no_moments_at_all_and_no_columns(tmp_path: Path) -> None:
    write_json(tmp_path / "columns.json", COLUMNS)
    assert "There is at least one row" in outcome(check_features(tmp_path, settings_with()))
    (tmp_path / "columns.json").unlink()
    with pytest.raises(ChurnError, match=r"there is no columns\.json"):
        check_features(tmp_path, settings_with())


def test_a_moment_after_the_list(tmp_path: Path) -> None:
    early = settings_with()
    early = early.model_copy(
        update={
            "observations": early.observations.model_copy(
                update={"score": type(early.observations.score)(as_of="2024-06-10")}
            )
        }
    )
    fails_as(check_features(write_features(tmp_path), early), "No moment lies after the moment of the list", AS_OF)
