"""The unfinished work of one `churn score`, beside its output, so that whoever runs it again goes on where it ended.

    OUT.parts/inputs.json            what it is made from; the parts of other inputs are deleted
             /activity, /features    of a stream: its cut and its features
             /validation             reports of the checks; kept where one failed
             /scores/BEGIN-END.parquet   finished chunks, named by their rows of the feature table

Beside a finished output stands OUT.json: what it was made from and its digest. It is what makes running again do
nothing.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from pipelines.commands.score.models import Champion
from pipelines.modelling.scoring import SCORES
from pipelines.runtime import code
from pipelines.runtime.errors import TryAgainError
from pipelines.runtime.files import digest_of, read_json, write_json, write_parquet
from pipelines.settings.params import Settings

FORM = 1  # of what lies here; another number is other inputs
DECIDE = ("timezone", "churn", "features", "checks", "customers", "identities", "privacy")


@dataclass(frozen=True)
class Parts:
    """Where the work on `out` is kept."""

    out: Path

    @property
    def folder(self) -> Path:
        """Beside the output."""
        return self.out.with_name(f"{self.out.name}.parts")

    @property
    def receipt(self) -> Path:
        """What the finished output was made from."""
        return self.out.with_name(f"{self.out.name}.json")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the output's lock. Raises TryAgainError where another process works on it."""
        self.out.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.out.with_name(f".{self.out.name}.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise TryAgainError(
                f"{self.out}: another `churn score` is writing it. Wait until it has ended; nothing was started."
            ) from None
        try:
            yield
        finally:
            lock.release()

    def finished(self, inputs: dict[str, Any]) -> dict[str, Any] | None:
        """The receipt, where the output is whole and was made from these inputs."""
        if not (self.out.is_file() and self.receipt.is_file()):
            return None
        receipt: dict[str, Any] = read_json(self.receipt)
        same = receipt["inputs"] == inputs and receipt["sha256"] == digest_of(self.out)
        return receipt if same else None

    def begin(self, inputs: dict[str, Any]) -> None:
        """Keep what belongs to these inputs, delete what does not."""
        noted = self.folder / "inputs.json"
        if self.folder.is_dir() and not (noted.is_file() and read_json(noted) == inputs):
            shutil.rmtree(self.folder)
        if not noted.is_file():
            write_json(noted, inputs)

    def done(self, size: int) -> dict[tuple[int, int], Path]:
        """The finished chunks by their rows; those of another size are deleted."""
        noted = self.folder / "scores" / "size.json"
        if noted.parent.is_dir() and not (noted.is_file() and read_json(noted) == size):
            shutil.rmtree(noted.parent)
        if not noted.is_file():
            write_json(noted, size)
        found = {}
        for path in noted.parent.glob("*-*.parquet"):
            begin, _, end = path.stem.partition("-")
            if begin.isdigit() and end.isdigit():
                found[int(begin), int(end)] = path
        return found

    def keep(self, begin: int, end: int, scores: pa.Table) -> None:
        """A finished chunk."""
        write_parquet(self.folder / "scores" / f"{begin:012d}-{end:012d}.parquet", scores)

    def together(self) -> pa.Table:
        """All chunks, sorted by customer."""
        paths = sorted((self.folder / "scores").glob("*-*.parquet"))
        table = pa.concat_tables([pq.read_table(path, schema=SCORES) for path in paths]) if paths else _nothing()
        ids = table["customer_id"]
        if len(ids) > 1 and not _rising(ids):
            table = table.sort_by("customer_id")
        return table.combine_chunks()

    def end(self, scores: pa.Table, inputs: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
        """Write the output and its receipt, and clear up."""
        write_parquet(self.out, scores)
        receipt = {"inputs": inputs, "sha256": digest_of(self.out), **told}
        write_json(self.receipt, receipt)
        shutil.rmtree(self.folder)
        return receipt


def _nothing() -> pa.Table:
    return SCORES.empty_table()


def _rising(ids: pa.ChunkedArray) -> bool:
    import pyarrow.compute as pc

    return bool(pc.all(pc.less_equal(ids.slice(0, len(ids) - 1), ids.slice(1))).as_py())


def inputs_of(
    settings: Settings, champions: Sequence[Champion], *, every_row: bool, **places: Path | None
) -> dict[str, Any]:
    """Everything that decides the scores, as digests: the same inputs, the same bytes.

    Args:
        settings: of params.yaml, for the day that is asked for.
        champions: the model and its kin.
        every_row: whether every row counts as a customer.
        places: files and folders that are read, by name.
    """
    from pipelines.sources.identity.settle import fingerprint_of_privacy
    from pipelines.sources.readers.customers import customer_versions

    chosen = settings.model_dump(mode="json", include=set(DECIDE))
    observations = settings.observations
    chosen |= {"seen_within_days": observations.seen_within_days, "main_activity": settings.main_activity}
    streamed = places.get("activity") is not None
    privacy = fingerprint_of_privacy(settings.identities, settings.privacy)
    who = {"customers": customer_versions(settings.customers), **privacy}
    return {
        "form": FORM,
        "as_of": observations.score.as_of,
        "definition": champions[0].definition,
        "models": {one.definition: one.model.digest for one in champions},
        "settings": hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest(),
        "who": who if streamed else None,
        "every_row": every_row,
        "code": code.digest("pipelines.commands.score.run"),
        **{name: digest_of(path) if path is not None else None for name, path in places.items()},
    }
