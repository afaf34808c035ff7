"""MLflow on a server of its own works as on the embedded store; it may be gone, hang, or die in mid-run."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines.modelling import promote
from pipelines.modelling.tracking import mlflow_store, registry
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of, read_json
from pipelines.settings import params
from pipelines.settings.training import TrainingSettings
from tests.conftest import new_project, shop_orders
from tests.pipelines.conftest import bring
from tests.pipelines.mlflow_servers import Server, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*Any type hint is inferred:UserWarning"),
]

D = "silent_28d"
CHAMPION = Path("data/champion") / D


@pytest.fixture(params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path
) -> Iterator[Server]:
    (tmp_path / "server").mkdir()
    with serving(tmp_path / "server", request.param, empty_store if request.param == "sqlite" else None) as found:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", found.address)
        yield found


def promoted() -> str:
    return promote.promote(TrainingSettings.of(params.load(), D), margin=0.001)


def history() -> list[str]:
    with registry.open_registry(D) as found:
        return [one.number for one in found.versions() if one.turn and not one.rolled_back]


def versions() -> list[str]:
    with registry.open_registry(D) as found:
        return [one.number for one in found.versions()]


def test_a_server_works_like_the_embedded_store_and_may_die_in_mid_run_or_hang(
    untouched: Path, second: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "(version 1)" in promoted()
    was, before = promote.champion(D), digest_of(CHAMPION)
    bring(second, untouched)

    log_model = mlflow_store._log_model
    with monkeypatch.context() as patch:
        patch.setattr(mlflow_store, "_log_model", lambda *arguments: (server.kill(), log_model(*arguments)))
        started = time.monotonic()
        with pytest.raises(ChurnError, match=r"does not answer\. Nothing was registered"):
            promoted()
        assert time.monotonic() - started < 20
    assert digest_of(CHAMPION) == before

    server.start()
    assert versions() == ["1"]
    assert "(version 2)" in promoted()
    assert history() == ["1", "2"]
    promote.rollback(D)
    back = promote.champion(D)
    assert was is not None
    assert back is not None
    assert back == was | {"rolled_back_from": back["rolled_back_from"]}
    before = digest_of(CHAMPION)
    shutil.rmtree(CHAMPION)
    promote.restore(D)
    assert digest_of(CHAMPION) == before
    assert not (untouched / "mlflow.db").exists()

    assert "Forced" in promote.promote(TrainingSettings.of(params.load(), D), margin=0.001, force=True)
    server.signal(signal.SIGSTOP)
    started = time.monotonic()
    try:
        with pytest.raises(ChurnError, match=r"does not answer\. Nothing was registered"):
            promote.rollback(D)
    finally:
        server.signal(signal.SIGCONT)
    assert time.monotonic() - started < 25


def test_a_whole_run_on_a_server_with_postgresql(tmp_path: Path) -> None:
    """The server dies in mid-run; the next run completes; a new machine restores; scoring goes on without a server."""
    project: Any = new_project(tmp_path / "project", shop_orders())
    place = tmp_path / "server"
    place.mkdir()
    with serving(place, "postgresql") as server:
        project.more["MLFLOW_TRACKING_URI"] = server.address
        with subprocess.Popen(
            [sys.executable, "-m", "pipelines.commands.app", "run"],
            cwd=project.folder,
            env=project.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as running:
            assert running.stdout is not None
            said = []
            for line in running.stdout:
                said.append(line)
                if line.startswith("  train_model@"):  # it has ended; evaluate_model will record in MLflow
                    server.kill()
        assert running.returncode == 1
        assert "does not answer. Nothing was registered and the champion stays" in "".join(said)
        assert "Traceback" not in "".join(said)
        assert not (project.folder / "data/champion").exists()

        server.start()
        assert "is the champion now (version 1)" in project.churn("run").stdout
        champion = project.folder / "data/champion" / D
        before = digest_of(champion)
        shutil.rmtree(champion)
        assert "(version 1) is here and scores" in project.churn("restore").stdout
        assert digest_of(champion) == before
        server.kill()

        project.edit("params.yaml", 'as_of: "2024-12-02"', 'as_of: "2024-12-09"')
        said_later = project.churn("run").stdout  # scoring needs no server
        assert "score_customers@" in said_later
    folder = project.folder / "data/at_risk/2024-12-09"
    assert len(pd.read_parquet(folder / "at_risk.parquet")) > 10
    assert read_json(folder / "manifest.json")["champion"]["version"] == "1"
    assert not (project.folder / "mlflow.db").exists()
