"""What features cost: CPU seconds, wall time and peak memory of the build, beside a bare scan and group-by of the
same file.

    python tests/benchmarks/features.py --events 1000000 --moments 1 12

Every measurement is a process of its own. The stream has eight activities, text ids, money, and 100 activities a
customer.
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

    from pipelines.tables import write_json

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
    from pipelines.params import Settings

    return Settings.model_validate(
        {
            "sources": {"demo": {"reader": "complete_journey"}},
            "observations": {"train": {"until": UNTIL, "every_days": 28, "count": moments}, "score": {"as_of": UNTIL}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
    )


def scan(folder: Path) -> str:
    """The yardstick: read the needed columns once, group by customer."""
    import duckdb

    rows = duckdb.execute(
        f"""SELECT customer_id, count(*), sum(value), max(occurred_at) FROM read_parquet('{folder}/activity/*.parquet')
        GROUP BY customer_id"""
    ).fetchnumpy()
    return f"{len(rows['customer_id']):,} customers"


def build(folder: Path, moments: int) -> str:
    """The stage's own work."""
    from pipelines.build_features import build as build_features

    out = folder / f"features_{moments}"
    build_features(settings(moments), "train", folder, out)
    size = sum(path.stat().st_size for path in out.iterdir()) / 1e6
    return f"{len(json.loads((out / 'columns.json').read_text()))} columns, {size:,.0f} MB written"


def measured(*arguments: str) -> dict[str, str | float]:
    """One step in a process of its own: what it used."""
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True) as process:
        said = (process.stdout.read() if process.stdout else "").strip().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(process.returncode)
    cpu = usage.ru_utime + usage.ru_stime
    return {
        "cpu": cpu,
        "wall": time.perf_counter() - started,
        "memory": usage.ru_maxrss / 1024,
        "note": said[-1] if said else "",
    }


def table(folder: Path, events: int, moments: list[int]) -> None:
    """Measure and print."""
    base = measured("--step", "scan", "--folder", str(folder))
    rows = [("scan + group by", base)]
    rows += [(f"{n} moment{'s' * (n > 1)}", measured("--step", str(n), "--folder", str(folder))) for n in moments]
    print(f"{events:,} events")
    print(f"{'':16} {'CPU s':>8} {'x scan':>7} {'wall s':>8} {'peak MB':>8}")
    for name, row in rows:
        ratio = float(row["cpu"]) / float(base["cpu"])
        print(f"{name:16} {row['cpu']:8.2f} {ratio:7.1f} {row['wall']:8.2f} {row['memory']:8.0f}  {row['note']}")


def main() -> None:
    parser = argparse.ArgumentParser(description="What features cost, beside a bare scan and group-by.")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--moments", type=int, nargs="+", default=[1, 12])
    parser.add_argument("--folder", type=Path, help="keep the stream here (default: a temporary folder)")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        print(scan(options.folder) if options.step == "scan" else build(options.folder, int(options.step)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)) / f"events_{options.events}"
        if not (folder / "facts.json").exists():
            make_stream(folder, options.events)
        table(folder, options.events, options.moments)


if __name__ == "__main__":
    main()
