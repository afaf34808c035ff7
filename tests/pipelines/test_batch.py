"""`churn score`: the stage's scores, in chunks, again and again, or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from models.churn_model import ChurnModel
from models.errors import ModelError
from models.learners.calibration import Calibration
from pipelines.commands.score import run
from pipelines.commands.score.request import Request
from pipelines.commands.score.run import score
from pipelines.runtime.errors import CheckFailedError, ChurnError, NothingToScoreError, TryAgainError
from pipelines.runtime.files import digest_of
from pipelines.runtime.log import Log
from pipelines.stages.score_customers import Places, score_customers
from tests.pipelines.model_folders_for_tests import AS_OF, D, Folders, fill, save_sealed, settings_with, write_features

SINCE = "placed_order_days_since_last"
pytestmark = pytest.mark.slow


@pytest.fixture
def request_(trained_folders: Folders, tmp_path: Path) -> Request:
    """The feature table of the day and the champion, copied, to be scored in chunks of 70."""
    mine = fill(tmp_path)
    save_sealed(ChurnModel.load(trained_folders.model / "shipped"), tmp_path / "champion" / D)
    asked = Request(
        tmp_path / "out.parquet",
        features=mine.score_features / f"{AS_OF}.parquet",
        model=str(tmp_path / "champion" / D),
        chunk_customers=70,
    )
    change(asked, lambda table: table.assign(placed_order_days_since_last=table[SINCE].clip(upper=56)))
    return asked


def by_the_stage(asked: Request, settings: Any, definition: str = D) -> Path:
    """What score_customers writes of the same."""
    assert asked.features is not None
    root = asked.features.parents[1]
    out = root / f"stage_{definition}.parquet"
    champion = Path(str(asked.model)).with_name(definition)
    places = Places(root / "score_activity", asked.features.parent, champion, out, root / "report.json")
    score_customers(definition, settings, places)
    return out


def told() -> tuple[list[dict[str, Any]], Log]:
    lines: list[dict[str, Any]] = []
    return lines, Log(True, lambda: "now", lambda text: lines.append(json.loads(text)))


def events(lines: list[dict[str, Any]]) -> list[str]:
    return [line["event"] for line in lines]


def change(asked: Request, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    assert asked.features is not None
    table = pq.read_table(asked.features).to_pandas()
    write_features(asked.features.parent, AS_OF, edit(table.assign(as_of=pd.to_datetime(table["as_of"]))))


@pytest.mark.parametrize("size", [1, 70, 250, 10_000])
def test_the_file_is_the_stages_to_the_byte_whatever_the_chunks(request_: Request, size: int) -> None:
    lines, log = told()
    asked = replace(request_, chunk_customers=size)
    receipt = score(asked, settings_with(), log)
    assert asked.out.read_bytes() == by_the_stage(asked, settings_with()).read_bytes()
    assert (receipt["rows"], receipt["definition"]) == (250, D)
    assert events(lines).count("chunk") == -(-250 // size)
    assert sorted(path.name for path in asked.out.parent.glob("*out*")) == [
        ".out.parquet.lock",
        "out.parquet",
        "out.parquet.json",
    ]


def test_a_second_time_nothing_is_done_and_a_third_after_a_change_everything(request_: Request) -> None:
    score(request_, settings_with(), told()[1])
    before, stamp = digest_of(request_.out), request_.out.stat().st_mtime_ns
    lines, log = told()
    score(replace(request_, chunk_customers=9), settings_with(), log)
    assert events(lines) == ["started", "unchanged"]
    assert request_.out.stat().st_mtime_ns == stamp
    request_.out.write_bytes(b"spoilt")
    score(request_, settings_with(), told()[1])
    assert digest_of(request_.out) == before
    change(request_, lambda table: table.iloc[:200])
    lines, log = told()
    score(request_, settings_with(), log)
    assert "finished" in events(lines)
    assert pq.read_metadata(request_.out).num_rows == 200


def test_what_was_cut_short_goes_on_where_it_ended(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = by_the_stage(request_, settings_with())
    asked, real = list[int](), run._asked

    def failing(champion: Any, rows: Any) -> pd.DataFrame:
        asked.append(len(rows))
        if len(asked) == 3:
            raise MemoryError
        return real(champion, rows)

    monkeypatch.setattr(run, "_asked", failing)
    with pytest.raises(MemoryError):
        score(request_, settings_with(), told()[1])
    assert not request_.out.exists()
    lines, log = told()
    score(request_, settings_with(), log)
    assert asked == [70, 70, 70, 70, 40]
    resumed = next(line for line in lines if line["event"] == "resumed")
    assert (resumed["rows"], resumed["of"]) == (140, 250)
    assert request_.out.read_bytes() == whole.read_bytes()


def shifted(model: ChurnModel, days: int, by: float) -> ChurnModel:
    moved = Calibration("platt", {"intercept": [by], "slope": [1.0]})
    return replace(model, definition={**model.definition, "horizon_days": days}, calibration=moved, level=None)


def test_horizons_of_one_kind_never_cross_just_as_in_the_stage(request_: Request) -> None:
    model = ChurnModel.load(Path(str(request_.model)))
    entry = {"kind": "silence", "activity": "placed_order", "active_within_days": 56}
    churn = {D: {**entry, "horizon_days": 28}, "silent_14d": {**entry, "horizon_days": 14, "active_within_days": 30}}
    settings = settings_with(churn=churn, checks={"max_score_shift": 100})
    save_sealed(shifted(model, 28, 0.0), Path(str(request_.model)))
    other = shifted(model, 14, -1.0)
    learned = {**other.definition, "active_within_days": 30}
    save_sealed(replace(other, definition=learned), Path(str(request_.model)).with_name("silent_14d"))
    change(request_, lambda table: table.assign(placed_order_days_since_last=20.0))
    for name in churn:
        asked = replace(request_, model=str(Path(str(request_.model)).with_name(name)))
        score(asked, settings, told()[1])
        assert asked.out.read_bytes() == by_the_stage(asked, settings, name).read_bytes()
    alone = model.predict(pq.read_table(request_.features).to_pandas())
    found = pq.read_table(by_the_stage(request_, settings))["churn_probability"].to_numpy()
    assert not np.array_equal(found, alone)


def test_features_tell_who_is_a_customer_by_silence_and_by_nothing_else(request_: Request) -> None:
    change(request_, lambda table: table.assign(placed_order_days_since_last=np.where(table.index < 240, 56.0, 57.0)))
    settings = settings_with(checks={"max_score_shift": 100})
    assert score(request_, settings, told()[1])["rows"] == 240
    assert score(replace(request_, every_row=True), settings, told()[1])["rows"] == 250
    rhythm = {"kind": "rhythm", "activity": "placed_order", "active_within_days": 56, "horizon_days": 28}
    model = ChurnModel.load(Path(str(request_.model)))
    learned = settings_with(churn={D: rhythm}).churn[D].model_dump()
    save_sealed(replace(model, definition=learned), Path(str(request_.model)))
    with pytest.raises(ChurnError, match="features alone do not tell who is a customer"):
        score(request_, settings_with(churn={D: rhythm}), told()[1])


def test_faults_are_said_and_the_output_stays(request_: Request) -> None:
    score(request_, settings_with(), told()[1])
    before = digest_of(request_.out)
    with pytest.raises(ChurnError, match=r"holds rows of 2021-06-21, and --as-of is 2021-06-28"):
        score(request_, settings_with(observations=moments("2021-06-28")), told()[1])
    change(request_, lambda table: pd.concat([table, table.iloc[:2]]))
    with pytest.raises(ChurnError, match=r"2 customers stand on several rows \(c0000, c0001\)"):
        score(request_, settings_with(), told()[1])
    change(request_, lambda table: table.iloc[:250].assign(noise_0=np.nan))
    with pytest.raises(ModelError, match="noise_0 is null or not finite"):
        score(request_, settings_with(), told()[1])
    change(request_, lambda table: table.assign(noise_0=1.0, placed_order_days_since_last=50.0))
    with pytest.raises(CheckFailedError, match="The scores are spread as in training"):
        score(request_, settings_with(checks={"score_shift": "stop"}), told()[1])
    assert (request_.out.parent / f"out.parquet.parts/validation/scores_{D}.html").is_file()
    change(request_, lambda table: table.drop(columns="noise_1"))
    with pytest.raises(ModelError, match="needs a column that is not there: noise_1"):
        score(request_, settings_with(), told()[1])
    change(request_, lambda table: table.assign(noise_1=1.0).iloc[:0])
    with pytest.raises(NothingToScoreError, match="has no rows, so there is nobody to score"):
        score(request_, settings_with(), told()[1])
    change(request_, lambda table: table)
    assert digest_of(request_.out) == before


def moments(day: str) -> dict[str, Any]:
    return {"train": {"until": AS_OF}, "score": {"as_of": day}}


def test_what_is_not_there_is_named_all_at_once(request_: Request, tmp_path: Path) -> None:
    with pytest.raises(ChurnError) as problem:
        score(Request(tmp_path, activity=tmp_path / "a", features=tmp_path / "f"), settings_with(), told()[1])
    assert len(problem.value.faults) == 3
    with pytest.raises(ChurnError, match="cannot be read as Parquet"):
        (tmp_path / "f").write_text("no table")
        score(replace(request_, features=tmp_path / "f"), settings_with(), told()[1])


def test_two_at_once_on_one_output_are_refused(request_: Request) -> None:
    from pipelines.commands.score.resume import Parts

    with Parts(request_.out).locked(), pytest.raises(TryAgainError, match="another `churn score` is writing it"):
        score(request_, settings_with(), told()[1])


def test_rows_in_any_order_come_out_sorted(request_: Request) -> None:
    whole = by_the_stage(request_, settings_with())
    change(request_, lambda table: table.iloc[::-1])
    score(request_, settings_with(), told()[1])
    assert request_.out.read_bytes() == whole.read_bytes()
