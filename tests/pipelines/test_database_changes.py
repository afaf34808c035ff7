"""Whatever happens to a table between pulls, step by step gives the bytes of a pull from nothing."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipelines.runtime.files import digest_of
from pipelines.settings.params import Settings
from pipelines.stages import pull_activity
from pipelines.stages.pull_activity import pull

pytestmark = pytest.mark.slow

COLUMNS = {"activity_id": "id", "customer_id": "who", "occurred_at": "at", "value": "paid"}


def settings_of(as_of: date, window_days: int, *, dated: bool) -> Settings:
    source = {"reader": "sql", "driver": "sqlite", "address": "shop.sqlite", "table": "orders", "watermark": "changed"}
    columns = COLUMNS | ({"recorded_at": "changed"} if dated else {})
    mapping = {"columns": columns, "activity": "placed_order", "window_days": window_days}
    return Settings.model_validate(
        {
            "sources": {"shop": source | mapping},
            "observations": {"train": {"until": "2024-05-09"}, "score": {"as_of": str(as_of)}},
            "churn": {"silent": {"kind": "silence", "active_within_days": 56, "horizon_days": 28}},
            "at_risk": {"definition": "silent"},
        }
    )


def digest(settings: Settings, landing: Path | None) -> str:
    pull(settings, "score", Path("out"), Path("validation/score.json"), landing)
    return digest_of(Path("out"))


class Table:
    """A table `orders` to which things happen at random."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.rows = chance, 0
        with closing(sqlite3.connect("shop.sqlite")) as con, con:
            con.execute("create table orders (id, who, at, paid, changed)")
        for day in range(1, 9):
            self.insert(f"2024-05-0{day} 10:00:00")

    def do(self, sql: str, *values: object) -> None:
        with closing(sqlite3.connect("shop.sqlite")) as con, con:
            con.execute(sql, values)

    def insert(self, at: str) -> None:
        self.do("insert into orders values (?, ?, ?, ?, ?)", self.rows, f"c{self.rows % 5}", at, self.rows, at)
        self.rows += 1

    def live(self, since: date, days: int, window_days: int) -> None:
        """New, updated and touched rows of some days, corrections within the window; one row gone, or one late."""
        for _ in range(self.chance.randrange(4)):
            now = f"{since + timedelta(days=self.chance.randrange(days))} {self.chance.randrange(24):02d}:00:00"
            some = self.chance.randrange(self.rows)
            what = self.chance.choice(["insert", "update", "touch", "correct"])
            if what == "insert":
                self.insert(now)
            elif what == "update":
                self.do("update orders set paid = paid + 100, changed = ? where id = ?", now, some)
            elif what == "touch":
                self.do("update orders set changed = ? where id = ?", now, some)
            else:
                window = since - timedelta(days=window_days)
                self.do("update orders set paid = paid + 1000 where changed >= ?", str(window))
        last = self.chance.choice(["delete", "late", "nothing"])
        if last == "delete":
            self.do("delete from orders where id = ?", self.chance.randrange(self.rows))
        elif last == "late":
            self.insert("2024-05-02 09:00:00")


@pytest.mark.parametrize("seed", range(24))
def test_step_by_step_is_as_from_nothing(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pull_activity, "_check", lambda *_: None)
    chance = random.Random(seed)
    table, moment = Table(chance), date(2024, 5, 10)
    dated, window_days = seed % 2 == 0, (0, 3, 7)[seed % 3]
    for _ in range(4):
        settings = settings_of(moment, window_days, dated=dated)
        assert digest(settings, Path("landing")) == digest(settings, None), f"as of {moment}"
        days = chance.choice([1, 3, 7])
        table.live(moment, days, window_days)
        moment += timedelta(days=days)
