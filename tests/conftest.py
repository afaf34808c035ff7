"""What tests of whole stages share: a small shop, and a project folder around it that the real `churn` runs in."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from filelock import FileLock
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from tests.command_server import MODULES, CommandServer

# pyspark, which Great Expectations imports where it is there, takes a main module without a file for a doctest and
# ends the process; a worker of pytest-xdist has none.
vars(sys.modules["__main__"]).setdefault("__file__", __file__)

# A busy machine takes longer over an example, and its answer is as right. The laws are tried on some examples here and
# on many in `make prove` (tests/prove.py), which chooses the other profile.
settings.register_profile("short", deadline=None, max_examples=40)
settings.register_profile("prove", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("CHURN_PROFILE", "short"))
PROVING = os.environ.get("CHURN_PROFILE") == "prove"


def examples(short: int) -> settings:
    """The settings of a law with `short` examples in the suite and 40 times as many in `make prove`."""
    return settings(max_examples=40 * short if PROVING else short, deadline=None)


ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ("features", "models", "pipelines", "dvc.yaml", "params.yaml", ".dvcignore", ".gitignore", "Makefile")
SHIPPED += (
    "requirements.lock",
    "libraries.json",
    "pyproject.toml",
    ".ci",
    "data/.gitignore",
    ".dvc/config",
    ".dvc/.gitignore",
)


def shop_orders(customers: int = 300, days: int = 400, seed: int = 1) -> pd.DataFrame:
    """Orders of a shop in a shape of its own: each customer has a rhythm, and one day they leave.

    Columns: `Kunde` (id with leading zeros), `Zeit` (local time with offset), `Betrag` (negative = return), `Beleg`.
    """
    random = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        gap, life = random.uniform(3, 20), random.exponential(280) + 5
        day = random.uniform(0, 200)
        leaves = day + life
        while day < min(leaves, days):
            money = round(float(random.gamma(4, 9)), 2)
            rows.append((f"{number:05d}", day, money))
            if random.random() < 0.04:
                rows.append((f"{number:05d}", day + 0.5, -money))
            day += max(0.3, random.exponential(gap))
    frame = pd.DataFrame(rows, columns=["Kunde", "day", "Betrag"]).sort_values("day", kind="stable")
    stamps = pd.Timestamp("2024-01-01", tz="Europe/Berlin") + pd.to_timedelta((frame["day"] * 86400).round(), unit="s")
    frame["Zeit"] = [stamp.isoformat() for stamp in stamps]
    frame["Beleg"] = [f"B{i:06d}" for i in range(len(frame))]
    return frame[["Beleg", "Kunde", "Zeit", "Betrag"]]


SHOP_SOURCE = """\
sources:
  shop:
    reader: csv
    path: shop.csv
    columns: {activity_id: Beleg, customer_id: Kunde, occurred_at: Zeit, value: Betrag}
    activity: placed_order
    when_negative: returned_order
"""
SHOP_UNTIL = "2024-12-02"  # 336 days of history, and some that lie after it

# Fewer and quicker trees than are shipped, every step of the way still taken: most tests ask what runs and what is
# kept, not how well it predicts. `as_shipped` puts the shipped recipe back.
LIGHT_RECIPE = {
    "  seeds: 3 ": "  seeds: 1 ",
    "  learning_rate: 0.03\n": "  learning_rate: 0.1\n",
    "  max_rounds: 300 ": "  max_rounds: 60 ",
    "search: {trials: 6,": "search: {trials: 2,",
}


@dataclass
class Project:
    """A folder that holds what a clone holds, with a small source instead of the demo's."""

    folder: Path
    more: dict[str, str] = field(default_factory=dict)  # variables of the environment

    def churn(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.call(sys.executable, "-m", "pipelines.commands.app", *arguments, check=check)

    def dvc(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.call(sys.executable, "-m", "dvc", *arguments, check=check)

    def stale(self) -> set[str]:
        """The stages that `churn run` would find changed now, those behind them aside.

        Looks at the sources as a run does first, by the stage's own command; watch_sources itself, which always runs,
        is left out.
        """
        graph = yaml.safe_load((self.folder / "dvc.yaml").read_text())
        self.call(*graph["stages"]["watch_sources"]["cmd"].split())
        return set(json.loads(self.dvc("status", "--json").stdout)) - {"watch_sources"}

    def behind(self, stages: set[str]) -> set[str]:
        """`stages`, and all that read what they write, directly or not, as dvc.lock knows it."""
        known = yaml.safe_load((self.folder / "dvc.lock").read_text())["stages"]
        reads = {name: {one["path"] for one in stage.get("deps", [])} for name, stage in known.items()}
        found = set(stages)
        while True:
            written = {one["path"] for name in found for one in known[name].get("outs", [])}
            more = {name for name, paths in reads.items() if paths & written} - found
            if not more:
                return found
            found |= more

    def call(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = self._done(command)
        if check and done.returncode:
            pytest.fail(
                f"{' '.join(command)} ended with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            )
        return done

    def _done(self, command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        """Of a fork where the command is one of ours, whose start would be half of it; else of a new process."""
        environment, module = self.environment(), command[2] if command[:2] == (sys.executable, "-m") else ""
        if module in MODULES and sys.platform == "linux" and not any(name.startswith("PYTHON") for name in self.more):
            found = command_server().run(module, *command[3:], folder=self.folder, environment=environment)
            return subprocess.CompletedProcess(command, *found)
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)

    def environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        # A project keeps its bytecode, as at home: it starts many processes.
        ours = ("MLFLOW", "PYTEST", "DVC", "GIT", "PYTHONDONTWRITEBYTECODE")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        return {**kept, "PATH": path, "GIT_CONFIG_GLOBAL": str(self.folder / "no-git-config"), **self.more}

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text()
        assert old in text, f"{old!r} is not in {name}"
        (self.folder / name).write_text(text.replace(old, new))

    def as_shipped(self) -> None:
        """The model's recipe is that of the shipped params.yaml again."""
        for shipped, light in LIGHT_RECIPE.items():
            self.edit("params.yaml", light, shipped)

    def copy_to(self, folder: Path) -> Project:
        shutil.copytree(self.folder, folder, symlinks=True)
        return Project(folder, dict(self.more))


@functools.cache
def command_server() -> CommandServer:
    """Of this worker, started where a test first needs it."""
    return CommandServer()


def new_project(folder: Path, orders: pd.DataFrame) -> Project:
    for name in SHIPPED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    orders.to_csv(folder / "shop.csv", index=False)
    project = Project(folder)
    project.edit("params.yaml", "sources:  ", "sources_text:  ")
    for shipped, light in LIGHT_RECIPE.items():
        project.edit("params.yaml", shipped, light)
    text = (folder / "params.yaml").read_text()
    head, rest = text.split("sources_text:", 1)
    rest = rest.split("customers: null", 1)[1]
    text = (head + SHOP_SOURCE + "\ncustomers: null" + rest).replace("2017-12-04", SHOP_UNTIL)
    (folder / "params.yaml").write_text(text.replace("timezone: America/New_York", "timezone: Europe/Berlin"))
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "A shop of our own"]):
        project.call("git", "-c", "user.name=Shop", "-c", "user.email=shop@example.org", *command)
    return project


Made = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """`made_once(name, make)`: a folder that `make` filled, once for all workers. Read it or copy it, never write."""
    base = tmp_path_factory.getbasetemp()
    every = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "made_once"
    every.mkdir(exist_ok=True)

    def folder(name: str, make: Callable[[Path], None]) -> Path:
        made, done = every / name, every / f"{name}.done"
        with FileLock(every / f"{name}.lock"):  # one of the workers makes it, the others wait
            if not done.exists():
                shutil.rmtree(made, ignore_errors=True)  # left by a maker that failed
                make(made)
                done.touch()
        return made

    return folder


@pytest.fixture(scope="session")
def empty_store(made_once: Made) -> Path:
    """mlflow.db as MLflow's migrations leave it, without a run. Copied into a project, it follows the project there."""

    def make(folder: Path) -> None:
        folder.mkdir()
        program = "from pipelines.modelling.tracking.mlflow_store import open_store\nwith open_store():\n    pass\n"
        environment = Project(folder).environment() | {"PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-c", program], cwd=folder, env=environment, check=True)

    return made_once("empty_store", make) / "mlflow.db"


@pytest.fixture(scope="session")
def shop_made(made_once: Made, empty_store: Path) -> Path:
    """The folder of the project in which `churn run` has ended well once, the same for all workers."""

    def make(folder: Path) -> None:
        project = new_project(folder, shop_orders())
        shutil.copy(empty_store, folder / "mlflow.db")
        (folder / "first_run.txt").write_text(project.churn("run").stdout)

    return made_once("shop", make)


@pytest.fixture(scope="session")
def shop_run(shop_made: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which `churn run` has ended well once. Copy it before you change it."""
    return Project(shop_made).copy_to(tmp_path_factory.mktemp("shop") / "project")


@pytest.fixture(scope="session")
def next_week(shop_made: Path, made_once: Made) -> Project:
    """The shop's project a week later: `churn run` has ended well for that week too. Copy it before you change it."""

    def make(folder: Path) -> None:
        shop = Project(shop_made).copy_to(folder)
        shop.edit("params.yaml", 'as_of: "2024-12-02"', 'as_of: "2024-12-09"')
        (folder / "second_run.txt").write_text(shop.churn("run").stdout)

    return Project(made_once("next_week", make))


@pytest.fixture
def shop(shop_run: Project, tmp_path: Path) -> Project:
    """A copy of the shop's finished project, to change at will."""
    return shop_run.copy_to(tmp_path / "project")


# Files of which each test is long and needs little that the others need: the workers take them test by test. All other
# files are taken as a whole, so that what their tests share is made once.
TEST_BY_TEST = {
    "test_batch_command.py",
    "test_experiments.py",
    "test_failed_data.py",
    "test_forget.py",
    "test_graph.py",
    "test_interruptions.py",
    "test_publish_project.py",
    "test_stranger.py",
    "test_tracking_server.py",
    "test_weekly.py",
}


class _ByFile(LoadScopeScheduling):
    """What a worker takes at once: a file; of the files above, a test; all that runs on Java, as a process keeps it."""

    def _split_scope(self, nodeid: str) -> str:
        name = Path(nodeid.split("::", maxsplit=1)[0]).name
        if name in {"test_spark_engine.py", "test_batch_spark.py"}:
            return "java"
        return nodeid if name in TEST_BY_TEST else name


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first: no worker shall wait for the last of it.

    The very first have projects of their own: while one is run, another worker makes the shop for all of them.
    """
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("law")
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: _rank(item, slow))


def _rank(item: pytest.Item, slow: set[Path]) -> int:
    """What comes early: projects of their own, then what drives projects test by test, then other slow files."""
    if "club" in getattr(item, "fixturenames", ()):
        return 0
    if item.path.name == "test_interruptions.py":
        return 1
    if item.path.name in TEST_BY_TEST:
        return 2
    return 3 if item.path in slow else 4
