from __future__ import annotations

from typing import Any

import pytest

from pipelines.modelling.gate import Contest, decide_promotion, lead_of


def metrics(**leads: tuple[float, float, float]) -> dict[str, Any]:
    """metrics.json of a model whose ROC AUC leads each baseline by (difference, low, high)."""
    paired = {
        name: {"roc_auc": {"difference": lead[0], "low": lead[1], "high": lead[2], "moments": {"2024-05-20": lead[0]}}}
        for name, lead in leads.items()
    }
    return {"test": {"as_of": "2024-05-20"}, "paired": paired}


CLEAR = metrics(days_since_last=(0.05, 0.03, 0.07), rfm_score=(0.09, 0.07, 0.11))

TABLE = [
    # candidate's lead           champion's lead          passes
    ((0.05, 0.03, 0.07), None, True),
    ((0.05, 0.00, 0.10), None, True),  # the first champion: there is always a list
    ((-0.05, -0.07, -0.03), None, True),
    ((0.05, 0.00, 0.10), (0.05, 0.03, 0.07), False),  # touches zero: not clearly better, and the champion is
    ((0.05, -0.01, 0.11), (0.05, 0.03, 0.07), False),
    ((0.05, 0.03, 0.07), (0.05, 0.03, 0.07), True),
    ((0.09, 0.07, 0.11), (0.05, 0.03, 0.07), True),
    ((0.03, 0.01, 0.05), (0.05, 0.03, 0.07), True),  # smaller by 0.020, noise is 0.028
    ((0.03, 0.01, 0.05), (0.06, 0.04, 0.08), False),  # smaller by 0.030
    ((0.00, 0.00, 0.00), (0.00, 0.00, 0.00), True),  # a rule again, on newer data
    ((0.05, 0.00, 0.10), (-0.20, -0.30, -0.10), True),
]


@pytest.mark.parametrize(("lead", "champion", "passes"), TABLE)
def test_the_gate(lead: tuple[float, float, float], champion: tuple[float, float, float] | None, passes: bool) -> None:
    verdict = decide_promotion(metrics(days_since_last=lead), metrics(days_since_last=champion) if champion else None)
    assert verdict.passed is passes


GRADES = [
    # candidate, champion, passes
    ("A", "A", True),
    ("B", "A", True),
    ("C", "A", False),
    ("C", "B", False),
    ("C", "C", True),  # neither beats the best baseline: the same recipe on newer data is no step back
    ("C", None, True),  # there is always a list
]


@pytest.mark.parametrize(("ours", "theirs", "passes"), GRADES)
def test_what_is_no_better_than_the_best_baseline_does_not_follow_what_is(
    ours: str, theirs: str | None, passes: bool
) -> None:
    def graded(letter: str) -> dict[str, Any]:
        return CLEAR | {"grade": {"grade": letter, "text": "Use the simple rule."}}

    verdict = decide_promotion(graded(ours), graded(theirs) if theirs else None)
    assert verdict.passed is passes
    assert passes or verdict.reason.endswith("the champion was. Use the simple rule.")


MARGIN = 0.001
MATCHES = [
    # log loss: difference, low, high    ROC AUC                  passes  says
    ((-0.004, -0.006, -0.002), (0.002, -0.001, 0.005), True, "It is better against"),
    ((-0.004, -0.009, 0.001), (0.010, 0.005, 0.015), False, "not better by more than chance"),
    ((-0.0008, -0.0012, -0.0004), (0.0, -0.001, 0.001), False, "the margin of 0.001"),  # certain, but too small
    ((-0.004, -0.006, -0.002), (-0.004, -0.006, -0.002), False, "It is worse"),  # orders customers worse
    ((0.004, 0.002, 0.006), (0.0, -0.001, 0.001), False, "It is worse"),
    ((0.0, -0.001, 0.001), (0.0, -0.001, 0.001), False, "its recipe is refreshed instead"),
]


@pytest.mark.parametrize(("loss", "auc", "passes", "says"), MATCHES)
def test_another_recipe_has_to_win_the_contest(
    loss: tuple[float, float, float], auc: tuple[float, float, float], passes: bool, says: str
) -> None:
    figures = {
        name: dict(zip(("difference", "low", "high"), of, strict=True)) | {"moments": {"2024-05-20": of[0]}}
        for name, of in (("log_loss", loss), ("roc_auc", auc))
    }
    verdict = decide_promotion(CLEAR, CLEAR, Contest(("leaves 8 -> 16",), figures), margin=MARGIN)
    assert verdict.passed is passes
    assert says in verdict.reason
    assert "(leaves 8 -> 16), both trained and judged on the same 1 held-out moment up to 2024-05-20" in verdict.reason


def test_a_champion_without_a_recipe_is_replaced_by_force_alone() -> None:
    verdict = decide_promotion(CLEAR, CLEAR, Contest(("the champion was promoted without its recipe",)))
    assert not verdict.passed
    assert "cannot be compared" in verdict.reason


def test_the_naive_rule_that_comes_nearest_counts_and_no_logistic_regression() -> None:
    every = CLEAR | {"paired": CLEAR["paired"] | metrics(logistic_rfmt=(0.0, -0.01, 0.01))["paired"]}
    assert lead_of(every).rule == "days_since_last"
    assert decide_promotion(every, None).passed


def test_the_reason_says_what_was_measured() -> None:
    reason = decide_promotion(CLEAR, None).reason
    assert reason == (
        "The first champion: +0.050 ROC AUC (+0.030 to +0.070) against days since last at 1 held-out moment "
        "up to 2024-05-20."
    )


def test_the_test_moment_decides_nothing_where_there_are_earlier_ones() -> None:
    poor, clear = metrics(days_since_last=(-0.05, -0.07, -0.03)), metrics(days_since_last=(0.05, 0.03, 0.07))
    for letters, passes in ((("A", "C"), True), (("C", "A"), False)):
        before, whole = ({"grade": {"grade": letter, "text": "Use the simple rule."}} for letter in letters)
        paired = (clear if passes else poor)["paired"]
        candidate = (poor if passes else clear) | whole | {"before_test": {"paired": paired, **before}}
        champion = clear | {"grade": {"grade": "A", "text": ""}}
        assert decide_promotion(candidate, champion).passed is passes


def test_nothing_is_changed_in_place() -> None:
    before = repr(CLEAR)
    decide_promotion(CLEAR, CLEAR)
    assert repr(CLEAR) == before
