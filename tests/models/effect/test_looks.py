from __future__ import annotations

import numpy as np
import pytest

from models.effect.counts import Counts
from models.effect.sequential.boundary import POCOCK
from models.effect.sequential.looks import planned_looks, unplanned_looks
from models.effect.sequential.trial import Trial, criticals_of
from models.effect.shares import difference
from models.errors import ModelError

WEEKS = np.arange(1, 9) / 8


def weekly(effect: float = 0.15, weeks: int = 8) -> Counts:
    """As many as expected: 1,000 contacted and 110 held out over 8 weeks, of whom 40% leave if nobody contacts them."""
    t = WEEKS[:weeks, None]
    return Counts(1000 * t, 1000 * t * (0.4 - effect), 110 * t, 110 * t * 0.4)


def test_what_is_promised_before_is_what_is_measured_after() -> None:
    planned = Trial(np.array([1000.0]), np.array([110.0]), np.array([0.4]), tuple(WEEKS))
    looks = planned_looks(weekly(0.0), WEEKS, ends=True)
    assert [one.critical for one in looks if one.is_enough] == pytest.approx(list(planned.criticals))
    assert [one.is_enough for one in looks] == [False] + [True] * 7


def test_early_looks_say_little_and_the_end_says_nearly_what_one_look_would() -> None:
    looks = planned_looks(weekly(), WEEKS, ends=True)
    assert (looks[0].low, looks[0].high, looks[0].is_claimed) == (-1.0, 1.0, False)
    widths = [one.high - one.low for one in looks]
    assert widths == sorted(widths, reverse=True)
    once = difference(weekly()[7])
    assert looks[-1].low < float(once.low)
    assert looks[-1].high - looks[-1].low == pytest.approx(float(once.high - once.low), rel=0.1)
    assert looks[-1].is_claimed
    assert not looks[1].is_claimed


def test_a_look_added_later_changes_nothing_of_the_looks_before() -> None:
    whole = planned_looks(weekly(), WEEKS, ends=False)
    part = planned_looks(weekly(weeks=5), WEEKS[:5], ends=False)
    assert part == whole[:5]
    for kind in ("obrien_fleming", POCOCK):
        assert criticals_of(WEEKS, kind)[:5] == pytest.approx(criticals_of(WEEKS[:5], kind, ends=False))


def test_without_a_planned_end_every_look_is_wider_and_still_finds_what_is_large() -> None:
    looks, planned = unplanned_looks(weekly(0.2), best_at=1110), planned_looks(weekly(0.2), WEEKS, ends=True)
    assert np.isnan(looks[0].fraction)
    assert looks[-1].high - looks[-1].low > planned[-1].high - planned[-1].low
    assert looks[-1].is_claimed
    assert not looks[0].is_enough


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ModelError, match="8 looks have counts"):
        planned_looks(weekly(), WEEKS[:5], ends=True)
    with pytest.raises(ModelError, match="looks by strata"):
        unplanned_looks(weekly()[0], best_at=10)
