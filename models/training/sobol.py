"""A scrambled Sobol sequence (Sobol 1967): points that fill a unit cube evenly, the same for the same seed.

Direction numbers are those of Joe and Kuo ("Constructing Sobol sequences with better two-dimensional projections", SIAM
J. Sci. Comput. 30, 2008; table new-joe-kuo-6.21201), points come in the order of the Gray code (Antonov and Saleev
1979), and they are scrambled by a random lower triangular matrix and a digital shift (Matousek 1998). These are the
points of `scipy.stats.qmc.Sobol(columns, seed=seed)`, bit for bit, without scipy.stats.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from models.errors import ModelError

Floats = npt.NDArray[np.floating[Any]]
Bits = npt.NDArray[np.uint32]

BITS = 30
# Of each column after the first: the inner coefficients of its primitive polynomial, as bits, and m1, m2, ...
_JOE_KUO: tuple[tuple[int, tuple[int, ...]], ...] = (
    (0, (1,)),
    (1, (1, 3)),
    (1, (1, 3, 1)),
    (2, (1, 1, 1)),
    (1, (1, 1, 3, 3)),
    (4, (1, 3, 5, 13)),
    (2, (1, 1, 5, 5, 17)),
)
MOST_COLUMNS = len(_JOE_KUO) + 1


def points(count: int, columns: int, *, seed: int) -> Floats:
    """The first points of the scrambled sequence.

    Args:
        count: of points, 0 to 2**30; they balance best where it is a power of two.
        columns: dimensions of the cube, 1 to 8.
        seed: at least 0; the same points on every machine.

    Returns:
        Shape (count, columns), each number at least 0 and below 1.

    Raises:
        ModelError: more points or columns than there are.
    """
    if not (0 <= count <= 1 << BITS and 1 <= columns <= MOST_COLUMNS):
        raise ModelError(
            f"sobol: there are up to {1 << BITS} points in 1 to {MOST_COLUMNS} columns, asked for {count} in {columns}."
        )
    rng = np.random.default_rng(seed)
    shift = rng.integers(2, size=(columns, BITS), dtype=np.uint32) @ (1 << np.arange(BITS, dtype=np.uint32))
    scramble = np.tril(rng.integers(2, size=(columns, BITS, BITS), dtype=np.uint32), -1) + np.eye(BITS, dtype=np.uint32)
    directions = np.stack([_scrambled(_directions(column), scramble[column]) for column in range(columns)])
    found = np.empty((count, columns), dtype=np.uint32)
    at = shift.astype(np.uint32)
    for number in range(count):
        found[number] = at
        at = at ^ directions[:, (~number & (number + 1)).bit_length() - 1]  # the lowest bit that is not set
    return np.asarray(found * 2.0**-BITS, dtype=np.float64)


def _directions(column: int) -> Bits:
    """The direction numbers of one column, highest digit first."""
    if column == 0:
        m = [1] * BITS
    else:
        inner, first = _JOE_KUO[column - 1]
        m, degree = list(first), len(first)
        for place in range(degree, BITS):
            new = m[place - degree] ^ (m[place - degree] << degree)
            for k in range(1, degree):
                new ^= (inner >> (degree - 1 - k) & 1) * (m[place - k] << k)
            m.append(new)
    return np.array([number << (BITS - 1 - place) for place, number in enumerate(m)], dtype=np.uint32)


def _scrambled(directions: Bits, lower: Bits) -> Bits:
    """Each number's digits, highest first, times a lower triangular matrix, modulo 2."""
    places = np.arange(BITS - 1, -1, -1, dtype=np.uint32)
    digits = directions[None, :] >> places[:, None] & 1
    return np.asarray(((lower @ digits % 2) << places[:, None]).sum(axis=0), dtype=np.uint32)
