"""The model card: what a model predicts, for whom, from what, how well, and where it is weak. Markdown, in plain words.

MLflow keeps at most 5,000 characters beside a version; the card stays below.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from models.learners.rule_names import IN_WORDS
from pipelines.rendering.scorer import is_rule, who_scores
from pipelines.rendering.wording import leaving, staying
from pipelines.settings.churn import Churn
from pipelines.settings.training import TrainingSettings

if TYPE_CHECKING:
    from models.churn_model import ChurnModel

MOST_CHARACTERS = 4900
FEW_CUSTOMERS = 500
FEW_IN_SEGMENT = 50  # fewer say too little about a segment
MOST_SEGMENTS = 14
MOST_NAMES = 30
POOR_CALIBRATION = 0.03
WIDE_SPREAD = 0.03

FIGURES = (
    ("roc_auc", "ROC AUC (1 = perfect order, 0.5 = chance)"),
    ("log_loss", "log loss (lower is better)"),
    ("brier", "Brier score (lower is better)"),
    ("ece", "calibration error (0 = what is said happens)"),
    ("lift_at_10", "lift in the riskiest 10%"),
    ("precision_at_10", "precision in the riskiest 10%"),
    ("recall_at_10", "leavers found in the riskiest 10%"),
)


def model_card(settings: TrainingSettings, metrics: dict[str, Any], facts: dict[str, Any], model: ChurnModel) -> str:
    """Write the card of a candidate from its settings, metrics.json and the facts.json of its training activity."""
    parts = [
        f"# {settings.definition}",
        _purpose(settings.churn),
        "## Learned from\n\n" + _training_data(facts, model, settings.timezone),
        "## How well it does\n\n" + _figures(metrics) + _segments(metrics),
        "## Where it is weak\n\n" + "\n".join(f"- {line}" for line in _weaknesses(metrics, facts)),
    ]
    return "\n\n".join(parts)[:MOST_CHARACTERS] + "\n"


def _beaten_by(segment: dict[str, Any]) -> str:
    rule = segment["rule"]
    return f"{IN_WORDS[rule['name']]}: log loss {rule['log_loss']:.3f} against {segment['log_loss']:.3f}"


def _purpose(churn: Churn) -> str:
    return (
        f"Probability (0 to 1) of leaving: {leaving(churn)}. Customers are: {staying(churn)}; nobody else "
        "has a score. It ranks customers for a retention team. It does not say why a customer leaves, nor that "
        "contacting them helps, and must not decide prices, credit or access."
    )


def _training_data(facts: dict[str, Any], model: ChurnModel, timezone: str) -> str:
    activities = sorted(facts.get("activities", {}))
    more = ["..."] if len(activities) > MOST_NAMES else []
    names = ", ".join([*(f"`{name}`" for name in activities[:MOST_NAMES]), *more])
    return (
        f"{facts['rows']:,} activities of {facts['customers']:,} customers before {facts['moment']} "
        f"({timezone}): {names}. {len(model.learned)} columns. Data digest `{str(facts['digest'])[:12]}`, "
        f"model digest `{model.digest[:12]}`."
    )


def _figures(metrics: dict[str, Any]) -> str:
    """A table of the held-out test moment: the model beside each baseline."""
    test, baselines = metrics["test"], metrics.get("baselines", {})
    rules = {name: figures["test"] for name, figures in baselines.items() if "test" in figures}
    head = ["", "rule" if is_rule(metrics.get("scored_by")) else "model", *(name.replace("_", " ") for name in rules)]
    rows = [head, ["---"] * len(head)]
    for key, label in FIGURES:
        if test.get(key) is not None:
            rows.append(
                [
                    label,
                    *("" if column.get(key) is None else f"{column[key]:.3f}" for column in (test, *rules.values())),
                ]
            )
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    grade = metrics.get("grade", {})
    said = "".join(f" {sentence}" for sentence in who_scores(metrics.get("scored_by")))
    verdict = f"\n\nGrade {grade['grade']}. {grade['text']}" if "grade" in grade else ""
    return (
        f"The same recipe, trained on what was known earlier, judged on {test['as_of']}: {test['customers']:,} "
        f"customers, {test['churn_rate']:.1%} left.{said}\n\n{table}{verdict}"
    )


def _segments(metrics: dict[str, Any]) -> str:
    """The same model at all held-out moments, for each kind of customer; the largest first."""
    segments = _by_size(metrics)
    if not segments:
        return ""
    rows = [["segment", "customers", "left", "ROC AUC", "promised"], ["---"] * 5]
    for name, figures in segments[:MOST_SEGMENTS]:
        cells = [f"{figures['customers']:,}", f"{figures['churn_rate']:.1%}"]
        cells += ["" if figures.get("roc_auc") is None else f"{figures['roc_auc']:.3f}"]
        cells += ["" if figures.get("promised_rate") is None else f"{figures['promised_rate']:.1%}"]
        rows.append([name, *cells])
    return "\n\nPer segment:\n\n" + "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _by_size(metrics: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    segments = metrics.get("segments", {}).items()
    return sorted(
        ((name, figures) for name, figures in segments if figures.get("customers")),
        key=lambda pair: (-pair[1]["customers"], pair[0]),
    )


def _weaknesses(metrics: dict[str, Any], facts: dict[str, Any]) -> Iterator[str]:
    test = metrics["test"]
    if test["customers"] < FEW_CUSTOMERS:
        yield f"Judged on {test['customers']:,} customers only: every figure above is uncertain."
    if test.get("ece", 0) > POOR_CALIBRATION:
        yield f"Probabilities are off by {test['ece']:.3f} on average: trust the order more than the number."
    spread = [fold["roc_auc"] for fold in metrics.get("backtest", {}).values() if fold.get("roc_auc") is not None]
    if spread and max(spread) - min(spread) > WIDE_SPREAD:
        worst, best = min(spread), max(spread)
        yield f"Not equally good every time: ROC AUC from {worst:.3f} to {best:.3f} at {len(spread)} moments."
    model = metrics.get("model", {})
    if "sampled_customers" in model:
        yield (
            f"Trained and judged on a sample of {model['sampled_customers']:,} of {model['labelled_customers']:,} "
            "customers (all would not fit into `engine_memory`), drawn by their ids: the same ones every time."
        )
    yield from _acted_upon(model)
    yield from _weak_segments(metrics)
    if not facts.get("has_recorded_at"):
        yield "The sources do not tell when a fact became known: late facts may have flattered the figures."
    yield "Customers unlike those it learned from (a new market, a new channel) are scored as if they were like them."
    yield "Once lists are acted on, saved customers look like mistakes: judge later figures on the held-out group."


def _acted_upon(model: dict[str, Any]) -> Iterator[str]:
    """How many training rows our own lists may have changed."""
    if "contacted_rows" not in model:
        return
    rows = {name: f"{model[name]:,}" for name in ("contacted_rows", "control_rows", "sure_rows")}
    yield (
        f"Our own lists acted on customers it could learn from: {rows['contacted_rows']} rows of those who were "
        f"contacted by lot were left out, {rows['control_rows']} rows of the control group stayed in."
    )
    if model["sure_rows"]:
        yield (
            f"{rows['sure_rows']} rows are of customers who were sure to be contacted. They stayed in, for want of "
            "others like them: whom contacting kept looks safe there."
        )


def _weak_segments(metrics: dict[str, Any]) -> Iterator[str]:
    """Segments for which a rule is better by more than chance, and those too small to say.

    Each is compared with the best rule in that segment: one whose customers are alike has a low ROC AUC whoever scores.
    """
    segments = _by_size(metrics)
    judged = [(name, one) for name, one in segments if one["customers"] >= FEW_IN_SEGMENT and "over_rule" in one]
    poor = [f"{name} ({_beaten_by(one)})" for name, one in judged if one["over_rule"]["low"] > 0]
    if poor:
        yield f"For some customers a simple rule is closer to what happened: {'; '.join(poor)}."
    elif judged:
        yield "In none of the segments above is a simple rule closer to what happened by more than chance."
    few = [name for name, figures in segments if figures["customers"] < FEW_IN_SEGMENT]
    if few:
        yield f"Too few of these to say how well it does for them: {', '.join(few)}."
