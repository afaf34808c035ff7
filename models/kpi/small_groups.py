"""Groups so small that they could point at a person are put together, so that what is shown still adds up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FEWEST = 10
OTHER = "other"


def merged(
    group: npt.NDArray[np.int64], names: list[str], counted: npt.NDArray[np.bool_], fewest: int = FEWEST
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Groups in which at least `fewest` customers did something; the smaller ones are one group, OTHER.

    Where those together are too few as well, the smallest of the others joins them: nobody can be found by
    subtracting. Nothing is left where everybody together is too few.

    Args:
        group: shape (customers,), numbers of `names`.
        names: of the groups.
        counted: shape (customers,): who did something.

    Returns:
        The group of every customer again, -1 where nothing is left, and the groups' names in order, OTHER last.
    """
    there = np.flatnonzero(np.bincount(group, minlength=len(names)))
    sizes = np.bincount(group[counted], minlength=len(names))
    order = there[np.lexsort((there, sizes[there]))]
    taken = int((sizes[order] < fewest).sum())
    while 0 < taken < len(order) and sizes[order[:taken]].sum() < fewest:
        taken += 1
    joined, kept = order[:taken], sorted(order[taken:].tolist(), key=lambda number: names[number])
    new = np.full(len(names), -1, dtype=np.int64)
    new[kept] = np.arange(len(kept))
    shown = [names[number] for number in kept]
    if sizes[joined].sum() >= fewest:
        new[joined] = len(shown)
        shown.append(OTHER)
    return new[group], shown
