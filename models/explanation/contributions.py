"""What each topic adds to a score, against what is usual: the score as it is, less the score if the topic were usual.

In: a scorer (features -> log-odds), customers' features, what is usual of every column, and the columns of each topic.
Out: log-odds, one row per customer, one column per topic; above 0 the topic raises the risk. Where a scorer reads few
topics, as rules do, what they do together is shared among them: Shapley's value, the mean of a topic's difference over
all orders in which topics could become usual (Shapley 1953, "A value for n-person games"; exact, 2^topics scores).
Of many topics each is set to what is usual alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Score = Callable[["pd.DataFrame"], npt.NDArray[Any]]

FEW = 4  # topics whose joint effects are shared exactly
_MOST_ROWS = 40_000  # scored at once


def against_usual(
    score: Score, features: pd.DataFrame, usual: pd.DataFrame, topics: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """Log-odds that each topic adds to each customer's score, on the index of `features`.

    Args:
        score: log-odds of rows of features.
        features: of the customers.
        usual: the usual number of every column of the topics, same rows.
        topics: topic -> its columns.
    """
    import pandas as pd

    names = list(topics)
    if len(names) <= FEW:
        found = _shared(score, features, usual, topics)
    else:
        scored = _scored(score, features, usual, [[], *([name] for name in names)], topics)
        found = scored[0][:, None] - np.stack(scored[1:], axis=1) if names else np.zeros((len(features), 0))
    return pd.DataFrame(found, columns=names, index=features.index)


def _shared(score: Score, features: pd.DataFrame, usual: pd.DataFrame, topics: Mapping[str, Sequence[str]]) -> Floats:
    names, count = list(topics), len(topics)
    sets = [frozenset(chosen) for size in range(count + 1) for chosen in combinations(names, size)]
    scored = dict(zip(sets, _scored(score, features, usual, sets, topics), strict=True))
    found = np.zeros((len(features), count))
    for place, name in enumerate(names):
        for others in (chosen for chosen in sets if name not in chosen):
            weight = factorial(len(others)) * factorial(count - len(others) - 1) / factorial(count)
            found[:, place] += weight * (scored[others] - scored[others | {name}])
    return found


def _scored(
    score: Score,
    features: pd.DataFrame,
    usual: pd.DataFrame,
    sets: Sequence[Iterable[str]],
    topics: Mapping[str, Sequence[str]],
) -> list[Floats]:
    """The scores with the topics of each set as usual."""
    import pandas as pd

    at_once = max(1, _MOST_ROWS // max(1, len(features)))
    found: list[Floats] = []
    for begin in range(0, len(sets), at_once):
        frames = [
            _replaced(features, usual, [column for topic in chosen for column in topics[topic]])
            for chosen in sets[begin : begin + at_once]
        ]
        scores = np.asarray(score(pd.concat(frames, ignore_index=True)), dtype=np.float64)
        found += np.split(scores, len(frames)) if len(features) else [np.zeros(0)] * len(frames)
    return found


def _replaced(features: pd.DataFrame, usual: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    changed = {name: usual[name].astype(features[name].dtype) for name in columns}
    return features.assign(**changed) if changed else features
