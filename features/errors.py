"""FeatureError: a fault in data or declarations that a user can correct."""

from __future__ import annotations


class FeatureError(ValueError):
    """What, where, what was found, what is allowed, what to do. Shown without a traceback."""
