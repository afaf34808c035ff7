"""The proofs of prove_effect.py, some of them, with fewer runs."""

from __future__ import annotations

import itertools
import json

import pytest

from tests.models.effect.prove_effect import (
    PROOFS,
    RECORD,
    Proof,
    coverage,
    drawn_by_lot,
    drift,
    sequences,
    weekly_looks,
    weighted,
)

NOISE = 3.5  # standard errors that a figure of few runs may lie beyond what is promised


@pytest.mark.parametrize(
    ("promises", "runs", "every"),
    [
        (coverage, 1000, 17),
        (weekly_looks, 1000, 13),
        (sequences, 200, 4),
        (weighted, 150, 2),
        (drawn_by_lot, 100, 1),
        (drift, 2000, 1),
    ],
)
def test_what_is_promised_is_kept(promises, runs: int, every: int) -> None:
    for promise in itertools.islice(promises(), 0, None, every):
        one = promise.proof(runs)
        slack = NOISE * (one.found * (1 - one.found) / runs) ** 0.5 + 1 / runs
        assert one.low - slack <= one.found <= one.high + slack, one


def test_the_record_holds_all_proofs_and_none_is_broken() -> None:
    record = json.loads(RECORD.read_text())
    assert record["broken"] == 0
    proofs = [Proof(**one) for one in record["proofs"]]
    assert all(one.is_kept for one in proofs)
    assert {one.promise for one in proofs} >= {"coverage", "false claims", "named effect found", "confidence sequence"}
    assert len(PROOFS) == 7
