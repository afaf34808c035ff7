"""No function that an expression may use gives another answer on another day: all of DuckDB's list, on two dates."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.sources.expressions.parse import checker, parse

SAMPLES = {
    "TIMESTAMP": "timestamp '2020-01-02 03:04:05'",
    "TIMESTAMP WITH TIME ZONE": "timestamptz '2020-01-02 03:04:05+00'",
    "DATE": "date '2020-01-02'",
    "TIME": "time '03:04:05'",
    "INTERVAL": "interval 3 day",
    "VARCHAR": "'2020'",
    "DOUBLE": "0.5",
    "BIGINT": "7",
    "INTEGER": "7",
    "BOOLEAN": "true",
    "ANY": "'day'",
    "VARCHAR[]": "['a', 'b']",
    "ANY[]": "['a', 'b']",
    "BLOB": "'ab'::blob",
}
CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
static long later(void) { const char *days = getenv("DAYS_LATER"); return days ? atol(days) * 86400 : 0; }
int clock_gettime(clockid_t id, struct timespec *t) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int done = real(id, t);
  if (id == CLOCK_REALTIME) t->tv_sec += later();
  return done;
}
int gettimeofday(struct timeval *t, void *zone) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  t->tv_sec = now.tv_sec;
  t->tv_usec = now.tv_nsec / 1000;
  return 0;
}
"""
ASKED = """
import json, sys
import duckdb
con, answers = duckdb.connect(), {}
con.execute("set timezone = 'UTC'")
for query in json.load(sys.stdin):
    try:
        answers[query] = repr(con.execute(f"select ({query})::varchar").fetchall())
    except duckdb.Error:
        pass
json.dump(answers, sys.stdout)
"""


def calls() -> list[str]:
    """A call of every scalar function and macro of DuckDB, as far as there are samples for what it takes."""
    query = "select function_name, function_type, coalesce(parameter_types, []), parameters from duckdb_functions()"
    found = set()
    for name, kind, types, parameters in checker().execute(query).fetchall():
        wanted = types if kind == "scalar" else ["TIMESTAMP"] * len(parameters)
        if kind in ("scalar", "macro") and name.isidentifier() and all(one in SAMPLES for one in wanted):
            found.add(f"{name}({', '.join(SAMPLES[one] for one in wanted)})")
    return sorted(found)


def answers(queries: list[str], clock: Path, days: int) -> dict[str, str]:
    environment = {**os.environ, "LD_PRELOAD": str(clock), "DAYS_LATER": str(days)}
    done = subprocess.run(
        [sys.executable, "-c", ASKED], input=json.dumps(queries), env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("cc"), reason="another clock takes a C compiler")
def test_no_allowed_function_answers_otherwise_on_another_day(tmp_path: Path) -> None:
    (tmp_path / "clock.c").write_text(CLOCK)
    clock = tmp_path / "clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", clock, tmp_path / "clock.c", "-ldl"], check=True)
    allowed = [call for call in calls() if not parse(call).fault]
    assert len(allowed) > 300
    forbidden = ["now()", "today()", "age(timestamp '2020-01-02')"]
    now, later = (answers([*allowed, *forbidden], clock, days) for days in (0, 400))
    assert len(now) > 250
    assert {query for query in now if now[query] != later.get(query)} == set(forbidden)


def test_what_duckdb_calls_changing_is_refused_and_so_is_what_it_does_not() -> None:
    query = "select distinct function_name from duckdb_functions() where stability <> 'CONSISTENT'"
    changing = {name for (name,) in checker().execute(query).fetchall() if name.isidentifier()}
    assert [name for name in sorted(changing) if not parse(f"{name}(x)").fault] == []
    for text in ("version()", "age(x)", "upper(age(x)::varchar)", "current_user()", "uuid()", "today()"):
        assert "it may not use" in parse(text).fault, text
    assert not parse("age(x, y)").fault
