"""The error of this package: something that a person can mend, said in words."""

from __future__ import annotations


class FeatureError(ValueError):
    """What, where, what was found, what is allowed, what to do. Shown without a traceback."""
