"""Yes and no, as people and systems write them, in small letters. Whoever reads a table adds what its writers use."""

from __future__ import annotations

YES = ("yes", "y", "true", "1")
NO = ("no", "n", "false", "0")
