"""A record of the proofs speaks for the code that was proven and for no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.prove import PROVEN, digest_of_code, record, stale


@pytest.fixture
def code(tmp_path: Path) -> Path:
    for name in PROVEN:
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.py").write_text("x = 1\n")
    return tmp_path


def test_every_file_of_the_code_counts_and_bytecode_does_not(code: Path) -> None:
    before = digest_of_code(code)
    (code / "models" / "__pycache__").mkdir()
    (code / "models" / "__pycache__" / "one.pyc").write_bytes(b"anything")
    assert digest_of_code(code) == before
    for change in (
        lambda: (code / "features" / "one.py").write_text("x = 2\n"),
        lambda: (code / "pipelines" / "page.css").write_text(""),
        lambda: (code / "models" / "one.py").rename(code / "models" / "two.py"),
    ):
        change()
        assert digest_of_code(code) != before
        before = digest_of_code(code)


def test_what_a_record_says_of_other_code_or_of_a_failure_does_not_count(tmp_path: Path) -> None:
    proven = {"digest": "a" * 64, "seed": 7, "examples": 1000, "result": "passed"}
    assert stale(proven, "a" * 64) is None
    assert "of other code (aaaaaaaaaaaa); this is bbbbbbbbbbbb" in str(stale(proven, "b" * 64))
    assert stale(proven | {"result": "failed"}, "a" * 64) == "With seed 7 a law failed."
    assert "Nothing is recorded" in str(stale(record(tmp_path / "proofs.json"), "a" * 64))
