"""Files appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.runtime import files


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "scores.txt"
    target.write_text("before")
    with pytest.raises(RuntimeError), files.atomic_file(target) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["scores.txt"]


def test_a_failed_folder_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "list"
    target.mkdir()
    (target / "a").write_text("before")
    with pytest.raises(RuntimeError), files.atomic_folder(target) as partial:
        (partial / "a").write_text("half")
        raise RuntimeError
    assert (target / "a").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["list"]


def test_leftovers_of_a_killed_write_are_swept(tmp_path: Path) -> None:
    (tmp_path / ".list.partial-dead").mkdir()
    with files.atomic_folder(tmp_path / "list") as partial:
        (partial / "a").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["list"]


def test_same_content_same_bytes(tmp_path: Path) -> None:
    table = pa.table({"customer_id": ["1", "2"], "value": [1.0, None]})
    for name in ("a", "b"):
        files.write_parquet(tmp_path / f"{name}.parquet", table)
        files.write_json(tmp_path / f"{name}.json", {"b": 1, "a": [1.5]})
    assert files.digest_of(tmp_path / "a.parquet") == files.digest_of(tmp_path / "b.parquet")
    assert files.digest_of(tmp_path / "a.json") == files.digest_of(tmp_path / "b.json")


def test_nan_never_reaches_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "a.json", {"a": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_digest_sees_names_and_contents(tmp_path: Path) -> None:
    for folder, name, text in (("one", "x", "1"), ("two", "y", "1"), ("three", "x", "2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(text)
    assert len({files.digest_of(tmp_path / folder) for folder in ("one", "two", "three")}) == 3
