"""`churn uplift` on a table: the verdict in words, what was left out, and faults that say how to mend them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from pipelines.commands.effect.uplift import uplift
from pipelines.outcomes.uplift.arms import arms, meaning, outcome
from pipelines.outcomes.uplift.ground import figure_lines, ground_lines
from pipelines.outcomes.uplift.known_before import IDS, KNOWS_ARM, KNOWS_OUTCOME, ONE_VALUE, WORDS, known_before
from pipelines.outcomes.uplift.sentences import verdict_lines
from pipelines.outcomes.uplift.table import Asked, from_table
from pipelines.rendering.language.language import Language
from pipelines.runtime.errors import ChurnError
from tests.models.effect.planted_experiments import Mailing


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def called(*arguments: str) -> Result:
    return CliRunner().invoke(uplift, ["--treatment", "segment", "--outcome", "visit", *arguments])


def mailing(**planted: float) -> pd.DataFrame:
    """A mailing with a third arm, and columns that are written afterwards."""
    table = Mailing(**planted).table().drop(columns="effect")  # type: ignore[arg-type]
    rng = np.random.default_rng(1)
    other = rng.random(len(table)) < 0.1
    table.loc[other, "segment"] = "Mens E-Mail"
    table["conversion"] = ((table["visit"] == 1) & (rng.random(len(table)) < 0.3)).astype(int)
    return table.assign(spend=np.round(table["conversion"] * rng.lognormal(4, 1, len(table)), 2))


def test_a_mailing_is_judged_and_written_down() -> None:
    table = mailing(customers=5000, base=0.2, by_flag=0.24)
    table.to_csv("mailing.csv", index=False, sep=";")
    found = called("--table", "mailing.csv", "--treated", "Womens E-Mail", "--control", "No E-Mail")
    assert found.exit_code == 0, found.output
    first, *_ = found.output.splitlines()
    assert first.startswith("Treat by")
    assert "womens = 1" in found.output
    assert (
        "Left out, because they settle the outcome and so were hardly known before: conversion, spend." in found.output
    )
    content = json.loads(Path("data/outcomes/uplift.json").read_text())
    assert content["verdict"] in {"flag", "model"}
    assert content["source"]["rows"] == 5000
    assert content["source"]["used"] == content["arms"]["treated"] + content["arms"]["control"]
    assert content["source"]["other_arms"] == int((table["segment"] == "Mens E-Mail").sum())
    assert content["flag"] == {"asks": "is", "column": "womens", "value": 1.0, "wanted": True}
    assert set(content["qini"]) == {"model", "flag", "risk"}
    assert content["qini"]["flag"]["low"] > 0
    assert content["curve"]["model"][-1] == content["curve"]["flag"][-1] == content["policies"]["everybody"]["value"]
    for code in ("en", "th"):
        lines = verdict_lines(content, Language(code)), ground_lines(content, Language(code))
        assert all(all(part) for part in lines)
        assert figure_lines(content, Language(code))


def test_a_small_one_is_refused_with_what_would_do() -> None:
    mailing(customers=400).to_parquet("mailing.parquet")
    found = called("--table", "mailing.parquet", "--control", "No E-Mail", "--k", "50", "--out", "elsewhere")
    assert found.exit_code == 0, found.output
    assert found.output.startswith("Nothing can be said of whom to treat: in one group only ")
    assert "With the same shares, an experiment of " in found.output
    content = json.loads(Path("elsewhere/uplift.json").read_text())
    assert content["verdict"] == "too_few"
    assert content["share"] == 50 / 400
    assert content["source"]["treated"] == ["Mens E-Mail", "Womens E-Mail"]
    assert "qini" not in content


def test_who_was_not_drawn_is_no_experiment() -> None:
    table = mailing(customers=3000, base=0.3)
    chosen = (table["history"] > 300) | (np.arange(3000) % 5 == 0)
    table.assign(segment=chosen.astype(int)).to_csv("chosen.csv", index=False)
    found = called("--table", "chosen.csv", "--features", "recency,history,womens", "--k", "0.2")
    assert found.exit_code == 0, found.output
    assert "The groups differed before, more than a draw can make them, most in history:" in found.output
    assert "So nothing is claimed: the groups cannot be compared." in found.output
    assert "qini" not in json.loads(Path("data/outcomes/uplift.json").read_text())


def test_a_probability_is_taken_from_a_column_or_a_number() -> None:
    table = mailing(customers=900, base=0.4)
    table = table[table["segment"] != "Mens E-Mail"].assign(p=0.5, left=lambda rows: 1 - rows["visit"])
    table.to_csv("t.csv", index=False)
    for probability, kind in (("p", "column"), ("0.5", "number"), (None, "share")):
        asked = Asked("segment", "left", control=("No E-Mail",), probability=probability, risk="recency")
        found = from_table(Path("t.csv"), asked)
        assert found.source["probability"] == kind
        assert found.experiment.probability == pytest.approx(0.5, abs=0.05)
        assert found.experiment.outcome.tolist() == table["visit"].tolist(), "left is bad, by its name"
        assert "p" not in [column.name for column in found.experiment.columns] or kind != "column"


FAULTS = [
    (("--table", "none.csv"), r"none\.csv: there is no such file"),
    (("--table", "t.txt.gz"), "is neither"),
    (("--treatment", "segmnt"), r"--treatment segmnt: t\.csv has no such column\. Did you mean segment\?"),
    (("--outcome", "spend"), "--outcome spend: is a yes good"),
    (
        ("--outcome", "spend", "--outcome-is", "good", "--control", "No E-Mail"),
        "must be yes or no .* make a column that says whether",
    ),
    ((), "cannot be read as yes and no; its values are .*'No E-Mail'.*--treated 'A' --control 'B'"),
    (("--treated", "Womens E-Mail"), "beside --treated there are 2 values"),
    (("--control", "No E-mail"), "'No E-mail' is not among its values. Did you mean No E-Mail"),
    (("--control", "No E-Mail", "--treated", "No E-Mail"), "stands in both"),
    (("--control", "No E-Mail", "--probability", "1.2"), "are not between 0 and 1"),
    (("--control", "No E-Mail", "--probability", "zip_code"), "rows have no number there"),
    (("--control", "No E-Mail", "--features", "visit"), "is the treatment or the outcome"),
    (("--control", "No E-Mail", "--k", "0"), "--k 0: give a share between 0 and 1, or a number of customers"),
    (("--control", "No E-Mail", "--k", "many"), "--k many: give a share"),
]


@pytest.mark.parametrize(("arguments", "fault"), FAULTS, ids=[" ".join(one) or "no arms" for one, _ in FAULTS])
def test_a_fault_says_how_to_mend_it(arguments: tuple[str, ...], fault: str) -> None:
    mailing(customers=200).to_csv("t.csv", index=False)
    Path("t.txt.gz").touch()
    found = called("--table", "t.csv", *arguments)
    assert found.exit_code == 1
    assert pd.Series([found.output]).str.contains(fault, regex=True).all(), found.output


def test_words_of_arms_and_outcomes() -> None:
    drawn = arms(pd.Series(["Treated", "control", "Treated"], name="arm"), (), ())
    assert (drawn.treated.tolist(), drawn.treated_values) == ([True, False, True], ("Treated",))
    assert arms(pd.Series([1.0, 0.0], name="arm"), (), ()).treated.tolist() == [True, False]
    assert np.array_equal(outcome(pd.Series(["Yes", "no", "", "TRUE"])), [1, 0, np.nan, 1], equal_nan=True)
    assert (meaning("Churned", None), meaning("visit", None), meaning("visit", "bad")) == ("bad", "good", "bad")
    with pytest.raises(ChurnError, match="all rows are of one arm"):
        arms(pd.Series(["a", "a"], name="arm"), ("a",), ())


def test_what_was_known_before() -> None:
    rng, n = np.random.default_rng(2), 2000
    arm, came = rng.random(n) < 0.5, (rng.random(n) < 0.3).astype(float)
    table = pd.DataFrame(
        {
            "kind": rng.choice(["a", "b", ""], n),
            "age": np.where(rng.random(n) < 0.1, "", rng.integers(18, 90, n).astype(str)),
            "member": rng.choice(["yes", "no"], n),
            "town": rng.choice([f"t{i}" for i in range(40)], n, p=np.arange(40, 0, -1) / 820),
            "id": np.arange(n),
            "note": [f"n{i}" for i in range(n)],
            "same": "x",
            "mailed": np.where(arm, "today", "never"),
            "paid": came * rng.random(n),
        }
    )
    found = known_before(table, list(table.columns), arm, came, named=False)
    assert [column.name for column in found.columns] == ["kind", "age", "member", "town"]
    assert found.columns[0].levels == ("(missing)", "a", "b")
    assert found.columns[3].levels is not None
    assert len(found.columns[3].levels) == 30
    assert np.isnan(found.features[:, 1]).mean() == pytest.approx(0.1, abs=0.03)
    assert found.left_out == {
        "id": IDS,
        "note": WORDS,
        "same": ONE_VALUE,
        "mailed": KNOWS_ARM,
        "paid": KNOWS_OUTCOME,
    }
    named = known_before(table, ["paid", "same"], arm, came, named=True)
    assert ([column.name for column in named.columns], named.left_out) == (["paid"], {"same": ONE_VALUE})
