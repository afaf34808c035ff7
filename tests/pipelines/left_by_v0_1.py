"""The project that version 0.1 left, unpacked (tests/fixtures/v0_1)."""

from __future__ import annotations

import tarfile
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "fixtures/v0_1/project.tar.gz"


def unpack(folder: Path, below: str = "") -> None:
    """Unpack what lies below a path of the project into a folder.

    Python has filters from 3.11.4 on, and from 3.12 on it wants one; 3.11.2 is what Debian 12 brings.
    """
    with tarfile.open(PROJECT) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(folder, members=[one for one in archive.getmembers() if one.name.startswith(below)])
