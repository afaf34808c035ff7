from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipelines.runtime.errors import ChurnError
from pipelines.settings.campaign.contacts import Campaign
from pipelines.settings.campaign.playbook import PlaybookRule, When
from pipelines.stages.make_list import make_list
from tests.pipelines.lists_for_tests import Shop, settings, shop
from tests.pipelines.lists_for_tests import explained as explain


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    made = shop(tmp_path_factory.mktemp("shop"))
    make_list(settings(), made.inputs, made.out)
    return made


def explained(small: Shop, customer: str) -> str:
    return explain(customer, settings(), small.data)


def file_of(small: Shop, name: str) -> pd.DataFrame:
    return pd.read_csv(small.out / name, dtype=str, encoding="utf-8-sig", keep_default_na=False)


def test_on_the_list(small: Shop) -> None:
    listed = list(file_of(small, "at_risk.csv")["customer_id"])
    chances = small.scores.set_index("customer_id")["churn_probability"]
    customer = str(chances[listed].idxmax())
    own = small.features.set_index("customer_id").loc[customer]
    said = explained(small, customer)
    assert f"Customer {customer} is number {listed.index(customer) + 1} of 12 on the list of 4 March 2024." in said
    assert f"{own['placed_order_days_since_last']:.0f} days before, on" in said
    assert "Value at risk     $" in said
    assert "expected from a contact\n" in said
    assert "Change" not in said, "no list was published yet"
    assert "(the average customer: " in said
    assert "What stands out\n    1. " in said
    assert "Raises the risk most\n    odds " in said


def test_below_the_cut(small: Shop) -> None:
    met = {*file_of(small, "at_risk.csv")["customer_id"], *file_of(small, "control.csv")["customer_id"]}
    best = max(set(small.scores["customer_id"]) - met, key=small.scores.set_index("customer_id")["value_at_risk"].get)
    said = explained(small, best)
    assert f"Customer {best} is not on the list of 4 March 2024: number {len(met) + 1} of 37 by expected net" in said
    assert "the list ends after 12." in said
    assert "The last customer on it has $" in said


def test_held_out_kept_off_and_what_the_playbook_says(tmp_path: Path) -> None:
    made = shop(tmp_path)
    make_list(settings(), made.inputs, made.out)
    since = file_of(made, "at_risk.csv")["customer_id"][3]
    (tmp_path / "since.csv").write_text(f"customer_id\n{since}\n")
    found = settings(suppress=str(tmp_path / "since.csv")).model_copy(
        update={
            "campaign": Campaign(share=0.3),
            "playbook": [
                PlaybookRule(action="leave alone", when=When(segment="new")),
                PlaybookRule(action="personal call", channel="phone", owner="Kim", send_within_days=3),
            ],
        }
    )
    make_list(found, made.inputs, made.out)
    held_out = file_of(made, "control.csv")["customer_id"][0]
    assert f"Customer {held_out} is in the control group of the list" in explain(held_out, found, made.data)
    said = explain(since, found, made.data)
    assert f"Customer {since} is kept off the list of 4 March 2024 by the rule ordered_since. The place would" in said
    assert "Has ordered since the data ends" in said
    assert "Action            personal call, phone, Kim, by 7 March 2024" in said


def test_a_customer_who_left_long_ago(small: Shop) -> None:
    said = explained(small, "0039")
    assert "is not on the list of 4 March 2024 and has no score: no order in the 56 days" in said
    assert "(since 8 January 2024)" in said
    assert "70 days before, on 25 December 2023" in said
    assert "They stand in win_back.csv" in " ".join(said.split())


@pytest.mark.parametrize(
    ("customer", "near"),
    [
        ("7", "Did you mean 0007?"),
        ("00007", "Did you mean 0007?"),
        ("003x", "Did you mean 003"),
        ("zzz", "40 other ids are."),
    ],
)
def test_an_unknown_id_names_the_nearest(small: Shop, customer: str, near: str) -> None:
    with pytest.raises(
        ChurnError, match=f"Customer {customer} is not known in the activity before 4 March 2024. {near}"
    ):
        explained(small, customer)


def test_low_risk_has_no_reasons(small: Shop) -> None:
    said = explained(small, "0000")
    assert "Nothing that goes with a higher risk." in said
    assert "Lowers the risk most" in said


def test_before_there_is_a_list(tmp_path: Path) -> None:
    made = shop(tmp_path)
    with pytest.raises(ChurnError, match=r"there is no list for this day yet\. Run `churn run`"):
        explained(made, "0001")


def test_without_money_it_speaks_of_risk(tmp_path: Path) -> None:
    made = shop(tmp_path, money=False)
    make_list(settings(), made.inputs, made.out)
    said = explained(made, "0000")
    assert "by risk of leaving" in said
    assert "Value at risk" not in said
