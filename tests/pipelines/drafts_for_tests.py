"""Folders of lists as `make_list` leaves them, written down as tables on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.rendering.files import write_csv
from pipelines.runtime.files import digest_of, read_json, write_json
from pipelines.settings.params import Settings
from tests.pipelines.lists_for_tests import DEFINITION
from tests.pipelines.lists_for_tests import settings as plain_settings

LISTED = """
007  0.81 email ann@example.org      +49-170-1234567
a-1  0.72 phone Bob@Example.org      030/123456
b,2  0.63 email -                    -
"""
CONTROL = """
c-3  0.70
d-4  0.55
"""
HELD = """
e-5  0.90 consent
f-6  0.80 open_complaint
"""
EMPTY = ""
NEVER_OUT = ("c-3", "d-4", "e-5", "f-6", "eve@example.org", "fay@example.org")


def _rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.strip().splitlines()]


def listed(text: str, as_of: str, list_id: str, *, contacts: bool = True) -> pd.DataFrame:
    rows = _rows(text)
    table = pd.DataFrame({"rank": range(1, len(rows) + 1), "customer_id": [row[0] for row in rows]})
    table["churn_probability"] = [float(row[1]) for row in rows]
    table = table.assign(risk_tier="high", value_at_risk=12.5, segment="regular", reason_1="=1+1 orders", reason_2="")
    table["action"], table["channel"], table["owner"] = "call", [row[2] for row in rows], "Team A"
    table = table.assign(send_by="2024-03-06", group="contact", as_of=pd.Timestamp(as_of).date(), list_id=list_id)
    if contacts:
        table["name"] = "Somebody"
        table["email"] = [None if row[3] == "-" else row[3] for row in rows]
        table["phone"] = [None if row[4] == "-" else row[4] for row in rows]
    return table


def write_draft(
    day: str, text: str = LISTED, control: str = CONTROL, held: str = HELD, *, contacts: bool = True, **told: Any
) -> Path:
    """The folder data/at_risk/{day}; `told` overrides the manifest."""
    folder = Path("data/at_risk", day)
    folder.mkdir(parents=True, exist_ok=True)
    list_id = f"list-{day}-{len(_rows(text))}"
    table = listed(text, day, list_id, contacts=contacts)
    table.to_parquet(folder / "at_risk.parquet", index=False)
    write_csv(table, folder / "at_risk.csv")
    apart = pd.DataFrame([[10 + i, *row] for i, row in enumerate(_rows(control))])
    apart = apart.reindex(columns=range(3)).set_axis(["rank", "customer_id", "churn_probability"], axis=1)
    apart.assign(group="control", reason_1="quiet").to_csv(folder / "control.csv", index=False, encoding="utf-8-sig")
    kept = pd.DataFrame(_rows(held)).reindex(columns=range(3))
    kept = kept.set_axis(["customer_id", "churn_probability", "rule"], axis=1)
    kept.assign(said="kept off").to_csv(folder / "held_back.csv", index=False, encoding="utf-8-sig")
    passed = {key: {"passed": True} for key in ("activity_score", "features_score", f"scores_{DEFINITION}")}
    manifest = {"list_id": list_id, "as_of": day, "definition": DEFINITION, "model_version": "ab", "checks": passed}
    manifest["campaign"] = {"name": "spring", "share": 0.1}
    files = {path.name: digest_of(path) for path in sorted(folder.iterdir()) if path.name != "manifest.json"}
    write_json(folder / "manifest.json", {**manifest, "files": files, **told})
    return folder


def say_again(folder: Path) -> None:
    """The manifest names the files as they are now."""
    told = read_json(folder / "manifest.json")
    write_json(folder / "manifest.json", {**told, "files": {name: digest_of(folder / name) for name in told["files"]}})


def settings(**sinks: Any) -> Settings:
    """The shop's settings with these sinks."""
    return Settings.model_validate({**plain_settings().model_dump(), "publish": {"sinks": sinks}})
