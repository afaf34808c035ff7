from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.modelling.tracking.plots import draw, lines, present

CALIBRATION = "customers,promised,observed\n30,0.10,0.05\n30,0.40,0.50\n30,0.20,\n"


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    folder = tmp_path / "evaluation"
    folder.mkdir()
    (folder / "calibration.csv").write_text(CALIBRATION)
    (folder / "gains.csv").write_text(
        "who,contacted_share,churners_found_share\nmodel,1,1\nmodel,0,0\nrule,0,0\nrule,1,1\nalone,0,0\n"
    )
    (folder / "metrics.json").write_text("{}")
    return folder


def test_a_line_has_rising_values_and_no_empty_points(evaluation: Path) -> None:
    assert list(lines(evaluation, "calibration")) == [("model", [0.1, 0.4], [0.05, 0.5])]


def test_a_column_of_text_names_the_lines_and_a_single_point_is_none(evaluation: Path) -> None:
    assert [name for name, _, _ in lines(evaluation, "gains")] == ["model", "rule"]


@pytest.mark.slow
def test_the_same_curves_give_the_same_pictures(evaluation: Path, tmp_path: Path) -> None:
    (evaluation / "comparison.csv").write_text(
        "name,roc_auc,roc_auc_low,roc_auc_high,log_loss,log_loss_low,log_loss_high\n"
        "model,0.8,0.78,0.82,0.3,0.28,0.32\nbg_nbd,0.7,0.68,0.72,0.4,0.38,0.42\n"
    )
    for folder in ("a", "b"):
        draw(evaluation, tmp_path / folder)
    pictures = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert pictures == ["calibration.png", "comparison.png", "gains.png"]
    assert present(evaluation) == ["calibration", "gains"]
    for name in pictures:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
