"""`churn verify`: whatever is changed in any store is said, with a way out; nothing to compare is not all well."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from models.sums import SUMS
from pipelines.commands.app import main
from pipelines.commands.verify.run import checks
from pipelines.ledger import read, record, write
from pipelines.publishing.rebuild import restore_ledger
from pipelines.runtime.files import digest_of
from pipelines.settings.privacy import Privacy
from pipelines.sources.privacy import vault
from pipelines.sources.privacy.pseudonyms import keyed
from tests.pipelines.left_by_v0_1 import unpack

KEY = "0123456789abcdef"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The present folder is a project of version 0.1 with a vault, whose ledger was written once more since."""
    unpack(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv(Privacy().key_variable, KEY)
    vault.add({keyed(KEY.encode(), "00014"): "00014"})
    write.begin()
    return tmp_path


def verified(*options: str) -> Result:
    return CliRunner().invoke(main, ["verify", *options])


def lines(done: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_all_well_says_how_many_things_were_compared_and_changes_nothing() -> None:
    before = digest_of(Path("data"))
    done = verified()
    assert (done.exit_code, done.stdout.splitlines()) == (
        0,
        [
            "champion        1 fit",
            "ledger          5 fit",
            "copies          3 fit",
            "lists           1 fit",
            "landing         3 fit",
            "vault           1 fit",
            "All well: 14 things compared.",
        ],
    )
    assert digest_of(Path("data")) == before
    told = lines(verified("--log", "json"))
    assert [one["event"] for one in told] == ["verified"] * 6 + ["finished"]
    assert {one["area"] for one in told[:-1]} == {"champion", "ledger", "copies", "lists", "landing", "vault"}
    assert sum(one["checked"] for one in told[:-1]) == told[-1]["checked"] == len(checks(Privacy()))


def dump() -> list[str]:
    """The ledger as SQL, in any order, without the links of its chain, which have salts of their own."""
    with closing(sqlite3.connect(read.FILE)) as con:
        return sorted(line for line in con.iterdump() if not line.startswith('INSERT INTO "chain"'))


def altered(path: Path) -> None:
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def sql(*statements: str) -> None:
    with closing(sqlite3.connect(read.FILE)) as con, con:
        for statement in statements:
            con.execute(statement)


def guards_down_and(*statements: str) -> None:
    with closing(sqlite3.connect(read.FILE)) as con:
        fallen = [name for (name,) in con.execute("select name from sqlite_master where type = 'trigger'")]
    sql(*(f"drop trigger {name}" for name in fallen), *statements)


COPY = read.FILE.parent / "published/2024-12-09"
FAULTS: dict[str, tuple[str, Callable[[], object], str]] = {
    "a leaf": (
        "champion",
        lambda: altered(Path("data/champion/silent_28d/booster_00.txt")),
        "`churn restore silent_28d`",
    ),
    "a score": (
        "ledger",
        lambda: guards_down_and("update entry set churn_probability = 0.5 where rank = 2"),
        "entries",
    ),
    "an entry": (
        "ledger",
        lambda: guards_down_and("delete from entry where rank = 2"),
        "not those that were published",
    ),
    "a guard": ("ledger", lambda: sql("drop trigger entry_no_update"), "guards are missing: entry_no_update"),
    "feedback": ("ledger", lambda: guards_down_and("delete from feedback where number = 3"), "1 rows of feedback"),
    "a digest": ("copies", lambda: guards_down_and("update kept set digest = 'ab'"), "is not what the ledger says"),
    "the record": ("ledger", lambda: altered(record.file_of(read.FILE)), "are not those of the ledger"),
    "no ledger": ("ledger", read.FILE.unlink, "`churn restore-ledger`"),
    "a copy": ("copies", lambda: altered(COPY / "control.csv"), "control.csv: is not what the ledger says"),
    "another file": ("copies", lambda: (COPY / "x").write_text(""), "x: the ledger does not name it"),
    "a list": (
        "lists",
        lambda: altered(Path("data/at_risk/2024-12-09/at_risk.csv")),
        "`churn weekly --as-of 2024-12-09`",
    ),
    "a month": (
        "landing",
        lambda: altered(next(Path("data/landing/shop").rglob("2024-03.0.parquet"))),
        "Delete data/land",
    ),
    "a group": ("landing", lambda: next(Path("data/landing/.months").rglob("*.parquet")).unlink(), "is missing"),
    "a piece": ("landing", lambda: next(Path("data/landing").rglob("piece.json")).write_text("{"), "cannot be read"),
    "the vault": ("vault", lambda: (vault.FOLDER / vault.FILE).write_bytes(b"\0garbage" * 900), "cannot be read"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_does_not_fit_is_said_with_its_area_and_a_way_out(name: str) -> None:
    area, change, said = FAULTS[name]
    change()
    done = verified("--log", "json")
    told = lines(done)
    wrong = {one["area"] for one in told if one["event"] == "verified" and one["faults"]}
    assert done.exit_code == told[-1]["exit_code"] == 1
    assert told[-1]["event"] == "failed"
    assert area in wrong
    assert said in "\n".join(told[-1]["faults"])
    assert len(set(told[-1]["faults"])) == len(told[-1]["faults"])


@pytest.mark.parametrize(("name", "faults"), [("a leaf", 1), ("a copy", 1), ("a list", 1), ("a month", 1)])
def test_advice_is_no_fault(name: str, faults: int) -> None:
    area, change, said = FAULTS[name]
    change()
    told = lines(verified("--log", "json"))
    assert [one["faults"] for one in told if one["event"] == "verified" and one["area"] == area] == [faults]
    assert [fault for fault in told[-1]["faults"] if said in fault]
    assert len(told[-1]["faults"]) == sum(one["faults"] for one in told if one["event"] == "verified")


def test_the_way_out_of_a_changed_ledger_works() -> None:
    before = dump()
    guards_down_and("delete from entry where rank = 2", "update feedback set note = 'x'")
    assert "Rename ledger.db, then `churn restore-ledger`" in verified().stderr
    read.FILE.rename(read.FILE.with_suffix(".changed"))
    restore_ledger([], lambda _: None)
    assert dump() == before
    assert verified().exit_code == 0


def test_another_key_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(Privacy().key_variable, KEY[::-1])
    assert "no pseudonym is of the present key" in verified().stderr


def test_nothing_to_compare_is_not_all_well(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = tmp_path_factory.mktemp("empty")
    (empty / "params.yaml").write_bytes((project / "params.yaml").read_bytes())
    done = CliRunner().invoke(main, ["-C", str(empty), "verify", "--log", "json"])
    (last,) = lines(done)
    assert (done.exit_code, last["event"]) == (1, "failed")
    assert "Nothing was verified" in last["faults"][0]
    assert not (empty / "mlflow.db").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*Any type hint is inferred:UserWarning")
def test_the_registry_is_compared_where_there_is_one(crowned: Path) -> None:
    told = lines(verified("--log", "json"))
    assert {one["area"]: one["checked"] for one in told[:-1]} == {"champion": 1, "registry": 1}
    (payload,) = Path("mlartifacts").glob("**/data/payload")
    altered(payload / "model_card.md")
    assert "model_card.md: was changed" in "\n".join(lines(verified("--log", "json"))[-1]["faults"])
    altered(payload / "model_card.md")
    folder = next(Path("data/champion").iterdir())
    (folder / SUMS).unlink()
    (folder / "champion.json").write_text(
        (folder / "champion.json").read_text().replace('"sums": "SHA256SUMS"', '"sums": null')
    )
    (folder / "model_card.md").write_text("another")
    from pipelines.modelling.champion import require_champions

    require_champions([folder.name])  # stamped as it is now: only the registry knows that it was another
    assert "is not the champion of the registry" in "\n".join(lines(verified("--log", "json"))[-1]["faults"])
