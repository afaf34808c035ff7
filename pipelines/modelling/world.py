"""Worlds of champions: which business a champion is of, and whether that is the present one.

`world.json` lies beside a model (data/models/D, data/champion/D) and travels with it into the registry. A champion of
an older version has none: it is matched by its columns once and then keeps the world that it was matched with.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from models.sums import write_sums
from models.world import LEAST_SHARE, MEANING, ROLES, World, meaning_of
from pipelines.runtime.errors import ChurnError
from pipelines.runtime.files import atomic_folder, read_json, write_json
from pipelines.runtime.sql import text
from pipelines.settings import artifacts

if TYPE_CHECKING:
    from models.churn_model import ChurnModel


def read_world(folder: Path) -> World | None:
    """The world that is kept in a folder; None in folders of older versions."""
    path = folder / artifacts.WORLD
    return World.from_json(read_json(path)) if path.is_file() else None


def customers_of(activity: Path, names: Iterable[str]) -> list[str]:
    """Everybody who ever did one of these activities.

    Args:
        activity: a folder that a pull left.
        names: of the activities.
    """
    import duckdb

    wanted = ", ".join(text(name) for name in sorted(set(names)))
    with duckdb.connect() as con:
        con.execute("set enable_progress_bar = false")
        rows = con.read_parquet(str(activity / "activity" / "*.parquet")).filter(f"activity in ({wanted})")
        return [str(customer) for (customer,) in rows.select("customer_id").distinct().fetchall()]


def difference(
    kept: World | None, champion: ChurnModel, own: World | None, candidate: ChurnModel, activity: Path
) -> str:
    """In words, by what a champion is of another world than a candidate; "" where they are of one.

    Args:
        kept: the champion's world; None: its columns decide.
        champion: the model.
        own: the candidate's world; None: nothing tells them apart.
        candidate: the model.
        activity: the folder of the candidate's training activity.
    """
    if own is None:
        return ""
    before = kept.meaning if kept is not None else meaning_of(champion.definition)
    if own.meaning != before:
        return f"its definition was {_in_words(before)}, here it is {_in_words(own.meaning)}"
    if kept is None:
        return _other_columns(champion, candidate)
    everybody = customers_of(activity, (own.meaning[name] for name in ROLES if name in own.meaning))
    share = kept.share_in(everybody)
    return f"{share:.0%} of its {kept.customers:,} customers occur here" if share < LEAST_SHARE else ""


def _in_words(meaning: Mapping[str, str]) -> str:
    return ", ".join(meaning[name] for name in MEANING if name in meaning)


def _other_columns(champion: ChurnModel, candidate: ChurnModel) -> str:
    present = {str(info["name"]) for info in candidate.columns_info}
    known = [name for name in champion.learned if name in present]
    if len(known) >= LEAST_SHARE * len(champion.learned):
        return ""
    return f"{len(known)} of its {len(champion.learned)} columns are known here"


def stamp_world(folder: Path, world: World) -> str:
    """Keep a world with a champion that has none; the SHA-256 of its SHA256SUMS then."""
    with atomic_folder(folder) as stamped:
        shutil.copytree(folder, stamped, dirs_exist_ok=True)
        write_json(stamped / artifacts.WORLD, world.to_json())
        return write_sums(stamped)


def require_own_customers(definition: str, world: World | None, customers: Iterable[str], where: object) -> None:
    """The customers that are to be scored are of the world of the model that is to score them.

    Args:
        definition: that the model answers.
        world: of the model; None is never foreign.
        customers: everybody who ever did the definition's activities.
        where: the model was found.

    Raises:
        ChurnError: they are somebody else's.
    """
    if world is not None and world.is_foreign(ids := list(customers)):
        raise ChurnError(
            f"{definition}: the champion in {where} learned from other customers than these: "
            f"{world.share_in(ids):.0%} of its {world.customers:,} occur among the {len(ids):,} of this activity. It "
            "belongs to another shop. `churn run` trains and promotes a first champion here; the former one stays in "
            "the registry under its version."
        )
