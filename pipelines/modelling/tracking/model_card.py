"""The model card: what a model predicts, for whom, from what, how well, and where it is weak. Markdown, in plain words.

MLflow keeps at most 5,000 characters beside a version; the card stays below.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pipelines.rendering.wording import leaving, staying
from pipelines.settings.params import Settings

if TYPE_CHECKING:
    from models.churn_model import ChurnModel

MOST_CHARACTERS = 4900
FEW_CUSTOMERS = 500
FEW_IN_SEGMENT = 50  # fewer say too little about a segment
MOST_SEGMENTS = 14
MOST_NAMES = 30
POOR_CALIBRATION = 0.03
WIDE_SPREAD = 0.03
POOR_SEGMENT = 0.05

FIGURES = (
    ("roc_auc", "ROC AUC (1 = perfect order, 0.5 = chance)"),
    ("log_loss", "log loss (lower is better)"),
    ("brier", "Brier score (lower is better)"),
    ("ece", "calibration error (0 = what is said happens)"),
    ("lift_at_10", "lift in the riskiest 10%"),
    ("precision_at_10", "precision in the riskiest 10%"),
    ("recall_at_10", "leavers found in the riskiest 10%"),
)


def model_card(
    definition: str, settings: Settings, metrics: dict[str, Any], facts: dict[str, Any], model: ChurnModel
) -> str:
    """The card of a candidate, from the settings and figures it was made with."""
    parts = [
        f"# {definition}",
        _what(definition, settings),
        "## Learned from\n\n" + _data(settings, facts, model),
        "## How well it does\n\n" + _figures(metrics) + _segments(metrics),
        "## Where it is weak\n\n" + "\n".join(f"- {line}" for line in _weak(metrics, facts)),
    ]
    return "\n\n".join(parts)[:MOST_CHARACTERS] + "\n"


def _what(definition: str, settings: Settings) -> str:
    chosen = settings.churn[definition]
    return (
        f"Probability (0 to 1) of leaving: {leaving(chosen)}. Customers are: {staying(chosen)}; nobody else "
        "has a score. It ranks customers for a retention team. It does not say why a customer leaves, nor that "
        "contacting them helps, and must not decide prices, credit or access."
    )


def _data(settings: Settings, facts: dict[str, Any], model: ChurnModel) -> str:
    every = sorted(facts.get("activities", {}))
    names = ", ".join([*(f"`{name}`" for name in every[:MOST_NAMES]), *(["..."] if len(every) > MOST_NAMES else [])])
    return (
        f"{facts['rows']:,} activities of {facts['customers']:,} customers before {facts['moment']} "
        f"({settings.timezone}): {names}. {len(model.columns)} columns. Data digest `{str(facts['digest'])[:12]}`, "
        f"model digest `{model.digest[:12]}`."
    )


def _figures(metrics: dict[str, Any]) -> str:
    """A table of the held-out test moment: the model beside each baseline."""
    test, baselines = metrics["test"], metrics.get("baselines", {})
    rules = {name: figures["test"] for name, figures in baselines.items() if "test" in figures}
    head = ["", "model", *(name.replace("_", " ") for name in rules)]
    rows = [head, ["---"] * len(head)]
    for key, words in FIGURES:
        if test.get(key) is not None:
            rows.append(
                [words, *("" if one.get(key) is None else f"{one[key]:.3f}" for one in (test, *rules.values()))]
            )
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    grade = metrics.get("grade", {})
    verdict = f"\n\nGrade {grade['grade']}. {grade['text']}" if "grade" in grade else ""
    return (
        f"The same recipe, trained on what was known earlier, judged on {test['as_of']}: {test['customers']:,} "
        f"customers, {test['churn_rate']:.1%} left.\n\n{table}{verdict}"
    )


def _segments(metrics: dict[str, Any]) -> str:
    """The same model at all held-out moments, for each kind of customer; the largest first."""
    found = _of_size(metrics)
    if not found:
        return ""
    rows = [["segment", "customers", "left", "ROC AUC", "promised"], ["---"] * 5]
    for name, one in found[:MOST_SEGMENTS]:
        figures = [f"{one['customers']:,}", f"{one['churn_rate']:.1%}"]
        figures += ["" if one.get("roc_auc") is None else f"{one['roc_auc']:.3f}"]
        rows.append([name, *figures, "" if one.get("promised_rate") is None else f"{one['promised_rate']:.1%}"])
    return "\n\nPer segment:\n\n" + "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _of_size(metrics: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    sized = [(name, one) for name, one in metrics.get("segments", {}).items() if one.get("customers")]
    return sorted(sized, key=lambda pair: (-pair[1]["customers"], pair[0]))


def _weak(metrics: dict[str, Any], facts: dict[str, Any]) -> Iterator[str]:
    test = metrics["test"]
    if test["customers"] < FEW_CUSTOMERS:
        yield f"Judged on {test['customers']:,} customers only: every figure above is uncertain."
    if test.get("ece", 0) > POOR_CALIBRATION:
        yield f"Probabilities are off by {test['ece']:.3f} on average: trust the order more than the number."
    spread = [one["roc_auc"] for one in metrics.get("backtest", {}).values() if one.get("roc_auc") is not None]
    if spread and max(spread) - min(spread) > WIDE_SPREAD:
        worst, best = min(spread), max(spread)
        yield f"Not equally good every time: ROC AUC from {worst:.3f} to {best:.3f} at {len(spread)} moments."
    made = metrics.get("model", {})
    if "sampled_customers" in made:
        yield (
            f"Trained and judged on a sample of {made['sampled_customers']:,} of {made['labelled_customers']:,} "
            "customers (all would not fit into `engine_memory`), drawn by their ids: the same ones every time."
        )
    yield from _weak_segments(metrics)
    if not facts.get("has_recorded_at"):
        yield "The sources do not tell when a fact became known: late facts may have flattered the figures."
    yield "Customers unlike those it learned from (a new market, a new channel) are scored as if they were like them."
    yield "Once lists are acted on, saved customers look like mistakes: judge later figures on the held-out group."


def _weak_segments(metrics: dict[str, Any]) -> Iterator[str]:
    """The segments that the model orders clearly worse than everyone, and those that nothing can be said about."""
    whole, found = metrics["test"].get("roc_auc"), _of_size(metrics)
    poor = [
        f"{name} ({one['roc_auc']:.3f})"
        for name, one in found
        if whole and one["customers"] >= FEW_IN_SEGMENT and (one.get("roc_auc") or 1) < whole - POOR_SEGMENT
    ]
    if poor:
        yield f"Orders some customers worse than others: ROC AUC {', '.join(poor)}; {whole:.3f} for all."
    few = [name for name, one in found if one["customers"] < FEW_IN_SEGMENT]
    if few:
        yield f"Too few of these to say how well it does for them: {', '.join(few)}."
