"""`churn kpi` in a project: its files, its words, what is restated, what the ledger adds, and when it is left alone."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pipelines.commands.app import main
from pipelines.commands.effect.kpi import page_of, refresh_beside_list
from pipelines.outcomes.kpi.rows import COLUMNS
from pipelines.runtime.files import read_json, write_json, write_parquet
from pipelines.settings import params
from pipelines.settings.moments import for_day
from tests.features.oracle import Did
from tests.pipelines.activity_folders import write_stream
from tests.pipelines.kpi_for_tests import BERLIN, generated_stream, instant
from tests.pipelines.planted_campaigns import Planted, publish_lists, report_rows, world

PARAMS = """
timezone: Europe/Berlin
sources: {shop: {reader: csv, path: shop.csv, activity: placed_order}}
observations: {train: {until: "2024-03-04"}, score: {as_of: "2024-06-10"}}
churn:
  silent_28d: {kind: silence, activity: placed_order, active_within_days: 56, gap_days: 0, horizon_days: 28}
at_risk: {definition: silent_28d}
"""
DAY = "2024-06-10"
HERE = Path("data/kpi") / DAY


def activity(stream: list[Did], day: str = DAY, digest: str = "one") -> None:
    folder = write_stream(Path("data/activity/score"), stream, BERLIN, day)
    facts = read_json(folder / "facts.json")
    write_json(folder / "facts.json", {**facts, "digest": f"{digest}{day}"})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PARAMS)
    activity(generated_stream(customers=40))
    return tmp_path


def said(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, ["kpi", *arguments])
    assert done.exit_code == code, done.output
    return done.output


def rows(folder: Path = HERE) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(folder / "kpi.parquet").to_pylist()
    return found


def one(figure: str, period: str, folder: Path = HERE) -> dict[str, Any]:
    return next(r for r in rows(folder) if (r["figure"], r["period"], r["dimension"]) == (figure, period, "all"))


def test_all_files_say_the_same_and_hold_no_ids(project: Path) -> None:
    told = said()
    assert "The newest closed month: Apr 2024" in told
    assert "Retention rate" in told
    assert told.rstrip().endswith(f"{HERE}/kpi.html")
    names = "cohorts.csv kpi.csv kpi.html kpi.parquet kpi.xlsx manifest.json moves.csv receipt.json targets.csv"
    assert sorted(path.name for path in HERE.iterdir()) == names.split()
    text = (HERE / "kpi.csv").read_bytes().decode("utf-8-sig")
    table = list(csv.DictReader(io.StringIO(text)))
    assert tuple(table[0]) == COLUMNS
    assert [row["value"] for row in table] == ["" if r["value"] is None else str(r["value"]) for r in rows()]
    book = openpyxl.load_workbook(HERE / "kpi.xlsx")
    assert book.sheetnames == ["By month", "By quarter", "Formulas", "Cohorts", "Moves", "Targets"]
    cells = [str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row]
    page = (HERE / "kpi.html").read_text()
    everything = "\n".join([text, page, *cells, (HERE / "manifest.json").read_text(), (HERE / "moves.csv").read_text()])
    assert not re.search(r"\bk\d{3}\b", everything), "the customers' ids"
    assert "default-src &#39;none&#39;; style-src &#39;sha256-" in page
    assert not re.search(r"<script|src=|href=\"(?!data:)|url\(", page)
    assert "not in your data" not in page
    assert "answered_csat" in page


def test_what_has_not_changed_is_not_made_again_and_makes_the_same_bytes(project: Path) -> None:
    first = said()
    stamps = {path.name: path.stat().st_mtime_ns for path in HERE.iterdir()}
    content = {path.name: path.read_bytes() for path in HERE.iterdir()}
    assert said() == first
    assert {path.name: path.stat().st_mtime_ns for path in HERE.iterdir()} == stamps
    for path in HERE.iterdir():
        path.unlink()
    said()
    assert {path.name: path.read_bytes() for path in HERE.iterdir()} == content


def test_late_records_restate_closed_periods_and_are_marked(project: Path) -> None:
    said("--as-of", "2024-05-20")
    earlier = Path("data/kpi/2024-05-20")
    before = one("orders", "2024-03", earlier)
    assert before["reason"] is None
    late = [Did("k000", "placed_order", instant("2024-03-10"), value=7.0)]
    activity([*generated_stream(customers=40), *late], digest="two")
    told = said()
    behind = one("orders", "2024-03")
    assert (behind["value"], behind["restated"]) == (before["value"] + 1, before["value"])
    assert one("orders", "2024-02")["restated"] is None
    assert "figures of closed periods were restated by late records" in told
    assert json.loads((HERE / "manifest.json").read_text())["restated"] > 0
    activity([*generated_stream(customers=40), *late], digest="three")
    said()
    assert one("orders", "2024-03")["restated"] == before["value"], "made again on the same day, it is still marked"


def test_other_settings_are_no_late_records(project: Path) -> None:
    said("--as-of", "2024-05-20")
    Path("params.yaml").write_text(PARAMS.replace("active_within_days: 56", "active_within_days: 40"))
    said()
    assert all(row["restated"] is None for row in rows())


def test_contacts_of_the_ledger_and_fixed_costs(project: Path) -> None:
    made = world(Planted(weekly=30, weeks=3))
    publish_lists(made)
    stream = [
        Did(who, "placed_order", instant(str(day)) + 43_200_000_000 * n, value=20.0)
        for who, day in made.until.items()
        for n in (-240, -160, -80, 0, 3, 40)
    ]
    activity(stream, digest="ledger")
    report = report_rows(made)
    report.to_csv("report.csv", index=False)
    done = CliRunner().invoke(main, ["feedback", "report.csv"])
    assert done.exit_code == 0, done.output
    Path("params.yaml").write_text(PARAMS + "kpi: {fixed_costs: 250}\nvalue: {contact_cost: 2, incentive_cost: 5}\n")
    said()
    march = [when for when in report["when"] if when.startswith("2024-03")]
    contacts = one("contacts", "2024-03")
    assert contacts["value"] == len(march)
    assert contacts["source"] == "activity and ledger"
    cost = one("retention_cost_per_active", "2024-03")
    active = one("active", "2024-03")["value"]
    assert cost["numerator"] == pytest.approx(7 * len(march) + 250)
    assert cost["value"] == pytest.approx((7 * len(march) + 250) / active, abs=1e-6)
    tiers = {row["group"] for row in rows() if (row["dimension"], row["period"]) == ("risk_tier", "2024-04")}
    assert tiers >= {"high", "medium"}
    moved = list(csv.DictReader(io.StringIO((HERE / "moves.csv").read_bytes().decode("utf-8-sig"))))
    assert {row["month"]: row["at_risk_by"] for row in moved}["2024-03"] == "published list"
    assert {row["at_risk_by"] for row in moved} == {"published list", "behaviour"}


def test_an_attribute_makes_groups_and_one_that_is_not_there_is_named(project: Path) -> None:
    table = pa.table({"customer_id": [f"k{n:03d}" for n in range(40)], "region": ["north", "south"] * 20})
    write_parquet(Path("data/activity/score/customers.parquet"), table)
    settings = "customers: {reader: csv, path: people.csv, static: true}\nkpi: {attributes: [region]}\n"
    Path("params.yaml").write_text(PARAMS + settings)
    said()
    groups = {row["group"] for row in rows() if (row["dimension"], row["figure"]) == ("region", "active")}
    assert groups == {"north", "south", "other"}, "where one is too small, both are other"
    Path("params.yaml").write_text(PARAMS + settings.replace("[region]", "[reggion]"))
    assert "kpi.attributes: reggion is not in the customers table. Did you mean region?" in said(code=1)


TARGETS = """
targets:
  churn_rate: {from: 2024-01, change: -10% relative, by: 2024-06}
  order_value: {figure: average_order_value, from: 2024-02, change: 5, by: 2024-07}
  late: {figure: churn_rate, from: 2024-05, change: -1 points, by: 2024-08}
"""


def test_targets_say_where_they_stand_and_what_moved_them(project: Path) -> None:
    Path("params.yaml").write_text(PARAMS + TARGETS)
    said()
    found = {row["target"]: row for row in json.loads((HERE / "manifest.json").read_text())["targets"]}
    january, april = one("churn_rate", "2024-01")["value"], one("churn_rate", "2024-04")["value"]
    churn = found["churn_rate"]
    assert (churn["baseline"], churn["period"], churn["value"]) == (january, "2024-04", april)
    assert churn["required"] == pytest.approx(january * (1 - 0.1 * 3 / 5), abs=1e-6)
    assert churn["goal"] == pytest.approx(january * 0.9, abs=1e-6)
    assert churn["moved_by_mix"] + churn["moved_within"] == pytest.approx(april - january, abs=1e-5)
    assert found["order_value"]["goal"] == pytest.approx(found["order_value"]["baseline"] + 5)
    assert found["late"]["verdict"] == "unknown"
    page = (HERE / "kpi.html").read_text()
    assert "The baseline is not known" in page
    assert "In Apr 2024 it should be" in page


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("{from: 2024-01, change: -10% relative, by: 2023-06}", "by 2023-06 must be a period of the same kind behind"),
        ("{from: 2024-1, change: -10% relative, by: 2024-06}", "'2024-1' is no period"),
        ("{from: 2024-01, change: less, by: 2024-06}", "change: 'less' is not understood"),
        ("{figure: churn_rat, from: 2024-01, change: 1, by: 2024-06}", "Did you mean churn_rate?"),
        ("{definition: silent, from: 2024-01, change: 1, by: 2024-06}", "'silent' is not under churn"),
    ],
)
def test_a_wrong_target_is_named(project: Path, wrong: str, told: str) -> None:
    Path("params.yaml").write_text(f"{PARAMS}targets: {{churn_rate: {wrong}}}\n")
    assert told in said(code=1)


def test_without_activity_before_the_day_it_says_what_to_do(project: Path) -> None:
    told = said("--as-of", "2023-01-01", code=1)
    assert "none of placed_order before 2023-01-01" in told


def test_behind_a_list_it_is_made_from_the_list_s_activity(project: Path) -> None:
    settings, told = for_day(params.load(), DAY), list[str]()
    refresh_beside_list(settings, Path("data/nowhere"), told.append)
    assert page_of(settings) is None
    refresh_beside_list(settings, Path("data/activity/score"), told.append)
    assert page_of(settings) == HERE / "kpi.html"
    assert told == []
    later = for_day(settings, "2024-07-01")
    refresh_beside_list(later, Path("data/activity/score"), told.append)
    assert "were not brought up to date" in told[0]
    off = settings.model_copy(update={"kpi": settings.kpi.model_copy(update={"refresh": "off"})})
    (HERE / "kpi.html").unlink()
    refresh_beside_list(off, Path("data/activity/score"), told.append)
    assert page_of(settings) is None


def test_the_page_in_thai(project: Path) -> None:
    Path("params.yaml").write_text(PARAMS + "language: th\ncurrency: THB\n")
    said()
    page = (HERE / "kpi.html").read_text()
    assert '<html lang="th">' in page
    words = re.sub(r"<style>.*?</style>|<[^>]+>|kpi\.fixed_costs|[a-z]+_[a-z_0-9]+", " ", page, flags=re.S)
    ours = {"CSAT", "churn", "renews", "params", "yaml", "feedback"}
    assert set(re.findall(r"[A-Za-z]{4,}", words)) - ours == set()
