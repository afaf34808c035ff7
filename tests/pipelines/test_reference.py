"""The generated reference says what the code says, and nothing of the code is missing in it."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
import yaml

from models.decision.ranking import LIST_COLUMNS
from models.learners.rule_names import IN_WORDS
from pipelines.commands.app import main
from pipelines.commands.reference import cli, contracts, metrics, settings
from pipelines.commands.reference.markdown import table
from pipelines.commands.reference.pages import MARK, TABLES, filled
from pipelines.commands.scheduled import CODES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def first_cells(written: str) -> list[str]:
    rows = [line for line in written.splitlines() if line.startswith("| `")]
    return [row.split("|")[1].strip().strip("`") for row in rows]


def section(title: str) -> dict[str, list[str]]:
    """The rows of one section of the settings by their name: type, default, allowed, in short."""
    (body,) = [part for part in settings.settings().split("### ") if part.startswith(f"{title}\n")]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in body.splitlines() if "| `" in line[:3]]
    return {row[0].strip("` "): row[1:] for row in rows}


def test_every_setting_that_ships_is_in_the_reference() -> None:
    shipped = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    known = set(first_cells(settings.settings()))

    def names(content: object, *, chosen: bool = False) -> set[str]:
        if isinstance(content, list):
            return set().union(*(names(one) for one in content)) if content else set()
        if not isinstance(content, dict):
            return set()
        free = {"sources", "churn"}  # their names are the user's own
        inner = set().union(*(names(value, chosen=key in free) for key, value in content.items())) if content else set()
        return inner | (set() if chosen else set(content))

    assert names(shipped) <= known


def test_a_setting_has_type_default_bounds_and_words() -> None:
    model = section("`model`")
    assert model["leaves"] == ["whole number", "`8`", "at least 2, at most 256", ""]
    assert model["calibration"][:2] == ["`auto` or `none` or `platt` or `isotonic` or `beta`", '`"auto"`']
    at_risk = section("`at_risk`")
    assert at_risk["definition"][:2] == ["text", "**must be set**"]
    assert at_risk["budget"][:3] == ["number or null", "`null`", "above 0"]
    assert at_risk["capacity"][3] == "how many customers the team can look after in one week"
    assert section("`sources.NAME`, reader `csv` or `json` or `parquet`")["path"][1] == "**must be set**"
    assert set(section("`churn.NAME`, kind `rhythm`")) >= {"quantile", "least_pauses", "horizon_days"}


def test_a_section_has_the_words_of_what_it_inherits_from() -> None:
    written = settings.settings()
    (contacts,) = [part for part in written.split("### ") if part.startswith("`contacts`, reader `sql`\n")]
    for setting in ("`columns`:", "`driver`:", "`address`:"):
        assert setting in contacts
    assert section("`spark`")["options"][0] == r"by name (like `^spark\.`): text"


def test_words_stand_beside_the_right_setting() -> None:
    found = settings.comments_of(
        "a: 1  # one\nb:\n  c: 2   # two\n  d: {e: 3}  # three\nf:\n  - g: 4  # four\n    h: 5  # five\ni: 6 # six\n"
    )
    assert found == {"a": "one", "b.c": "two", "b.d": "three", "f[].g": "four", "f[].h": "five", "i": "six"}


def test_every_command_and_option_is_in_the_reference() -> None:
    written = cli.commands()

    def look(name: str, command: click.Command) -> None:
        assert f"### `{name}" in written
        for param in command.params:
            shown = f"`{max(param.opts, key=len)}`" if isinstance(param, click.Option) else str(param.name).upper()
            assert shown in written.split(f"### `{name}")[1].split("### ")[0]
        if isinstance(command, click.Group):
            for part, inner in command.commands.items():
                look(f"{name} {part}", inner)

    look("churn", main)
    assert "| `--chunk-customers` | `INTEGER RANGE` | 50000 |" in written
    assert "| `--out` | `FILE` | required |" in written.replace("PATH", "FILE")


def test_every_exit_code_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [row.split("|")[1].strip() for row in cli.exit_codes().splitlines()[2:]]
    assert numbers == ["0", "1", "2", "3", "4", "5", "130", "143"]
    monkeypatch.setitem(CODES, ValueError, 9)  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        cli.exit_codes()


def test_every_target_of_make_help_and_every_stage_is_listed() -> None:
    helped = re.findall(r"(?m)^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert [name.removeprefix("make ") for name in first_cells(cli.make_targets())] == helped
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert first_cells(cli.stages()) == list(graph)


def test_contracts_name_every_column_with_words() -> None:
    assert first_cells(contracts.at_risk())[: len(LIST_COLUMNS)] == list(LIST_COLUMNS)
    for name in ("activity", "customers", "labels", "scores", "at-risk", "held-back", "win-back", "manifest"):
        rows = TABLES[name]().splitlines()[2:]
        assert rows
        assert all(row.rstrip(" |").split("|")[-1].strip() for row in rows), name
        assert not re.search(r"\{\w+\}", TABLES[name]()), "a place in a sentence was not filled"


def test_a_column_without_words_stops_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(contracts.SCORES, "model_version")
    with pytest.raises(KeyError, match="model_version"):
        contracts.scores()


def test_metrics_are_those_of_a_real_report_and_all_described(monkeypatch: pytest.MonkeyPatch) -> None:
    written = metrics.metrics()
    for figure in (
        "test.roc_auc",
        "backtest.MOMENT.ece",
        "baselines.BASELINE.pooled.log_loss_low",
        "value.deciles.NN.brought",
    ):
        assert f"`{figure}`" in written
    assert not any(f".{name}." in written for name in IN_WORDS), "the names of baselines stand in a table of their own"
    monkeypatch.delitem(metrics.FIGURES, "ece")
    with pytest.raises(KeyError, match="ece"):
        metrics.metrics()


def test_marks_are_filled_and_an_unknown_one_is_named() -> None:
    page = filled("before\n\n<!-- generated: exit-codes -->\n\nafter\n")
    assert page.startswith("before\n\n<!-- generated: exit-codes -->\n\n| exit code |")
    assert page.endswith("|\n\n\nafter\n")
    with pytest.raises(ValueError, match="there is no such table"):
        filled("<!-- generated: exit-code -->")


def test_every_table_stands_on_a_page() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md"))
    assert set(MARK.findall(pages)) == set(TABLES)


def test_a_table_escapes_and_refuses_ragged_rows() -> None:
    assert table(("a", "b"), [("x | y", "1\n2")], right=("b",)).splitlines() == [
        "| a | b |",
        "| --- | ---: |",
        "| x \\| y | 1 2 |",
    ]
    with pytest.raises(ValueError, match="2 cells"):
        table(("a", "b"), [("x",)])
