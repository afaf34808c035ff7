from __future__ import annotations

import hashlib
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ModelError
from models.sums import SUMS, digest_of_file, require_whole, sums_faults, write_sums

NAMES = st.from_regex(r"\A[a-zé ]{1,8}(/[a-z]{1,4})?\.(txt|json)\Z")
FOLDERS = st.dictionaries(NAMES, st.binary(max_size=50), min_size=1, max_size=5)


def filled(root: str, files: dict[str, bytes]) -> Path:
    folder = Path(root) / "model"
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@given(FOLDERS, st.data())
def test_whatever_is_done_to_one_file_is_noticed_and_named(files: dict[str, bytes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as root:
        folder = filled(root, files)
        noted = write_sums(folder)
        assert (sums_faults(folder), noted) == ([], hashlib.sha256((folder / SUMS).read_bytes()).hexdigest())
        path = folder / data.draw(st.sampled_from(sorted(files)))
        how = data.draw(st.sampled_from(["changed", "missing", "does not belong there"]))
        if how == "missing":
            path.unlink()
        elif how == "changed":
            path.write_bytes(path.read_bytes() + b"1")
        else:
            path = path.with_name("another.bin")
            path.write_bytes(b"")
        (fault,) = sums_faults(folder)
        assert fault.startswith(f"{path}: ")
        assert how in fault


def test_the_list_is_the_one_that_sha256sum_reads(tmp_path: Path) -> None:
    folder = filled(str(tmp_path), {"model.json": b"{}", "below/booster_00.txt": b"tree"})
    write_sums(folder)
    assert subprocess.run(["sha256sum", "-c", SUMS], cwd=folder, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("text", ["no list", f"{'g' * 64}  model.json", f"{'a' * 64} model.json", "\0"])
def test_a_damaged_list_is_no_list(tmp_path: Path, text: str) -> None:
    folder = filled(str(tmp_path), {"model.json": b"{}"})
    (folder / SUMS).write_text(text)
    with pytest.raises(ModelError, match="SHA256SUMS: is damaged"):
        require_whole(folder)


def test_what_was_expected_and_what_was_found(tmp_path: Path) -> None:
    folder = filled(str(tmp_path), {"model.json": b"{}"})
    write_sums(folder)
    expected = digest_of_file(folder / "model.json")[:12]
    (folder / "model.json").write_bytes(b"[]")
    found = digest_of_file(folder / "model.json")[:12]
    with pytest.raises(ModelError, match=rf"model.json: was changed; expected SHA-256 {expected}\.\.\., found {found}"):
        require_whole(folder)
