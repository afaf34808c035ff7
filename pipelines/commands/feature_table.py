"""The README's feature table, made from the catalogue: running this module writes it between its marks.

A test compares, so the README never says what the catalogue does not.
"""

from __future__ import annotations

from pathlib import Path

from features.catalogue.catalogue import catalogue
from features.catalogue.measures import FAMILIES

BEGIN, END = "<!-- feature table: begin -->", "<!-- feature table: end -->"
MAIN = "placed_order"
# One activity of each role: the others of its kind get the same measures.
EXAMPLES = ("saved_with_coupon", "visited_site", "answered_nps", "complained")


def table() -> str:
    """Markdown: one row per measure of an activity, its windows in days, unit, value for silence, bounds, family."""
    everything = {"has_value": True, "has_quantity": True, "has_detail": True}
    rows: dict[tuple[str, str, str], list[int]] = {}
    columns = {}
    for feature in catalogue(dict.fromkeys((MAIN, *EXAMPLES), everything), MAIN):
        key = (feature.family, feature.activity, feature.measure)
        rows.setdefault(key, [])
        columns[key] = feature.column()
        if feature.days is not None:
            rows[key].append(feature.days)
    order = {family: place for place, family in enumerate(FAMILIES)}
    families = [f"**{name}** ({words.rstrip('.')})" for name, words in FAMILIES.items()]
    lines = [
        f"{len(FAMILIES)} families: {'; '.join(families)}.",
        "",
        "| family | column | windows (days) | unit | silence | bounds |",
        "| --- | --- | --- | --- | ---: | --- |",
    ]
    for key in sorted(rows, key=lambda key: (order[key[0]], key[1] != MAIN, key[1])):
        family, activity, measure = key
        column = columns[key]
        windows = ", ".join(str(days) for days in rows[key])
        name = f"`{activity}_{measure}" + ("_{days}d`" if windows else "`")
        bounds = f"{_number(column['low'], '-inf')} to {_number(column['high'], 'inf')}"
        lines.append(f"| {family} | {name} | {windows} | {column['unit']} | {column['silence']:g} | {bounds} |")
    return "\n".join(lines)


def _number(bound: float | None, missing: str) -> str:
    return missing if bound is None else f"{bound:g}"


def renewed(readme: str) -> str:
    """The README with the table of today between its marks."""
    head, rest = readme.split(BEGIN)
    return f"{head}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


def main() -> None:
    """Write the table into README.md of this folder."""
    readme = Path("README.md")
    readme.write_text(renewed(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
