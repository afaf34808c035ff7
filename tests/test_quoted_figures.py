"""What the pages quote of the demo is what its recorded run says, and the record is of the version in dvc.lock."""

from __future__ import annotations

import pytest

from tests.figures import LIST, LIST_BLOCKS, ROOT, TABLE, block_of, digest, first_customers, record, results

FIGURES = record()
METRICS = FIGURES["metrics"]


def _page(name: str) -> str:
    return " ".join((ROOT / name).read_text(encoding="utf-8").replace("\n> ", " ").split())


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


LEAVERS, LOW, HIGH = FIGURES["leavers"]
ACTIONS, COUNTS = FIGURES["actions"], FIGURES["counts"]
SENTENCES = [
    ("README.md", "a tenth of them in it and 8 weeks, an effect below {smallest_effect} points cannot be proven"),
    ("docs/retention-team/index.md", f'"About {LEAVERS} leave, 9 times out of 10 it is between {LOW} and {HIGH}"'),
    ("docs/own-data/contacts.md", " ".join(FIGURES["campaign"][:2])),
    ("docs/own-data/contacts.md", f"({COUNTS['listed']} listed, {COUNTS['control']} in the control group, "),
    (
        "docs/own-data/contacts.md",
        f"{COUNTS['held_back']['contacted_lately'] + COUNTS['held_back']['left_alone']} supp",
    ),
    ("docs/own-data/contacts.md", "{base_rate}% leave, {customers} customers can come onto the list at all"),
    (
        "docs/own-data/contacts.md",
        "nothing below {smallest_effect} points will be provable; {share_that_would_do}% would",
    ),
    ("docs/own-data/contacts.md", "would do for the {expected_effect} points hoped for"),
    (
        "docs/own-data/playbook.md",
        f"{ACTIONS['personal call']} calls, {ACTIONS['win-back offer']} offers and {ACTIONS['friendly reminder']} rem",
    ),
    (
        "docs/data-scientist/quality.md",
        f"customers) {_short(METRICS['test']['roc_auc'])} / {_short(METRICS['test']['log_loss'])}, where the RFM",
    ),
]


@pytest.mark.parametrize(("page", "sentence"), SENTENCES, ids=[f"{page}-{i}" for i, (page, _) in enumerate(SENTENCES)])
def test_a_page_quotes_the_recorded_run(page: str, sentence: str) -> None:
    words = sentence.format(**FIGURES)
    assert words in _page(page), f"{page} should say: {words}"


@pytest.mark.parametrize("page", LIST_BLOCKS)
def test_a_page_shows_the_recorded_list(page: str) -> None:
    shown = block_of((ROOT / page).read_text(encoding="utf-8"), "Customer ")
    assert shown == first_customers(FIGURES["list"], LIST_BLOCKS[page]), "`make figures` writes it anew"


def test_the_comparison_of_experiments_is_the_recorded_one_and_of_the_demos_figures() -> None:
    shown = block_of((ROOT / TABLE).read_text(encoding="utf-8"), "| Experiment ")
    assert shown == FIGURES["experiments"]
    assert FIGURES["experiments_of"] == METRICS, "`make figures ARGS=--experiments` trains them anew"
    assert str(METRICS["test"]["roc_auc"]) in shown


def test_the_record_is_of_the_version_that_is_locked() -> None:
    assert FIGURES["digest"] == digest(), "`make run && make figures` records the demo as it is now"


@pytest.mark.skipif(not (ROOT / LIST / "manifest.json").exists(), reason="the demo has not been run in this folder")
def test_the_record_is_what_the_run_in_this_folder_says() -> None:
    found = results()
    assert {name: FIGURES[name] for name in found} == found, "`make run && make figures` records the demo as it is now"
