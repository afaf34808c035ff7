"""A model is what was registered, or it does not score."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from models.churn_model import ChurnModel
from models.errors import ModelError
from models.sums import SUMS, digest_of_file, sums_faults
from pipelines.commands.app import main
from pipelines.modelling import model_folder, promote
from pipelines.modelling.champion import champion, require_champions
from pipelines.modelling.model_folder import is_model, open_model, read_champion
from pipelines.modelling.tracking import registry
from pipelines.modelling.tracking.churn_pyfunc import _load_pyfunc
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of, read_json
from tests.pipelines.left_by_v0_1 import unpack
from tests.pipelines.model_folders_for_tests import D, Folders, fill

# MLflow's own use of its libraries is not ours to mend.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*Any type hint is inferred:UserWarning"),
]
LEAF = re.compile(r"(leaf_value=-?0\.\d{5})(\d)")


def one_digit_of_one_leaf(path: Path) -> None:
    text = path.read_text()
    path.write_text(LEAF.sub(lambda found: f"{found[1]}{(int(found[2]) + 1) % 10}", text, count=1))
    assert path.read_text() != text


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that are parsed."""
    found: list[Path] = []
    load = ChurnModel.load
    monkeypatch.setattr(ChurnModel, "load", lambda folder: [found.append(folder), load(folder)][1])
    return found


@pytest.fixture
def v0_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The champion of a project of version 0.1, in the present folder."""
    monkeypatch.chdir(tmp_path)
    unpack(tmp_path, "data/champion")
    return Path("data/champion") / D


def test_a_champion_has_the_digests_of_all_its_files_and_the_registry_has_theirs(crowned: Path) -> None:
    folder = Path("data/champion") / D
    named = {line.split("  ")[1] for line in (folder / SUMS).read_text().splitlines()}
    assert named == {path.name for path in folder.iterdir()} - {SUMS}
    assert {"champion.json", "model_card.md", "model.json", "booster_00.txt"} <= named
    with registry.open_registry(D) as found:
        (version,) = found.versions()
        assert version.champion_sums == digest_of_file(folder / SUMS)
        with found.fetched(version) as payload:
            assert version.payload_sums == digest_of_file(payload / SUMS)
            assert sums_faults(payload) == []


def test_one_digit_of_one_leaf_stops_every_reader_before_anything_is_parsed(crowned: Path, parsed: list[Path]) -> None:
    folder, before = Path("data/champion") / D, digest_of(Path("data/champion") / D)
    one_digit_of_one_leaf(folder / "booster_00.txt")
    told = rf"booster_00\.txt: was changed; expected SHA-256 \w+\.\.\., found \w+\.\.\.\n.*`churn restore {D}` fetches"
    for reader in (
        lambda: open_model(folder),
        lambda: read_champion(folder),
        lambda: champion(D),
        lambda: require_champions([D]),
    ):
        with pytest.raises(ChurnError, match=told):
            reader()
    assert parsed == []
    assert "is here and scores" in promote.restore(D)  # the way out
    assert digest_of(folder) == before
    open_model(folder)


@pytest.mark.parametrize("name", ["champion.json", "model_card.md", "model.json", SUMS])
def test_every_file_counts_and_each_that_is_missing_is_named(crowned: Path, name: str) -> None:
    folder = Path("data/champion") / D
    (folder / name).unlink()
    with pytest.raises(ChurnError, match=rf"{name}: is missing"):
        open_model(folder)
    promote.restore(D)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ChurnError, match=r"notes\.txt: does not belong there"):
        open_model(folder)


def test_a_champion_of_version_0_1_is_compared_by_its_digest_and_stamped_once(v0_1: Path) -> None:
    open_model(v0_1)
    assert not (v0_1 / SUMS).exists()  # whoever only reads writes nothing
    require_champions([D])
    stamped = (v0_1 / SUMS).read_text()
    require_champions([D])
    assert (v0_1 / SUMS).read_text() == stamped
    assert sums_faults(v0_1) == []
    assert [path.name for path in v0_1.parent.iterdir()] == [D]


def test_a_damaged_champion_of_version_0_1_is_refused_and_not_stamped(v0_1: Path, parsed: list[Path]) -> None:
    one_digit_of_one_leaf(v0_1 / "booster_00.txt")
    for reader in (lambda: open_model(v0_1), lambda: require_champions([D])):
        with pytest.raises(ChurnError, match=r"its files \(booster_00.txt, .*\) are not what champion.json says"):
            reader()
    assert not (v0_1 / SUMS).exists()
    (v0_1 / "champion.json").write_text('{"digest": "ab')
    with pytest.raises(ChurnError, match=r"champion\.json: is damaged"):
        open_model(v0_1)
    assert parsed == []


def test_a_folder_that_cannot_be_written_is_compared_every_time(v0_1: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(model_folder, "seal", refused)
    require_champions([D])
    one_digit_of_one_leaf(v0_1 / "booster_00.txt")
    with pytest.raises(ChurnError, match=r"are not what champion\.json says"):
        require_champions([D])


@pytest.fixture
def stranger(trained_folders: Folders, tmp_path: Path) -> Path:
    """A model without any digest."""
    return Path(shutil.copytree(trained_folders.model / "shipped", tmp_path / "stranger"))


def test_a_model_of_unknown_digest_is_read_by_a_child_first(stranger: Path, parsed: list[Path]) -> None:
    assert open_model(stranger).digest == digest_of(stranger)
    text = (stranger / "booster_00.txt").read_text()
    (stranger / "booster_00.txt").write_text(text[: len(text) // 2])
    parsed.clear()
    with pytest.raises(ChurnError, match=r"has no digests \(SHA256SUMS\) .* is not a model that can be read: \w"):
        open_model(stranger)
    (stranger / "model.json").write_text("{")
    with pytest.raises(ChurnError, match="JSONDecodeError"):
        open_model(stranger)
    assert parsed == []
    (stranger / "model.json").unlink()
    assert not is_model(stranger)


@pytest.mark.parametrize(
    ("ending", "seconds", "said"), [("os.abort()", 60, "ended by SIGABRT"), ("time.sleep(60)", 1, "within 1 s")]
)
def test_what_ends_or_never_ends_the_child_is_an_error_here(
    stranger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, seconds: int, said: str
) -> None:
    monkeypatch.setattr(model_folder, "PROBE_SECONDS", seconds)
    other = tmp_path / "other/models"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("")
    (other / "probe.py").write_text(f"import os, time\n{ending}\n")
    monkeypatch.setattr(model_folder.models, "__file__", str(other / "__init__.py"))
    with pytest.raises(ChurnError, match=said):
        open_model(stranger)


def test_the_command_says_it_in_one_line(
    trained_folders: Folders, stranger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = fill(tmp_path / "made")
    text = (stranger / "booster_00.txt").read_text()
    (stranger / "booster_00.txt").write_text(text[: len(text) // 2])
    (tmp_path / "params.yaml").write_text(json.dumps(params()))
    monkeypatch.chdir(tmp_path)
    options = ["--features", f"{made.score_features}/2021-06-21.parquet", "--model", str(stranger)]
    ended = CliRunner().invoke(main, ["score", *options, "--out", "out.parquet", "--log", "json"])
    last = json.loads(ended.output.splitlines()[-1])
    assert (ended.exit_code, last["event"], last["exit_code"]) == (1, "failed", 1)
    assert f"{stranger}: has no digests" in last["faults"][0]
    assert not Path("out.parquet").exists()


def params() -> dict[str, Any]:
    return {
        "sources": {"shop": {"reader": "csv", "path": "shop.csv", "activity": "placed_order"}},
        "observations": {"train": {"until": "2021-06-21"}, "score": {"as_of": "2021-06-21"}},
        "churn": {D: {"kind": "silence", "activity": "placed_order", "active_within_days": 56, "horizon_days": 28}},
        "at_risk": {"definition": D},
    }


def test_a_candidate_is_what_was_trained(crowned: Path) -> None:
    folder = Path("data/models") / D
    assert model_folder.open_candidate(folder).digest == read_json(folder / "recipe.json")["digests"]["shipped"]
    one_digit_of_one_leaf(folder / "shipped/booster_00.txt")
    with pytest.raises(ChurnError, match=r"are not what was trained: .*\n.*`churn run` trains it again"):
        model_folder.open_candidate(folder)


def test_what_the_registry_keeps_is_compared_too(crowned: Path) -> None:
    (payload,) = Path("mlartifacts").glob("**/data/payload")
    _load_pyfunc(str(payload))
    recipe = (payload / "recipe.json").read_text()
    (payload / "recipe.json").write_text(recipe.replace("7", "8", 1))
    with pytest.raises(ChurnError, match=r"recipe\.json: was changed.*\n.*Nothing was changed"):
        promote.restore(D)
    with pytest.raises(ModelError, match=r"recipe\.json: was changed"):
        _load_pyfunc(str(payload))
    (payload / "recipe.json").write_text(recipe)
    (payload / SUMS).write_text((payload / SUMS).read_text() + "\n")
    with pytest.raises(ChurnError, match=r"SHA256SUMS: (expected the digest|is damaged)"):
        promote.restore(D)
