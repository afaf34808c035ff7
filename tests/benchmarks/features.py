"""What features cost: CPU seconds, wall time and peak memory of the build, beside a bare scan and group-by of the
same file.

    python tests/benchmarks/features.py --events 1000000 10000000 --moments 1 12

Every measurement is a process of its own, its start included. The stream has eight activities, text ids, money, and 100
activities a customer; one row in the table of features stands for a customer at a moment. The scan reads the four
columns that the features need. Beside the build: its check by the Great Expectations suites, the engine alone on text
ids and on whole numbers, and (up to --compare events) the simpler features as an SQL join and in pandas.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
UNTIL = "2025-01-06"
ACTIVITIES = (
    "placed_order",
    "visited_site",
    "opened_email",
    "clicked_email",
    "saved_with_coupon",
    "earned_points",
    "contacted_support",
    "answered_nps",
)


def make_stream(folder: Path, events: int, per_customer: int = 100) -> None:
    """Two years of activity by month, as pull_activity writes it."""
    import duckdb

    from pipelines.runtime.files import write_json

    (folder / "activity").mkdir(parents=True, exist_ok=True)
    customers = max(1, events // per_customer)
    per_month = events // 24
    for month in range(24):
        begin = f"TIMESTAMPTZ '{2023 + month // 12}-{month % 12 + 1:02d}-01 00:00:00+00'"
        path = folder / "activity" / f"{2023 + month // 12}-{month % 12 + 1:02d}.parquet"
        with duckdb.connect() as connection:
            connection.execute(
                f"""COPY (
                SELECT printf('event-%010d', {month * per_month} + i) AS activity_id,
                    printf('customer-%09d', (hash(i + {month * per_month}) % {customers})::BIGINT) AS customer_id,
                    {begin} + to_microseconds((i * (28.0 * 86400e6 / {per_month}))::BIGINT) AS occurred_at,
                    NULL::TIMESTAMPTZ AS recorded_at,
                    {list(ACTIVITIES)}[1 + (hash(i * 7 + {month}) % 11 // 3 * 2 + hash(i * 7 + {month}) % 3 //
                    2)::INT] AS activity, (hash(i * 3 + {month}) % 10000)::DOUBLE / 100 AS value,
                    (hash(i * 5 + {month}) % 20)::DOUBLE AS quantity,
                    NULL::VARCHAR AS detail
                FROM range({per_month}) AS r(i)) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"""
            )
    facts = {
        "count": events,
        "first": "2023-01-01T00:00:00+00:00",
        "has_value": True,
        "has_quantity": False,
        "has_detail": False,
    }
    write_json(
        folder / "facts.json",
        {
            "moment": UNTIL,
            "customers": customers,
            "has_recorded_at": False,
            "activities": dict.fromkeys(ACTIVITIES, facts),
        },
    )


def settings(moments: int):
    """Settings with so many training moments, four weeks apart."""
    from pipelines.settings.params import Settings

    return Settings.model_validate(
        {
            "sources": {"demo": {"reader": "complete_journey"}},
            "observations": {"train": {"until": UNTIL, "every_days": 28, "count": moments}, "score": {"as_of": UNTIL}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
    )


SCAN = "SELECT customer_id, count(activity), sum(value), max(occurred_at) FROM read_parquet('{}') GROUP BY customer_id"


def scan(folder: Path) -> str:
    """The yardstick: read the needed columns once, group by customer."""
    import duckdb

    duckdb.execute("SET enable_progress_bar = false")
    rows = duckdb.execute(SCAN.format(folder / "activity" / "*.parquet")).fetchnumpy()
    return f"{len(rows['customer_id']):,} customers"


def build(folder: Path, moments: int) -> str:
    """The stage's own work."""
    import pyarrow.parquet as pq

    from pipelines.stages.build_features import build as build_features

    out = folder / f"features_{moments}"
    build_features(settings(moments), "train", folder, out)
    size = sum(path.stat().st_size for path in out.iterdir()) / 1e6
    rows = sum(pq.read_metadata(path).num_rows for path in out.glob("*.parquet"))
    return f"{rows:,} rows x {len(json.loads((out / 'columns.json').read_text()))} columns, {size:,.0f} MB written"


def check(folder: Path, moments: int) -> str:
    """The suites over what was built."""
    from pipelines.checks.rules import check_features

    chosen = settings(moments)
    as_of, attributes = chosen.observations.score.as_of, chosen.features.attributes
    report = check_features(folder / f"features_{moments}", as_of, attributes)
    report.require()
    return "every check passed"


def engine(folder: Path, ids: str) -> str:
    """The engine alone, one moment, nothing written."""
    from pipelines.engines.duckdb import features_of

    source = folder / ("activity" if ids == "text" else "activity_integer")
    rows = sum(len(part.blocks[0].rows) for part in features_of(source, order(folder, 1)))
    return f"{rows:,} rows"


def obvious(folder: Path, how: str, moments: int) -> str:
    """The simpler features as one would first write them."""
    from tests.benchmarks.obvious import in_pandas, in_sql, simple

    wanted = order(folder, moments)
    make = in_sql if how == "sql" else in_pandas
    rows = make(folder, wanted.features, wanted.moments, wanted.seen_within_days)
    return f"{rows:,} rows x {len(simple(wanted.features))} of the columns"


def order(folder: Path, moments: int):
    """What the stage would ask of the engine."""
    from features.catalogue.catalogue import catalogue
    from pipelines.engines.duckdb import FeatureRequest
    from pipelines.runtime.files import read_json
    from pipelines.settings.moments import moments_of

    facts = read_json(folder / "facts.json")
    days = tuple(moments_of(settings(moments), facts, "train"))
    return FeatureRequest(
        catalogue(facts["activities"], "placed_order"), "placed_order", days, "UTC", 365, has_recorded_at=False
    )


def with_integer_ids(folder: Path) -> None:
    """The same stream, its customers as whole numbers."""
    import duckdb

    (folder / "activity_integer").mkdir(exist_ok=True)
    for path in sorted((folder / "activity").glob("*.parquet")):
        duckdb.execute(
            f"""COPY (SELECT * REPLACE (substr(customer_id, 10)::BIGINT AS customer_id) FROM '{path}')
            TO '{folder}/activity_integer/{path.name}' (FORMAT parquet, COMPRESSION zstd)"""
        )


STEPS = {"scan": scan, "build": build, "check": check, "engine": engine, "obvious": obvious}


def measured(*step: str | int | Path) -> dict[str, Any]:
    """One step in a process of its own: what it used."""
    started = time.perf_counter()
    command = [sys.executable, __file__, "--step", *map(str, step)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said = (process.stdout.read() if process.stdout else "").strip().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(process.returncode)
    cpu = usage.ru_utime + usage.ru_stime
    wall = time.perf_counter() - started
    return {"cpu": cpu, "wall": wall, "memory": usage.ru_maxrss / 1024, "note": said[-1] if said else ""}


def rows_of(folder: Path, moments: list[int], compared: bool) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Name, measurement, and the CPU ratio that matters besides the scan's."""
    built = {}
    for n in moments:
        built[n] = measured("build", folder, n)
        first = f"{built[n]['cpu'] / built[moments[0]]['cpu']:.2f} x {moments[0]} moment" if n != moments[0] else ""
        yield f"build, {n} moment{'s' * (n > 1)}", built[n], first
    n = moments[-1]
    checked = measured("check", folder, n)
    yield f"check, {n} moment{'s' * (n > 1)}", checked, f"{checked['cpu'] / built[n]['cpu']:.2f} x its build"
    with_integer_ids(folder)
    numbers, text = measured("engine", folder, "integer"), measured("engine", folder, "text")
    yield "engine, integer ids", numbers, ""
    yield "engine, text ids", text, f"{text['cpu'] / numbers['cpu']:.2f} x integer ids"
    for how in ("sql", "pandas") if compared else ():
        for n in moments:
            made = measured("obvious", folder, how, n)
            name = {"sql": "obvious SQL join", "pandas": "plain pandas"}[how]
            yield f"{name}, {n}", made, f"{made['cpu'] / built[n]['cpu']:.1f} x the build"


def table(folder: Path, events: int, moments: list[int], compared: bool) -> None:
    """Measure and print."""
    print(f"{events:,} events", flush=True)
    print(f"{'':24} {'CPU s':>8} {'x scan':>7} {'wall s':>8} {'peak MB':>8}", flush=True)
    base = measured("scan", folder)
    for name, row, ratio in [("scan + group by", base, ""), *rows_of(folder, moments, compared)]:
        times = float(row["cpu"]) / float(base["cpu"])
        note = "; ".join(filter(None, [ratio, row["note"]]))
        print(f"{name:24} {row['cpu']:8.2f} {times:7.1f} {row['wall']:8.2f} {row['memory']:8.0f}  {note}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="What features cost, beside a bare scan and group-by.")
    parser.add_argument("--events", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--moments", type=int, nargs="+", default=[1, 12])
    parser.add_argument("--compare", type=int, default=1_000_000, help="also as SQL join and in pandas up to this size")
    parser.add_argument("--folder", type=Path, help="keep the streams here (default: a temporary folder)")
    parser.add_argument("--step", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        name, folder, *rest = options.step
        print(STEPS[name](Path(folder), *(int(word) if word.isdigit() else word for word in rest)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        for events in options.events:
            folder = (options.folder or Path(temporary)) / f"events_{events}"
            if not (folder / "facts.json").exists():
                make_stream(folder, events)
            table(folder, events, options.moments, events <= options.compare)


if __name__ == "__main__":
    main()
