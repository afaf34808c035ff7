"""A campaign whose last places are drawn by lot: from the ranking to the ledger, and back into the next week's list."""

from __future__ import annotations

import contextlib
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given as over
from hypothesis import settings as times
from hypothesis import strategies as st

from models.decision.control_group import CONTACT, CONTROL
from models.decision.cut import BUDGET, CAPACITY, EVERYONE, HELD, PROFIT, Cut
from models.decision.drawn_cut import cut_by_lot
from models.decision.lottery import Assignment, Design, Earlier
from pipelines.at_risk.policy.lottery import earlier_draws, require_same_design, weeks_out
from pipelines.at_risk.policy.lottery_forecast import Lottery
from pipelines.ledger.assigned import campaigns
from pipelines.publishing.deliver import Delivery
from pipelines.publishing.draft import read_draft
from pipelines.publishing.publish import publish
from pipelines.publishing.rebuild import restore_ledger
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import digest_of, read_json, write_json
from pipelines.settings.campaign.outcomes import Outcomes
from pipelines.settings.decision import ListPolicy
from pipelines.settings.params import Settings
from pipelines.stages.make_list import make_list
from tests.pipelines.ledgers_for_tests import put
from tests.pipelines.lists_for_tests import DAY, Shop, shop
from tests.pipelines.lists_for_tests import settings as shop_settings

NOBODY = Delivery({}, False)


def people(size: int, seed: int = 0) -> pd.DataFrame:
    """A ranking, the best first, with somebody held here and there."""
    rng = np.random.default_rng(seed)
    worth = np.sort(rng.normal(10, 8, size))[::-1]
    return pd.DataFrame(
        {
            "customer_id": [f"c{n:03d}" for n in range(size)],
            "risk_tier": rng.choice(["high", "low"], size),
            "segment": rng.choice(["new", "lost"], size),
            "churn_probability": np.linspace(0.9, 0.1, size) if size else np.array([]),
            "expected_net_value": worth,
            "spending": rng.uniform(1, 9, size),
            "place": np.where(rng.random(size) < 0.1, HELD, CONTACT),
        }
    )


def design_of(places: int, key: str = "k", held: float = 0.0) -> Design:
    return Design(places, places // 2, 4, key, "spring", held)


def drawn(table: pd.DataFrame, earlier: dict[str, Earlier], **other: Any) -> tuple[Cut, list[Assignment]]:
    asked = {"capacity": 20, "budget": None, "stop_when_unprofitable": False, "design_of": design_of} | other
    return cut_by_lot(table, earlier, **asked)


histories = st.dictionaries(
    st.integers(0, 99).map("c{:03d}".format),
    st.builds(Earlier, st.sampled_from([CONTACT, CONTROL]), st.integers(0, 6), st.integers(1, 3)),
    max_size=40,
)


@times(max_examples=40)
@over(
    size=st.integers(0, 100),
    seed=st.integers(0, 9),
    earlier=histories,
    capacity=st.integers(1, 30),
    budget=st.none() | st.floats(0, 150),
    stop=st.booleans(),
    held=st.sampled_from([0.0, 0.2]),
)
def test_the_laws_of_the_cut(
    size: int, seed: int, earlier: dict[str, Earlier], capacity: int, budget: float | None, stop: bool, held: float
) -> None:
    table = people(size, seed)
    asked: dict[str, Any] = {"capacity": capacity, "budget": budget, "stop_when_unprofitable": stop}
    asked["design_of"] = lambda places: design_of(places, held=held)
    found, assigned = drawn(table, earlier, **asked)
    contacted, control = found.of(CONTACT), found.of(CONTROL)

    assert len(contacted) <= capacity, "whoever is not drawn takes no place"
    assert budget is None or contacted["spending"].sum() <= budget + 1e-6
    assert not stop or (contacted["expected_net_value"] > 0).all()
    groups = {one.customer: one.group for one in assigned}
    assert groups == dict(zip([*contacted["customer_id"], *control["customer_id"]],
                              [*contacted["place"], *control["place"]], strict=True))  # fmt: skip
    assert set(found.following["customer_id"]).isdisjoint(groups)
    assert found.above["rank"].tolist() == _ranks(found.above["place"])
    assert found.bound in (CAPACITY, BUDGET, PROFIT, EVERYONE)

    known = {one.customer: Earlier(one.group, 0, one.draws) for one in assigned}
    again, _ = drawn(table, {**earlier, **known}, **asked)
    if budget is None:
        assert again.above.equals(found.above), "made again behind its publication it is the same"


def _ranks(places: pd.Series) -> list[int]:
    before, ranks = 0, []
    for place in places:
        before += place == CONTACT
        ranks.append(before + (place != CONTACT))
    return ranks


def test_a_budget_changes_no_chance() -> None:
    table = people(80, seed=5)
    sizes = {
        len(drawn(table, {}, budget=60.0, design_of=lambda places, run=run: design_of(places, f"key {run}"))[1])
        for run in range(20)
    }
    assert len(sizes) == 1, "how many places there are does not depend on the lots"


def settings(**campaign: Any) -> Settings:
    content = {"name": "spring", "design": "lottery", "sure_holdout": 0.0, **campaign}
    plain = shop_settings(stop_when_unprofitable=False).model_dump(exclude_unset=True)
    return Settings.model_validate({**plain, "campaign": content})


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop with a list whose last places were drawn."""
    folder = tmp_path_factory.mktemp("listed")
    with contextlib.chdir(folder):
        made = shop(folder)
        make_list(settings(), made.inputs, made.out)
    return made


@pytest.fixture
def small(listed: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(listed.data, tmp_path / "data")
    return replace(listed, data=tmp_path / "data")


def files_of(small: Shop) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in small.out.iterdir()}


def recorded() -> pd.DataFrame:
    known = campaigns()
    assert known is not None
    return known.entries.set_index("customer_id")


def test_a_lottery_goes_from_the_settings_to_the_ledger_and_back(small: Shop) -> None:
    first = files_of(small)
    told = read_json(small.out / "manifest.json")["campaign"]
    assert (told["design"], told["sure"], told["drawn"], told["share"]) == ("lottery", 6, 12, None)
    assert told["by_the_end"] == {"contact": 12, "control": 12}
    assert "Not measured for the first 6 ranks: they are sure to be contacted." in told["said"]
    assert told["said"][1] in first["at_risk.html"].decode()
    publish(DAY, NOBODY)
    found = recorded()
    assert Counter(found["arm"]) == {"contact": 12, "control": 6}
    assert set(found["design"]) == {"lottery"}
    assert found["probability"].value_counts().to_dict() == {0.5: 12, 1.0: 6}
    assert set(found.loc[found["probability"] == 1, "rank"]) == set(range(1, 7))
    make_list(settings(), small.inputs, small.out)
    assert files_of(small) == first, "made again behind its publication it is the same"
    draws = earlier_draws("spring", DAY).draws
    assert {(one.drawn_as, one.draws, one.as_of) for one in draws.values()} == {("sure", 1, DAY), ("drawn", 1, DAY)}
    Path("data/ledger/ledger.db").unlink()
    restore_ledger([], lambda _: None)
    assert recorded().equals(found), "chances are in the copies, so they outlive the ledger"


def test_a_revised_list_moves_nobody_who_was_drawn(small: Shop) -> None:
    publish(DAY, NOBODY)
    before = recorded()
    make_list(settings(key="another key altogether"), small.inputs, small.out)
    again = pd.read_csv(small.out / "assignment.csv", dtype=str, encoding="utf-8-sig").set_index("customer_id")
    groups = read_draft(small.out, DAY, None).content.entries.set_index("customer_id")["group"]
    both = before.index.intersection(again.index)
    assert len(both) == len(before)
    assert groups[both].equals(before.loc[both, "arm"].astype(groups.dtype).rename("group"))


def test_a_running_campaign_keeps_its_design(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lottery, holdout = settings().campaign, settings(design="holdout").campaign
    require_same_design(lottery, DAY)
    put(DAY, "a contact 1 0.8")
    require_same_design(holdout, DAY)
    require_same_design(lottery, "2024-03-03")
    require_same_design(settings(name="autumn").campaign, DAY)
    with pytest.raises(ChurnError, match=r"were published as a holdout(.|\n)*another campaign\.name"):
        require_same_design(lottery, DAY)


def test_a_list_without_its_chances_is_not_published(small: Shop) -> None:
    path, manifest = small.out / "assignment.csv", read_json(small.out / "manifest.json")
    rows = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(rows[:-1]))
    write_json(small.out / "manifest.json", manifest | {"files": manifest["files"] | {path.name: digest_of(path)}})
    with pytest.raises(ChurnError, match="speaks of others than those who are listed or not"):
        publish(DAY, NOBODY)


def test_the_undrawn_stay_out_for_the_horizon_unless_the_settings_say_otherwise() -> None:
    assert weeks_out(ListPolicy.of(settings())) == 4
    assert weeks_out(ListPolicy.of(settings(lottery_weeks=9))) == 9


PLANNED = Lottery(300, 150, (0.4, 0.6), 0.0, 1, 1.0, 100_000, Outcomes())


def test_a_lottery_proves_what_a_share_held_out_cannot() -> None:
    assert PLANNED.least == pytest.approx(0.155, abs=0.004)
    few_held = replace(PLANNED, holdout=0.02)
    assert few_held.least is not None
    assert PLANNED.least is not None
    assert few_held.least < PLANNED.least + 0.01, "the few kept out of the sure ones count as what they are"
    assert replace(PLANNED, weeks=8).by_the_end == (1200, 1200)
    assert replace(PLANNED, weeks=8, pool=900).by_the_end == (300, 300)
    assert replace(PLANNED, drawn=0).least is None
