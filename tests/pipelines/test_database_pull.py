"""A whole run out of a real PostgreSQL: its password is in no file, and a pull that is killed is completed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from pipelines.runtime.files import digest_of
from tests.conftest import SHOP_SOURCE, Project, new_project, shop_orders
from tests.pipelines.decoded_for_tests import decoded
from tests.pipelines.postgres_for_tests import postgres

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
SECRET = "no-one-may-read-this"
SOURCE = """\
sources:
  shop:
    reader: sql
    driver: postgresql
    address: $SHOP_DATABASE
    table: orders
    watermark: at
    columns: {activity_id: id, customer_id: who, occurred_at: at, value: paid}
    activity: placed_order
    when_negative: returned_order
"""
MINIMAL = """
observations: {train: {until: "2024-12-02"}, score: {as_of: "2024-12-02"}}
churn: {silent: {kind: silence, activity: placed_order, active_within_days: 56, horizon_days: 28}}
at_risk: {definition: silent}
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server with the shop's orders. It asks nobody for a password, so any may be sent along."""
    with postgres() as server:
        fill(server.get_uri(), shop_orders())
        yield server.get_uri().replace("postgres:@", f"postgres:{SECRET}@")


def fill(uri: str, orders: pd.DataFrame) -> None:
    import adbc_driver_postgresql.dbapi as driver

    table = pa.Table.from_pydict(
        {
            "id": orders["Beleg"].to_list(),
            "who": orders["Kunde"].to_list(),
            "at": pa.array(pd.to_datetime(orders["Zeit"], utc=True).to_list(), pa.timestamp("us", tz="UTC")),
            "paid": orders["Betrag"].to_list(),
        }
    )
    with driver.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("orders", table, mode="replace")
        cursor.execute(
            "create view many as select id || '-' || n as id, who, at, paid, n from orders, generate_series(1, 20) as n"
        )


def telling(folder: Path) -> list[str]:
    """Every file of a project, hidden ones too, in which the password stands."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    return [str(path.relative_to(folder)) for path in files if SECRET in decoded(path)]


def test_the_password_is_in_no_file_no_output_and_no_error(address: str, tmp_path: Path, empty_store: Path) -> None:
    project = new_project(tmp_path / "project", shop_orders())
    shutil.copy(empty_store, project.folder / "mlflow.db")
    project.edit("params.yaml", SHOP_SOURCE, SOURCE)
    project.more = {"SHOP_DATABASE": address, "PGPASSWORD": SECRET}
    done = project.churn("run")
    assert "at_risk.html" in done.stdout
    assert SECRET not in done.stdout + done.stderr
    stores = ["data/landing", "data/at_risk", "mlflow.db", ".dvc/cache", "dvc.lock"]
    assert not [name for name in stores if not (project.folder / name).exists()], "there is something to search"
    assert telling(project.folder) == []
    said = told_errors(project, address)
    assert SECRET not in said
    assert "***" in said or "cannot connect" in said
    assert telling(project.folder) == []


def told_errors(project: Project, address: str) -> str:
    """What is said where the database is away, the address is wrong, or the table is."""
    said = ""
    wrong = [
        "postgresql://me:{0}@127.0.0.1:9/shop",
        "postgresql://me@127.0.0.1:port/shop?password={0}",
        "host=nowhere password={0}",
    ]
    for one in wrong:
        project.more["SHOP_DATABASE"] = one.format(SECRET)
        for command in ("run", "doctor"):
            done = project.churn(command, check=False)
            assert done.returncode != 0
            said += done.stdout + done.stderr
    project.more["SHOP_DATABASE"] = address
    project.edit("params.yaml", "table: orders", "table: oders")
    done = project.churn("run", check=False)
    assert done.returncode != 0
    return said + done.stdout + done.stderr


def test_a_database_pull_that_is_killed_is_completed_by_the_next(address: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(SOURCE.replace("table: orders", "table: many") + MINIMAL)
    command = [sys.executable, "-m", "pipelines.stages.pull_activity", "--branch", "score", "--out", "out"]
    command += ["--report", "validation/score.json", "--landing"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "SHOP_DATABASE": address}

    def pulled(landing: str) -> str:
        done = subprocess.run(
            [*command, landing], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return digest_of(tmp_path / "out")

    killed = 0
    for tenths in (8, 12, 16, 20, 24, 30):
        with subprocess.Popen([*command, "landing"], cwd=tmp_path, env=environment, stdout=-3, stderr=-3) as running:
            try:
                running.wait(timeout=tenths / 10)
            except subprocess.TimeoutExpired:
                running.send_signal(signal.SIGKILL)
                killed += 1
        steps = list((tmp_path / "landing").rglob("steps.json"))
        assert all((one.parent / "step-0/piece.json").exists() for one in steps), "no step without its rows"
    assert killed
    after_kills = pulled("landing")
    assert pulled("another") == after_kills
    assert not list(tmp_path.rglob("*.partial-*")), "what a killed pull left is gone"
    shutil.rmtree(tmp_path / "landing")
    assert pulled("landing") == after_kills
