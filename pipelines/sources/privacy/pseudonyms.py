"""Pseudonyms: keyed hashes of ids, the first 32 hexadecimal digits of HMAC-SHA256 (RFC 2104).

Without the key an id cannot be recovered or guessed from its hash. The key comes from the environment
variable that `privacy.key_variable` names and is written nowhere.
"""

# Queries are put together from our own column names; whatever comes from outside is bound as a parameter.
# ruff: noqa: S608

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Any

from pipelines.runtime.errors import ChurnError
from pipelines.settings.privacy import Privacy

DIGITS = 32
SHORTEST_KEY = 16
_BLOCK = 64  # bytes that SHA-256 works on at once


def key_from_environment(privacy: Privacy) -> bytes | None:
    """The key, or None where the variable is not set.

    Raises:
        ChurnError: the key is too short to protect anything.
    """
    key = os.environ.get(privacy.key_variable, "")
    if key and len(key) < SHORTEST_KEY:
        raise ChurnError(
            f"{privacy.key_variable}: the key has {len(key)} characters. Allowed: at least {SHORTEST_KEY}. "
            f"Make one: {_MAKE}"
        )
    return key.encode() or None


_MAKE = 'python -c "import secrets; print(secrets.token_hex(32))"'


def required_key(privacy: Privacy) -> bytes:
    """The key.

    Raises:
        ChurnError: it is not set, or too short.
    """
    key = key_from_environment(privacy)
    if key is None:
        raise ChurnError(
            f"params.yaml: privacy.pseudonymise: the environment variable {privacy.key_variable} is not set. "
            f"Set it to the key of this project (a new one: {_MAKE}) and keep it safe: another key makes other ids."
        )
    return key


def keyed(key: bytes, text: str) -> str:
    """The keyed hash of a text."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:DIGITS]


def install_macro(con: Any, key: bytes, name: str) -> None:
    """Create the SQL macro `name(text)`, the keyed hash. The key itself is in a temporary table, never in a query."""
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    inner, outer = (bytes(byte ^ mask for byte in block) for mask in (0x36, 0x5C))
    con.execute(f"create or replace temp table {name}_key (inner_pad blob, outer_pad blob)")
    con.execute(f"insert into {name}_key values ($1, $2)", [inner, outer])
    con.execute(
        f"create or replace temp macro {name}(x) as (select left(sha256(outer_pad || unhex(sha256(inner_pad || "
        f"encode(x)))), {DIGITS}) from {name}_key)"
    )


def internal_id(customer: str, privacy: Privacy) -> str:
    """A customer's id inside the pipeline: the pseudonym where these are on and the key is set, else the id itself."""
    if not privacy.pseudonymise:
        return customer
    key = key_from_environment(privacy)
    return keyed(key, customer) if key else customer
