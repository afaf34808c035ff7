"""What besides a source's own section decides how its rows are read."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.settings.reading import Reading


@dataclass(frozen=True)
class Context:
    """What besides its own section decides how a source is read: its name, its clock, the far future, money.

    `timezone`: the default one. `currency`: of the project; `rates`: what changes when values are converted otherwise.
    """

    name: str
    timezone: str
    far_future: str
    currency: str = "USD"
    rates: str | None = None

    @classmethod
    def of(cls, name: str, reading: Reading) -> Context:
        """`far_future`: the day from which on a time is a placeholder or a typing error.

        It is the beginning of the next decade but one after the list's, ten to twenty years on: a day that moved with
        every year would make what was read in December unusable in January.
        """
        year = (int(reading.as_of[:4]) // 10 + 2) * 10
        return cls(name, reading.timezone, f"{year}-01-01", reading.currency, reading.rates)
