"""Contracts that two packages name in words of their own are the same contract."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from features.activity import ACTIVITY_SCHEMA, OUR_ACTIVITIES
from models.decision.control_group import GROUPS
from models.decision.ranking import LIST_COLUMNS, SUPPRESSED_COLUMNS
from models.learners import rule_names
from pipelines.ledger import read, tables
from pipelines.publishing import feedback
from pipelines.rendering import scorer
from pipelines.runtime.text import yes_no
from pipelines.settings import artifacts
from pipelines.settings.sources import ActivityColumn

GRAPH = Path(__file__).resolve().parents[1] / "dvc.yaml"


def test_sources_map_the_columns_of_the_activity_contract() -> None:
    assert set(get_args(ActivityColumn)) - {"currency"} == set(ACTIVITY_SCHEMA.names)


def test_the_ledger_keeps_columns_of_the_list_and_of_the_suppressed() -> None:
    assert set(read.ENTRY) <= set(LIST_COLUMNS)
    assert (*tables.HELD_BACK, "as_of", "list_id") == SUPPRESSED_COLUMNS


def test_every_group_is_an_activity_of_ours() -> None:
    assert tuple(read.ACTIVITY_OF_GROUP) == GROUPS
    assert set(read.ACTIVITY_OF_GROUP.values()) < set(OUR_ACTIVITIES)


def test_the_page_has_a_sentence_for_every_rule_that_the_model_is_graded_against() -> None:
    assert set(scorer.RULES) == set(rule_names.RULES)


def test_no_word_means_yes_in_one_table_and_no_in_another() -> None:
    assert not {*feedback.YES, *yes_no.YES} & {*feedback.NO, *yes_no.NO}


def test_the_graph_writes_into_the_folders_that_are_declared() -> None:
    text = GRAPH.read_text()
    for folder in (artifacts.CHAMPIONS, artifacts.EVALUATIONS, artifacts.LISTS, artifacts.REPORTS, artifacts.LANDING):
        assert f"{folder.as_posix()}/" in text or f"{folder.as_posix()}\n" in text, folder
