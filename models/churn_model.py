"""The churn model: boosters blended with a logistic regression in log-odds, calibrated; a folder of JSON and text.

    log-odds = (1 - logistic_share) * mean of the boosters + logistic_share * logistic regression
    churn_probability = calibration(log-odds)

A rule (learners/rules.py) may stand in place of boosters and logistic regression: it then gives the log-odds.

Who scores a moment first anchors the model there (`anchored`): one number, from everybody eligible, takes the place of
the calibration, so that the average is that of the moment and not that of the moments learned from.

Columns are found by name. The same content has the same digest, on any machine and at any thread count; no pickle
anywhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models import columns
from models.columns import Columns
from models.errors import ModelError
from models.learners import level
from models.learners.bgnbd_score import COLUMN, BgNbdScore
from models.learners.boosting import Boosters
from models.learners.calibration import Calibration
from models.learners.expected_value import ValueModel
from models.learners.level import Level
from models.learners.logistic import Linear
from models.learners.rules import Rule
from models.segments import Quintiles
from models.subscribers import kinds

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class ChurnModel:
    """Everything that a score needs.

    Attributes:
        definition: the churn definition's setting.
        columns_info: the entries of columns.json at training.
        profile: what training looked like, for drift checks: `as_of`, `customers`, `churn_rate`, `score_edges` (9
            deciles of probabilities on rows that trained nothing), `score_shares` (10, between the edges),
            `activities` (volumes).
        known: the frozen columns.
        boosters: None where the blend is all logistic.
        linear: None where the blend is all boosters.
        logistic_share: weight of `linear`, 0..1.
        calibration: log-odds to probability.
        quintiles: R, F, M cut-points.
        value: None without money.
        habit: BG/NBD that gives one more column, computed here; None where the stream has no summary of the activity.
        level: how the level of a moment is found; None where the calibration is a setting, or was trained before there
            were levels.
        rule: the rule that scores instead of boosters and logistic regression; None: they do.
        at_moment: the calibration of the moment that the model is anchored to, instead of `calibration`; not part of
            the content.
    """

    definition: Mapping[str, Any]
    columns_info: list[dict[str, Any]]
    profile: Mapping[str, Any]
    known: Columns
    boosters: Boosters | None
    linear: Linear | None
    logistic_share: float
    calibration: Calibration
    quintiles: Quintiles
    value: ValueModel | None
    habit: BgNbdScore | None = None
    level: Level | None = None
    rule: Rule | None = None
    at_moment: Calibration | None = None

    @property
    def columns(self) -> list[str]:
        """Names of the feature columns that the model needs, in alphabetical order."""
        law = self.level.habit.columns if self.level and self.level.habit else ()
        return sorted({*self.learned, *law, *(self.rule.columns if self.rule else ())})

    @property
    def learned(self) -> list[str]:
        """Names of the feature columns that training was given, in alphabetical order."""
        return [name for name in self.known.names if name != COLUMN]

    @property
    def read_by_score(self) -> list[str]:
        """Names of the feature columns on which the log-odds depend, in alphabetical order."""
        if self.rule is not None:
            return sorted(self.rule.columns)
        return sorted({*self.learned, *(self.habit.columns if self.habit else ())})

    def _matrix(self, features: pd.DataFrame) -> npt.NDArray[np.float32]:
        """Rows by `known.names`, the habit's column among them."""
        columns.require(features, self.columns)
        return self.known.matrix(features if self.habit is None else self.habit.with_column(features))

    def anchored(self, features: pd.DataFrame, *, threads: int = 1) -> ChurnModel:
        """The same model (content, digest) for the customers of one moment: its probabilities have the moment's level.

        Customers' order among themselves stays, and so does the score of each whoever is scored beside them: the
        moment is fixed by this call, not by a later one. A model without a level is returned as it is.

        Args:
            features: everybody eligible at the moment, in any order. Of very many those that `level.sample` takes are
                enough, and where there is a column `customer_id` no others are looked at.
            threads: change the time, never the result.
        """
        if self.level is None:
            return self
        if "customer_id" in features.columns:
            features = features[level.sample([str(customer) for customer in features["customer_id"]])]
        return self.moved_by(self.level.shift_at(self.log_odds(features, threads=threads), features))

    def moved_by(self, shift: float) -> ChurnModel:
        """The same model, anchored to a moment whose shift (log-odds) is known; see `shift`."""
        return self if self.level is None else replace(self, at_moment=level.shifted(shift))

    @property
    def shift(self) -> float | None:
        """Log-odds that lie between the uncalibrated score and the probability at the moment that the model is anchored
        to; None where it is not.
        """
        return self.at_moment.numbers["intercept"][0] if self.at_moment else None

    def _probability(self, log_odds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray((self.at_moment or self.calibration)(log_odds), dtype=np.float64)

    def predict(self, features: pd.DataFrame, *, threads: int = 1) -> npt.NDArray[np.float64]:
        """Probability of leaving for each row.

        Raises:
            ModelError: a column is missing or a number is null; each is named. Extra columns are ignored.
        """
        return self._probability(self.log_odds(features, threads=threads))

    def scores(
        self, features: pd.DataFrame, *, threads: int = 1
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64] | None]:
        """What `predict` and `expected_value` say, with the numbers laid out once for both."""
        x = self._matrix(features)
        odds = self._log_odds(x, threads) if self.rule is None else self.rule.log_odds(features)
        return self._probability(odds), self._expected(x, threads)

    def log_odds(self, features: pd.DataFrame, *, threads: int = 1) -> npt.NDArray[np.float64]:
        """Log-odds before calibration for each row."""
        if self.rule is not None:
            self._matrix(features)  # names what is missing or null, whoever scores
            return self.rule.log_odds(features)
        return self._log_odds(self._matrix(features), threads)

    def _log_odds(self, x: npt.NDArray[np.float32], threads: int) -> npt.NDArray[np.float64]:
        total = np.zeros(len(x))
        if self.boosters is not None:
            total += (1 - self.logistic_share) * self.boosters.raw(x, threads=threads)
        if self.linear is not None:
            total += self.logistic_share * self.linear.log_odds(self.known.wide(x)[0])
        return total

    def contributions(self, features: pd.DataFrame, *, threads: int = 1) -> pd.DataFrame:
        """Log-odds that each column adds to each row, before calibration (which keeps the order); index of `features`.

        Exact: the row sum and one constant give `log_odds`. What the habit adds is told under the silence that it
        weighs. Costs 60 times a prediction: only for those who are listed.
        """
        if self.rule is not None:
            return self.rule.contributions(features).reindex(columns=self.columns, fill_value=0.0)
        x = self._matrix(features)
        total = np.zeros(x.shape)
        if self.boosters is not None:
            total += (1 - self.logistic_share) * self.boosters.contributions(x, threads=threads)[:, :-1]
        if self.linear is not None:
            wide, owners = self.known.wide(x)
            np.add.at(total.T, owners, self.logistic_share * self.linear.contributions(wide).T)
        table = pd.DataFrame(total, columns=list(self.known.names), index=features.index)
        if self.habit is None:
            return table
        told_as = self.habit.told_as if self.habit.told_as in self.columns else self.habit.columns[1]
        return table.assign(**{told_as: table[told_as] + table[COLUMN]}).drop(columns=COLUMN)

    def expected_value(self, features: pd.DataFrame, *, threads: int = 1) -> npt.NDArray[np.float64] | None:
        """Money expected in the horizon if the customer stays, for each row; None where the stream has no money."""
        return None if self.value is None else self._expected(self._matrix(features), threads)

    def _expected(self, x: npt.NDArray[np.float32], threads: int) -> npt.NDArray[np.float64] | None:
        return None if self.value is None else np.asarray(self.value.expected(x, threads=threads), dtype=np.float64)

    def segments(self, features: pd.DataFrame) -> pd.DataFrame:
        """`r_score, f_score, m_score` (1..5, 5 is best, m_score null without money) and the named `segment`.

        Of subscribers the segment is a kind of subscriber (models/subscribers.py).
        """
        table = self.quintiles.segments(features)
        if self.definition.get("kind") != "cancellation":
            return table
        own = kinds(features, self.definition, self.columns_info, self.profile.get("activities", {}))
        return table if own is None else table.assign(segment=pd.Series(own, index=table.index, dtype="str"))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content: that of the folder that `save` writes (names and files in order of name)."""
        sha = hashlib.sha256()
        for name, text in sorted(self._files().items()):
            sha.update(name.encode() + b"\0" + hashlib.sha256(text.encode()).digest())
        return sha.hexdigest()

    def save(self, folder: Path) -> None:
        """Write model.json and one text per booster into `folder`, which may exist."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self._files().items():
            (folder / name).write_bytes(text.encode())

    @classmethod
    def load(cls, folder: Path) -> ChurnModel:
        """The model that `save` wrote.

        Raises:
            ModelError: the folder holds no model, or only a part of one.
        """
        try:
            content = json.loads((folder / "model.json").read_bytes())
            boosters = tuple((folder / name).read_bytes().decode() for name in content["boosters"])
            value = tuple((folder / name).read_bytes().decode() for name in content["value"])
        except FileNotFoundError as error:
            raise ModelError(
                f"{folder}: holds no whole model, {Path(str(error.filename)).name} is missing. Train or restore it."
            ) from None
        return cls(
            definition=content["definition"],
            columns_info=content["columns_info"],
            profile=content["profile"],
            known=Columns.from_json(content["columns"]),
            boosters=Boosters(boosters) if boosters else None,
            linear=Linear.from_json(content["linear"]) if content["linear"] else None,
            logistic_share=content["logistic_share"],
            calibration=Calibration.from_json(content["calibration"]),
            quintiles=Quintiles.from_json(content["quintiles"]),
            value=ValueModel(Boosters(value)) if value else None,
            habit=BgNbdScore.from_json(content["habit"]) if content.get("habit") else None,
            level=Level.from_json(content["level"]) if content.get("level") else None,
            rule=Rule.from_json(content["rule"]) if content.get("rule") else None,
        )

    def _files(self) -> dict[str, str]:
        boosters = _numbered("booster", self.boosters)
        value = _numbered("value", self.value.boosters if self.value else None)
        content = {
            "definition": dict(self.definition),
            "columns_info": self.columns_info,
            "profile": dict(self.profile),
            "columns": self.known.to_json(),
            "boosters": list(boosters),
            "linear": self.linear.to_json() if self.linear else None,
            "logistic_share": self.logistic_share,
            "calibration": self.calibration.to_json(),
            "quintiles": self.quintiles.to_json(),
            "value": list(value),
            "habit": self.habit.to_json() if self.habit else None,
        }
        # Without them the digest stays that of models from before there were levels and rules that score.
        content |= {"level": self.level.to_json()} if self.level else {}
        content |= {"rule": self.rule.to_json()} if self.rule else {}
        text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
        return {"model.json": text, **boosters, **value}


def _numbered(kind: str, boosters: Boosters | None) -> dict[str, str]:
    return {f"{kind}_{place:02d}.txt": text for place, text in enumerate(boosters.texts)} if boosters else {}
