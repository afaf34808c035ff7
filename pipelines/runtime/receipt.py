"""Freshness of outputs: a receipt beside each output records what it was made from, and its digest.

A fingerprint is everything that decides an output: digests of its inputs, the settings that it reads, the digest of
its code. Equal fingerprints, equal bytes. An output is made again unless its receipt holds the present fingerprint and
the output's own digest: an output that was edited by hand is made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.runtime.files import digest_of, read_json, write_json


def fingerprint(inputs: Mapping[str, Any], settings: Mapping[str, Any], code: str) -> dict[str, Any]:
    """What decides an output.

    Args:
        inputs: by name, what changes with the content of each: a digest, a version, a fingerprint.
        settings: the sections that are read, as JSON has them.
        code: the digest of the code (pipelines.runtime.code.digest).
    """
    text = json.dumps(dict(settings), sort_keys=True)
    return {**inputs, "settings": hashlib.sha256(text.encode()).hexdigest(), "code": code}


@dataclass(frozen=True)
class Receipt:
    """The receipt of an output: `file` holds `inputs` (the fingerprint), `sha256` of `output`, and facts about it."""

    file: Path
    output: Path

    def if_fresh(self, made_from: Mapping[str, Any]) -> dict[str, Any] | None:
        """The receipt, where the output is there, unchanged, and was made from this; else None."""
        content = read_receipt(self.file)
        if content.get("inputs") != made_from or not self.output.exists():
            return None
        return content if content.get("sha256") == digest_of(self.output) else None

    def write(self, made_from: Mapping[str, Any], **facts: Any) -> dict[str, Any]:
        """Write and return the receipt of the output as it is now."""
        content = {"inputs": dict(made_from), "sha256": digest_of(self.output), **facts}
        write_json(self.file, content)
        return content


def read_receipt(file: Path) -> dict[str, Any]:
    """What a receipt or a fingerprint holds; empty where there is none, or one that cannot be read."""
    try:
        content = read_json(file)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
