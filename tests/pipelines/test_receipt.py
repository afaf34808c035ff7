"""An output is made again unless what it was made from, and the output itself, are as its receipt says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.runtime.receipt import Receipt, fingerprint, read_receipt

MADE_FROM = fingerprint({"sources": "ab"}, {"churn": {"gap_days": 0}}, "cd")


@pytest.fixture(params=["file", "folder"])
def receipt(request: pytest.FixtureRequest, tmp_path: Path) -> Receipt:
    output = tmp_path / "out"
    if request.param == "folder":
        output.mkdir()
    (output / "list.csv" if output.is_dir() else output).write_text("a")
    return Receipt(tmp_path / "receipt.json", output)


def test_fresh_once_it_is_written(receipt: Receipt) -> None:
    assert receipt.if_fresh(MADE_FROM) is None
    content = receipt.write(MADE_FROM, rows=3)
    assert content["rows"] == 3
    assert receipt.if_fresh(MADE_FROM) == content


@pytest.mark.parametrize(
    "other",
    [
        fingerprint({"sources": "ac"}, {"churn": {"gap_days": 0}}, "cd"),
        fingerprint({"sources": "ab"}, {"churn": {"gap_days": 1}}, "cd"),
        fingerprint({"sources": "ab"}, {"churn": {"gap_days": 0}}, "ce"),
        fingerprint({"sources": "ab", "list": None}, {"churn": {"gap_days": 0}}, "cd"),
    ],
    ids=["input", "setting", "code", "one input more"],
)
def test_each_of_them_counts(receipt: Receipt, other: dict[str, object]) -> None:
    receipt.write(MADE_FROM)
    assert receipt.if_fresh(other) is None


def test_an_output_that_was_changed_or_deleted_is_not_fresh(receipt: Receipt) -> None:
    receipt.write(MADE_FROM)
    changed = receipt.output / "list.csv" if receipt.output.is_dir() else receipt.output
    changed.write_text("opened and saved by a spreadsheet")
    assert receipt.if_fresh(MADE_FROM) is None
    changed.unlink()
    if receipt.output.is_dir():
        receipt.output.rmdir()
    assert receipt.if_fresh(MADE_FROM) is None


def test_the_order_of_settings_does_not_count() -> None:
    assert fingerprint({}, {"a": 1, "b": 2}, "") == fingerprint({}, {"b": 2, "a": 1}, "")


@pytest.mark.parametrize("text", ["", "[1]", "{", json.dumps({"inputs": MADE_FROM, "list": "ab"})])
def test_what_cannot_be_read_or_is_of_another_version_means_make_again(receipt: Receipt, text: str) -> None:
    receipt.file.write_text(text)
    assert receipt.if_fresh(MADE_FROM) is None
    assert isinstance(read_receipt(receipt.file), dict)
