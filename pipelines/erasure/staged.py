"""Files that take others' places together, however often whoever puts them there is killed.

They are made in a folder of their own, which gets the name `ready` when all of them are there; from then on they only
move. What is not ready is thrown away, what is ready can be put in place at any time, and again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines.settings import artifacts


@dataclass(frozen=True)
class Staged:
    """Files for the folder `place`, under their names in it. The stage lies inside, so that moving is a rename."""

    place: Path

    @property
    def root(self) -> Path:
        """The folder of the stage."""
        return self.place / artifacts.FORGETTING

    @property
    def ready(self) -> Path:
        """Where files that are to take their places are."""
        return self.root / "ready"

    def files(self) -> dict[Path, Path]:
        """Name in `place` -> file that is to go there, in order of name."""
        found = sorted(path for path in self.ready.rglob("*") if path.is_file()) if self.ready.is_dir() else []
        return {path.relative_to(self.ready): path for path in found}

    @contextmanager
    def made(self) -> Iterator[Path]:
        """A folder to fill; it is ready when the block ends without an error, if anything is in it."""
        self.discard()
        partial = self.root / "partial"
        partial.mkdir(parents=True, mode=0o700)
        yield partial
        if any(path.is_file() for path in partial.rglob("*")):
            partial.replace(self.ready)
        else:
            self.discard()

    def put_in_place(self) -> None:
        """Move what is ready to where it belongs; of a folder that is gone meanwhile, nowhere."""
        for name, path in self.files().items():
            if (self.place / name).parent.is_dir():
                path.replace(self.place / name)
        self.discard()

    def discard(self) -> None:
        """Throw the stage away."""
        if self.root.is_dir():
            shutil.rmtree(self.root)
