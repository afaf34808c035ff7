"""ModelError: a fault in data or settings that a user can correct."""

from __future__ import annotations


class ModelError(ValueError):
    """What, where, what was found, what is allowed, what to do. Shown without a traceback."""
