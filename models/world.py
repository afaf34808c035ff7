"""The world of a model: whose customers it learned from, and what counts as one of their orders.

Two are one world where the main activity means the same and at least half of the customers that the model learned from
occur in the other's activity. A model keeps a sketch of its customers: the SAMPLE smallest of their salted hashes, a
simple random sample without an id in it (the bottom-k sketch of Cohen and Kaplan 2007, "Summarizing data using
bottom-k sketches"). Which of the sample occur elsewhere is an unbiased estimate of the share, its standard error at
most .022.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

SAMPLE = 512
LEAST_SHARE = 0.5
LEAST_BELOW = 20  # customers that fall into the sample's range, for a share of theirs to be told
ROLES = ("activity", "starts", "renews", "ends")  # settings of a definition that name an activity
MEANING = ("kind", *ROLES)


@dataclass(frozen=True)
class World:
    """What is kept of a model's world.

    Attributes:
        meaning: the settings of the definition that say what its main activity is, and of which kind leaving is.
        salt: of the hashes.
        customers: how many trained.
        sample: the smallest of their hashes, ascending; 64 bits in hex.
    """

    meaning: Mapping[str, str]
    salt: str
    customers: int
    sample: tuple[str, ...]

    @classmethod
    def of(cls, definition: Mapping[str, Any], customers: Iterable[str], salt: str) -> World:
        """The world of a model.

        Args:
            definition: the entry under `churn`, as the model has it.
            customers: the ids that it learned from, each any number of times.
            salt: any text; the model's digest, so that the same training gives the same sketch.
        """
        hashes = sorted(_hashes(customers, salt))
        return cls(meaning_of(definition), salt, len(hashes), tuple(hashes[:SAMPLE]))

    def share_in(self, customers: Iterable[str]) -> float:
        """The share, 0 to 1, of the customers that trained who are among these; 1 where nobody trained."""
        return self._met(_hashes(customers, self.salt))

    def is_foreign(self, customers: Iterable[str]) -> bool:
        """Whether these are somebody else's customers: few of who trained occur, and they are not a part of them.

        A part of a shop (one country, a file of a thousand) has few of the customers that trained, but most of its own
        are among them. Of a handful nothing can be said: they are not foreign.
        """
        hashes = _hashes(customers, self.salt)
        if not self.sample or self._met(hashes) >= LEAST_SHARE:
            return False
        below = [one for one in hashes if one <= self.sample[-1]]
        return len(below) >= LEAST_BELOW and len(hashes.intersection(self.sample)) < LEAST_SHARE * len(below)

    def _met(self, hashes: set[str]) -> float:
        return len(hashes.intersection(self.sample)) / len(self.sample) if self.sample else 1.0

    def to_json(self) -> dict[str, Any]:
        """As world.json has it."""
        return {**asdict(self), "meaning": dict(self.meaning), "sample": list(self.sample)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> World:
        """The inverse of `to_json`."""
        return cls(dict(content["meaning"]), str(content["salt"]), int(content["customers"]), tuple(content["sample"]))


def meaning_of(definition: Mapping[str, Any]) -> dict[str, str]:
    """The settings of a definition that say what its main activity is, and of which kind leaving is."""
    return {name: str(definition[name]) for name in MEANING if definition.get(name)}


def _hashes(customers: Iterable[str], salt: str) -> set[str]:
    begun = hashlib.sha256(salt.encode() + b"\0")
    found = set()
    for customer in customers:
        one = begun.copy()
        one.update(customer.encode())
        found.add(one.hexdigest()[:16])
    return found
