"""Data that fails a check stops the graph: no list is written, and earlier lists are untouched."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

pytestmark = pytest.mark.slow


def test_a_stream_that_ends_long_before_its_moment_writes_no_list(shop: Any) -> None:
    orders = pd.read_csv(shop.folder / "shop.csv", dtype=str)
    orders[orders["Zeit"] < "2024-12-02"].to_csv(shop.folder / "shop.csv", index=False)
    shop.edit("params.yaml", 'as_of: "2024-12-02"', 'as_of: "2024-12-09"')
    before = (shop.folder / "data/at_risk/2024-12-02/at_risk.csv").read_bytes()
    done = shop.churn("run", check=False)
    assert done.returncode == 1
    assert "data/validation/activity_score.html" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (shop.folder / "data/at_risk/2024-12-09").exists()
    assert (shop.folder / "data/at_risk/2024-12-02/at_risk.csv").read_bytes() == before
    assert "failed" in (shop.folder / "data/validation/index.html").read_text()


def test_no_rows_at_all_is_a_failure(shop: Any) -> None:
    orders = pd.read_csv(shop.folder / "shop.csv", dtype=str)
    orders[:0].to_csv(shop.folder / "shop.csv", index=False)
    done = shop.churn("run", check=False)
    assert done.returncode == 1
    assert "shop.csv" in done.stdout + done.stderr
    assert (shop.folder / "data/at_risk/2024-12-02/at_risk.csv").exists()


def test_scores_far_from_trainings_warn_and_are_refused_where_the_settings_say_so(shop: Any) -> None:
    """Most customers fall silent at once: the scores no longer look like those of training."""
    orders = pd.read_csv(shop.folder / "shop.csv", dtype=str)
    quiet = (orders["Kunde"].astype(int) % 6 > 0) & (orders["Zeit"] > "2024-12-03") & (orders["Zeit"] < "2024-12-31")
    orders[~quiet].to_csv(shop.folder / "shop.csv", index=False)
    shop.edit("params.yaml", 'as_of: "2024-12-02"', 'as_of: "2024-12-30"')
    shop.edit("params.yaml", "max_score_shift: 0.25 ", "score_shift: stop\n  max_score_shift: 0.25 ")
    folder = shop.folder / "data/at_risk/2024-12-30"
    done = shop.churn("run", check=False)
    assert done.returncode == 1
    assert not folder.exists()
    shop.edit("params.yaml", "score_shift: stop", "score_shift: warn")
    assert "Not as it was when the model learned" in shop.churn("run").stdout
    assert "The data is not as it was when the model learned" in (folder / "at_risk.html").read_text()
