"""The standard normal distribution without scipy.stats, whose import costs a second of processor time.

The two functions are scipy.special's `ndtr` and `ndtri`, which `scipy.stats.norm` calls too: the same bits. They are
imported when they are called, since most who import this module never call them.
"""

from __future__ import annotations


def cdf(z: float) -> float:
    """Probability (0..1) of a value of at most `z`."""
    from scipy.special import ndtr

    return float(ndtr(z))


def isf(probability: float) -> float:
    """The value that is exceeded with this probability, 0..1; infinite at 0 and 1, not a number outside."""
    from scipy.special import ndtri

    return -float(ndtri(probability))
