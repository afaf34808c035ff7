"""The table of features, from the catalogue: families, columns, windows, units, values for silence, bounds."""

from __future__ import annotations

from features.catalogue.catalogue import catalogue
from features.catalogue.measures import FAMILIES
from pipelines.commands.reference.markdown import code, table

MAIN = "placed_order"
# One activity of each role: the others of its kind get the same measures.
EXAMPLES = ("saved_with_coupon", "visited_site", "answered_nps", "complained")
HEADS = ("family", "column", "windows (days)", "unit", "silence", "bounds")


def families() -> str:
    """One row per family: what its features say."""
    return table(("family", "what it says"), [(name, words) for name, words in FAMILIES.items()])


def features() -> str:
    """One row per measure of an activity: its windows in days, unit, value for silence, bounds, family."""
    everything = {"has_value": True, "has_quantity": True, "has_detail": True}
    windows: dict[tuple[str, str, str], list[int]] = {}
    columns = {}
    for feature in catalogue(dict.fromkeys((MAIN, *EXAMPLES), everything), MAIN):
        key = (feature.family, feature.activity, feature.measure)
        windows.setdefault(key, [])
        columns[key] = feature.column()
        if feature.days is not None:
            windows[key].append(feature.days)
    order = {family: place for place, family in enumerate(FAMILIES)}
    keys = sorted(windows, key=lambda key: (order[key[0]], key[1] != MAIN, key[1]))
    rows = []
    for family, activity, measure in keys:
        column, days = columns[family, activity, measure], windows[family, activity, measure]
        name = code(f"{activity}_{measure}" + ("_{days}d" if days else ""))
        bounds = f"{_bound(column['low'], '-inf')} to {_bound(column['high'], 'inf')}"
        rows.append((family, name, ", ".join(map(str, days)), column["unit"], f"{column['silence']:g}", bounds))
    return table(HEADS, rows, right=("silence",))


def _bound(bound: float | None, missing: str) -> str:
    return missing if bound is None else f"{bound:g}"
