"""Whom parts are about: done part by part, again only where something changed, and equal to a pull from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.runtime.errors import ChurnError
from pipelines.settings.params import Settings
from pipelines.sources.identity import settle
from pipelines.sources.identity import translate as about
from pipelines.sources.privacy import vault
from pipelines.sources.privacy.pseudonyms import keyed
from pipelines.stages import pull_activity
from pipelines.stages.pull_activity import pull

KEY = "a key for tests only, never used"
COLUMNS = {"activity_id": "id", "customer_id": "who", "occurred_at": "when"}
BOTH = {"identities": {"table": {"reader": "csv", "path": "ids.csv"}}, "privacy": {"pseudonymise": True}}
LANDING = Path("data/landing")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pull_activity, "_check", lambda *_: None)
    monkeypatch.setenv("CHURN_ID_KEY", KEY)
    for folder in ("shop", "desk"):
        Path(folder).mkdir()
    for month in (3, 4, 5):
        month_of(month)
    ids("crm,c-a,A", "crm,c-b,B")
    return tmp_path


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Source and month of every part that was translated."""
    seen: list[str] = []
    before = about._translate_part

    def translate(con: Any, part: Any, *rest: Any) -> None:
        seen.append(f"{part.source} {part.month}")
        before(con, part, *rest)

    monkeypatch.setattr(about, "_translate_part", translate)
    return seen


def month_of(month: int) -> None:
    """Orders under customers' own ids, and complaints under the help desk's: c-b complains in May only."""
    orders = [f"{month}-{customer},{customer},2024-{month:02}-0{i + 1}" for i, customer in enumerate("AB")]
    complaints = [f"{month}-1,{'c-b' if month == 5 else 'c-a'},2024-{month:02}-07", f"{month}-2,c-x,2024-{month:02}-08"]
    for name, rows in (("shop", orders), ("desk", complaints)):
        Path(name, f"{month}.csv").write_text("\n".join(["id,who,when", *rows, ""]))


def ids(*rows: str) -> None:
    Path("ids.csv").write_text("\n".join(["system,id,customer_id", *rows, ""]))


def settings_of(**others: Any) -> Settings:
    shop = {"reader": "csv", "path": "shop/*.csv", "columns": COLUMNS, "activity": "placed_order"}
    desk = {"reader": "csv", "path": "desk/*.csv", "columns": COLUMNS, "activity": "complained", "identity": "crm"}
    return Settings.model_validate(
        {
            "sources": {"shop": shop, "desk": desk},
            "observations": {"train": {"until": "2024-06-01"}, "score": {"as_of": "2024-07-01"}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
        | BOTH
        | others
    )


def pulled(settings: Settings, landing: Path | None = LANDING, out: str = "out") -> list[str]:
    return pull(settings, "train", Path(out), Path("validation/activity.json"), landing)


def stream(out: str = "out") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(out, "activity").iterdir())}


def customers() -> list[str]:
    tables = [pq.read_table(path) for path in sorted(Path("out/activity").iterdir())]
    return sorted({one for table in tables for one in table["customer_id"].to_pylist()})


def name(customer: str) -> str:
    return keyed(KEY.encode(), customer)


def again(settings: Settings, done: list[str], wanted: set[str]) -> None:
    """A pull translates just these parts, and gives what a pull from nothing gives."""
    done.clear()
    told = pulled(settings)
    assert set(done) == wanted
    assert len(done) == len(wanted)
    assert pulled(settings, None, "whole") == told
    assert stream() == stream("whole")
    assert Path("out/facts.json").read_bytes() == Path("whole/facts.json").read_bytes()


ALL = {f"{source} 2024-{month:02}" for source in ("shop", "desk") for month in (3, 4, 5)}


def test_what_has_not_changed_is_not_translated_again(done: list[str]) -> None:
    settings = settings_of()
    again(settings, done, ALL)
    assert customers() == sorted([name("A"), name("B")])
    again(settings, done, set())
    month_of(6)
    Path("desk/6.csv").rename("later.csv")
    again(settings, done, {"shop 2024-06"})


def test_what_is_known_of_ids_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    settings, met, before = settings_of(), list[int](), settle.collect_ids
    monkeypatch.setattr(
        settle, "collect_ids", lambda con, parts, *rest: met.append(len(parts)) or before(con, parts, *rest)
    )
    pulled(settings)
    month_of(6)
    pulled(settings)
    ids("crm,c-a,A", "crm,c-b,B", "crm,somebody-new,B")
    pulled(settings)
    (LANDING / ".about/train/leads.json").write_text("{ broken")
    pulled(settings)
    assert met == [6, 2, 8, 8]
    assert pulled(settings, None, "whole") == pulled(settings)
    assert stream() == stream("whole")


def test_an_id_that_leads_elsewhere_costs_the_parts_that_speak_of_it(done: list[str]) -> None:
    settings = settings_of(privacy={})
    pulled(settings)
    ids("crm,c-a,A", "crm,c-b,A", "crm,somebody-new,B")
    again(settings, done, {"desk 2024-05"})
    ids("crm,c-a,A", "crm,c-b,A", "customer_id,B,A")  # the two accounts became one
    again(settings, done, {"shop 2024-03", "shop 2024-04", "shop 2024-05"})
    assert customers() == ["A"]


def test_parts_that_nothing_changes_in_stay_as_they_landed(done: list[str]) -> None:
    settings = settings_of(privacy={})
    again(settings, done, {f"desk 2024-{month:02}" for month in (3, 4, 5)})
    assert customers() == ["A", "B"]
    assert len(list(LANDING.glob(".about/train/*/part.json"))) == 3


def test_rows_of_nobody_are_told_of_at_every_pull() -> None:
    settings = settings_of(privacy={})
    first = pulled(settings)
    listed = Path("validation/unmatched_train.csv").read_text()
    assert "3 of 6 rows belong to 1 ids of crm" in first[0]
    assert listed.count("c-x") == 3
    assert pulled(settings) == first
    assert Path("validation/unmatched_train.csv").read_text() == listed
    with pytest.raises(ChurnError, match="max_unmatched_share"):
        pulled(settings_of(privacy={}, identities=BOTH["identities"] | {"max_unmatched_share": 0.1}))
    ids("crm,c-a,A", "crm,c-b,B", "crm,c-x,B")
    assert pulled(settings) == []
    assert not Path("validation/unmatched_train.csv").exists()


def test_another_key_makes_every_name_anew(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of()
    pulled(settings)
    monkeypatch.setenv("CHURN_ID_KEY", KEY[::-1])
    again(settings, done, ALL)
    assert customers() == sorted(keyed(KEY[::-1].encode(), one) for one in "AB")


def test_a_vault_that_is_lost_is_filled_again(done: list[str]) -> None:
    settings = settings_of()
    pulled(settings)
    (vault.FOLDER / vault.FILE).unlink()
    again(settings, done, ALL)
    assert vault.originals([name("A"), name("B")]) == {name("A"): "A", name("B"): "B"}


def test_who_is_new_is_in_the_vault(done: list[str]) -> None:
    settings = settings_of()
    pulled(settings)
    Path("shop/7.csv").write_text("id,who,when\n7-1,C,2024-05-09\n")
    again(settings, done, {"shop 2024-05"})
    assert vault.originals([name("C")]) == {name("C"): "C"}


def test_a_source_of_nobodys_rows_alone_is_left_out(done: list[str]) -> None:
    ids("crm,other,B")
    settings = settings_of(privacy={}, identities=BOTH["identities"] | {"max_unmatched_share": 1.0})
    told = pulled(settings)
    assert "6 of 6 rows" in told[0]
    assert customers() == ["A", "B"]
    again(settings, done, set())
