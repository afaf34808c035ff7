"""The curves of an evaluation as PNG files and as numbers, from the CSV files that `dvc plots` shows too.

A file holds one line, or several with a column of text that names them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.settings import artifacts

Line = tuple[str, list[float], list[float]]


@dataclass(frozen=True)
class Curve:
    """The columns of a curve's file that are its axes, and their labels; `diagonal`: what the diagonal means."""

    across: str
    up: str
    title: str
    across_label: str
    up_label: str
    diagonal: str = ""


CURVES = {
    "roc": Curve(
        *("false_positive_rate", "true_positive_rate", "Those who leave rank before those who stay"),
        *("share of those who stay", "share of those who leave", "by chance"),
    ),
    "precision_recall": Curve(
        *("recall", "precision", "How many of those picked leave"),
        *("share of all leavers found", "share of the picked who leave"),
    ),
    "calibration": Curve(
        *("promised", "observed", "What was said and what happened"),
        *("probability said", "share that left", "exact"),
    ),
    "gains": Curve(
        *("contacted_share", "churners_found_share", "Leavers found when the riskiest come first"),
        *("share of customers looked after", "share of leavers found", "by chance"),
    ),
}


COMPARED = {"roc_auc": "ROC AUC (higher is better)", "log_loss": "log loss (lower is better)"}


def lines(evaluation: Path, name: str) -> Iterator[Line]:
    """Lines of a curve: name, horizontal values in rising order, heights.

    Points without a height (an empty group) are left out; a line of fewer than two points is none.
    """
    import pandas as pd

    table, curve = pd.read_csv(evaluation / f"{name}.csv"), CURVES[name]
    names = [column for column in table.columns if not pd.api.types.is_numeric_dtype(table[column])]
    for key, rows in table.groupby(names, sort=True) if names else [(("model",), table)]:
        points = rows[[curve.across, curve.up]].dropna().sort_values(curve.across, kind="stable").to_numpy(dtype=float)
        if len(points) > 1:
            yield " ".join(map(str, key)), points[:, 0].tolist(), points[:, 1].tolist()


def present(evaluation: Path) -> list[str]:
    """The curves that an evaluation folder holds."""
    return [name for name in CURVES if (evaluation / f"{name}.csv").exists()]


def draw(evaluation: Path, folder: Path) -> None:
    """One PNG per curve of an evaluation folder; the same curves give the same bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    folder.mkdir(parents=True)
    for name in present(evaluation):
        curve = CURVES[name]
        figure = Figure(figsize=(6, 5), layout="constrained")
        axes = figure.add_subplot(xlabel=curve.across_label, ylabel=curve.up_label, title=curve.title)
        if curve.diagonal:
            axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label=curve.diagonal)
        for label, xs, ys in lines(evaluation, name):
            axes.plot(xs, ys, label=label.replace("_", " "), marker="o" if len(xs) <= 30 else None)
        axes.grid(alpha=0.3)
        axes.legend()
        FigureCanvasAgg(figure).print_png(folder / f"{name}.png", metadata={"Software": None})
    if (evaluation / artifacts.COMPARISON).exists():
        _draw_comparison(evaluation / artifacts.COMPARISON, folder / "comparison.png")


def _draw_comparison(table: Path, picture: Path) -> None:
    """The model and everything that it has to beat, over all held-out moments, with 95 percent intervals."""
    import pandas as pd
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = pd.read_csv(table).iloc[::-1]
    figure = Figure(figsize=(10, 4), layout="constrained")
    for number, (column, title) in enumerate(COMPARED.items(), start=1):
        axes = figure.add_subplot(1, len(COMPARED), number, title=title)
        for height, (name, value, low, high) in enumerate(
            zip(rows["name"], rows[column], rows[f"{column}_low"], rows[f"{column}_high"], strict=True)
        ):
            colour = "tab:blue" if name == "model" else "grey"
            axes.plot([low, high], [height, height], color=colour)
            axes.plot([value], [height], "o", color=colour)
        axes.set_yticks(range(len(rows)), [name.replace("_", " ") for name in rows["name"]])
        axes.grid(alpha=0.3)
    FigureCanvasAgg(figure).print_png(picture, metadata={"Software": None})
