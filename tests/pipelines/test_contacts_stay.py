"""Contacts through a whole run: they reach the list and nothing else, and a faulty table leaves the earlier list."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import SHOP_UNTIL, Project

pytestmark = pytest.mark.slow
TRACES = ("Zebulon", "@contact.example", "+49 5550")
LIST = Path("data/at_risk") / SHOP_UNTIL


def people(project: Project, **changed: str) -> None:
    """Contacts of every customer: one in ten told nothing of consent, one asked not to be contacted."""
    shop = pd.read_csv(project.folder / "shop.csv", dtype=str)
    rows = [
        {
            "id": customer,
            "name": f"Zebulon {customer}",
            "mail": f"{customer}@contact.example",
            "phone": f"+49 5550 {customer}",
            "may": "" if customer.endswith("7") else "yes",
            "leave": "yes" if customer.endswith("33") else "no",
        }
        for customer in sorted(set(shop["Kunde"]))
    ]
    table = pd.DataFrame(rows).assign(**changed)
    table.to_csv(project.folder / "people.csv", index=False)


CONTACTS = """\
contacts:
  reader: csv
  path: people.csv
  columns: {customer_id: id, name: name, email: mail, phone: phone, consent_email: may, consent_phone: may,
            do_not_contact: leave}
"""


@pytest.fixture(scope="module")
def ran(shop_run: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A project with contacts in which `churn run` has ended well, and what that said. Copy it before you change it."""
    shop = shop_run.copy_to(tmp_path_factory.mktemp("contacts") / "project")
    people(shop)
    text = (shop.folder / "params.yaml").read_text()
    start = text.index("contacts: null")
    end = text.index("\n", start) + 1
    (shop.folder / "params.yaml").write_text(text[:start] + CONTACTS + text[end:])
    done = shop.churn("run")
    return shop, done.stdout + done.stderr


@pytest.fixture
def told(ran: tuple[Project, str], tmp_path: Path) -> Project:
    """A copy of it, to change at will."""
    return ran[0].copy_to(tmp_path / "project")


def table(project: Project, name: str) -> pd.DataFrame:
    return pd.read_csv(project.folder / LIST / name, dtype=str)


def texts(path: Path) -> Iterator[str]:
    """What a file says, Parquet and SQLite decoded: ids are compressed there."""
    content = path.read_bytes()
    yield content.decode("utf-8", errors="ignore")
    yield content.decode("utf-16-le", errors="ignore")
    if content[:4] == b"PAR1":
        yield str(pq.read_table(pa.BufferReader(content)).to_pydict())
    if content[:15] == b"SQLite format 3":
        with closing(sqlite3.connect(path)) as con:
            yield "\n".join(con.iterdump())


def speaking(project: Project) -> set[str]:
    """Files of the project that hold something of a contact."""
    found = (path for path in project.folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {
        path.relative_to(project.folder).as_posix()
        for path in found
        if any(trace in text for text in texts(path) for trace in TRACES)
    }


def test_contacts_reach_the_list_and_nothing_else(ran: tuple[Project, str]) -> None:
    told, said = ran
    listed, held, control = (table(told, f"{name}.csv") for name in ("at_risk", "held_back", "control"))
    assert (listed["email"] == listed["customer_id"] + "@contact.example").all()
    assert not set(listed["customer_id"].str[-1]) & {"7"}
    assert set(held.loc[held["customer_id"].str.endswith("7"), "rule"]) == {"no_consent_known"}
    assert not any(trace in text for text in texts(told.folder / LIST / "control.csv") for trace in TRACES)
    assert not set(control["customer_id"]) & set(listed["customer_id"])
    assert not [trace for trace in TRACES if trace in said]
    allowed = {f"{LIST.as_posix()}/at_risk.{kind}" for kind in ("csv", "parquet", "xlsx", "html")}
    found = speaking(told)
    assert found - allowed == {"people.csv"}
    assert {one for one in allowed if not one.endswith("xlsx")} <= found, "what is looked for is found where it is"


def test_a_faulty_table_is_refused_before_any_work_and_the_list_stays(told: Project) -> None:
    before = {path.name: path.read_bytes() for path in (told.folder / LIST).iterdir()}
    for change, fault in (
        ({"may": "maybe"}, "people.csv: "),
        ({"id": "00001"}, "people.csv: "),
    ):
        people(told, **change)
        done = told.churn("run", check=False)
        assert done.returncode == 1
        assert fault in done.stdout + done.stderr
        assert not [trace for trace in TRACES if trace in done.stdout + done.stderr]
    (told.folder / "people.csv").unlink()
    done = told.churn("run", check=False)
    assert done.returncode == 1
    assert "contacts.path: there is no file people.csv" in done.stdout + done.stderr
    assert {path.name: path.read_bytes() for path in (told.folder / LIST).iterdir()} == before
    people(told)
    again = told.churn("run")
    assert {path.name: path.read_bytes() for path in (told.folder / LIST).iterdir()} == before, again.stdout


def test_changed_contacts_change_the_list_alone(told: Project) -> None:
    first = table(told, "at_risk.csv")
    scores = {path: path.stat().st_mtime_ns for path in (told.folder / "data/scores").iterdir()}
    gone = first["customer_id"].iloc[0]
    rows = pd.read_csv(told.folder / "people.csv", dtype=str)
    rows.loc[rows["id"] == gone, "leave"] = "yes"
    rows.to_csv(told.folder / "people.csv", index=False)
    told.churn("run")
    assert gone not in set(table(told, "at_risk.csv")["customer_id"])
    assert table(told, "held_back.csv").set_index("customer_id").loc[gone, "rule"] == "do_not_contact"
    assert {path: path.stat().st_mtime_ns for path in (told.folder / "data/scores").iterdir()} == scores
