"""The unfinished work of one `churn score`, beside its output, so that whoever runs it again goes on where it ended.

    OUT.parts/inputs.json            what it is made from; the parts of other inputs are deleted
             /activity/score, /features/score   of a stream: its cut and its features
             /validation             reports of the checks; kept where one failed
             /scores/BEGIN-END.parquet   finished chunks, named by their rows of the feature table

Beside a finished output stands OUT.json: what it was made from and its digest. It is what makes running again do
nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.commands.plan import Places, code_of
from pipelines.commands.score.inputs import steps
from pipelines.commands.score.models import Champion
from pipelines.modelling.scoring import SCORES
from pipelines.runtime.files import digest_of, read_json, write_json, write_parquet
from pipelines.runtime.receipt import Receipt, fingerprint, read_receipt
from pipelines.runtime.run_lock import hold_lock
from pipelines.settings.params import Settings

FORM = 2  # of what lies here; another number is other inputs
SECTIONS = ("timezone", "churn", "features", "checks", "customers", "identities", "privacy")


@dataclass(frozen=True)
class Parts:
    """Where the work on `out` is kept."""

    out: Path

    @property
    def folder(self) -> Path:
        """Beside the output."""
        return self.out.with_name(f"{self.out.name}.parts")

    @property
    def places(self) -> Places:
        """Where the steps of the plan write."""
        return Places(self.folder, landing=None)

    @property
    def receipt(self) -> Receipt:
        """What the finished output was made from."""
        return Receipt(self.out.with_name(f"{self.out.name}.json"), self.out)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the output's lock. Raises TryAgainError where another process works on it."""
        busy = f"{self.out}: another `churn score` is writing it. Wait until it has ended; nothing was started."
        with hold_lock(self.out.with_name(f".{self.out.name}.lock"), busy):
            yield

    def begin(self, inputs: dict[str, Any]) -> None:
        """Keep what belongs to these inputs, delete what does not."""
        noted = self.folder / "inputs.json"
        if self.folder.is_dir() and read_receipt(noted) != inputs:
            shutil.rmtree(self.folder)
        if not noted.is_file():
            write_json(noted, inputs)

    def finished_chunks(self, size: int) -> dict[tuple[int, int], Path]:
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

    def save_chunk(self, begin: int, end: int, scores: pa.Table) -> None:
        """A finished chunk."""
        write_parquet(self.folder / "scores" / f"{begin:012d}-{end:012d}.parquet", scores)

    def combined(self) -> pa.Table:
        """All chunks, sorted by customer."""
        paths = sorted((self.folder / "scores").glob("*-*.parquet"))
        table = pa.concat_tables([pq.read_table(path, schema=SCORES) for path in paths]) if paths else _nothing()
        ids = table["customer_id"]
        if len(ids) > 1 and not _rising(ids):
            table = table.sort_by("customer_id")
        return table.combine_chunks()

    def finish(self, scores: pa.Table, inputs: dict[str, Any], **facts: Any) -> dict[str, Any]:
        """Write the output and its receipt, and clear up."""
        write_parquet(self.out, scores)
        receipt = self.receipt.write(inputs, **facts)
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
    sections = settings.model_dump(mode="json", include=set(SECTIONS))
    observations = settings.observations
    sections |= {"seen_within_days": observations.seen_within_days, "main_activity": settings.main_activity}
    streamed = places.get("activity") is not None
    inputs = {
        "form": FORM,
        "as_of": observations.score.as_of,
        "definition": champions[0].definition,
        "models": {one.definition: one.model.digest for one in champions},
        "who": _customers_of(settings) if streamed else None,
        "every_row": every_row,
        **{name: digest_of(path) if path is not None else None for name, path in places.items()},
    }
    of_stream = steps(Places()) if streamed else ()
    return fingerprint(inputs, sections, code_of(of_stream, "pipelines.commands.score.run"))


def _customers_of(settings: Settings) -> dict[str, Any]:
    """What decides who a row of a stream is about, and what is known of them."""
    from pipelines.sources.identity.settle import fingerprint_of_privacy
    from pipelines.sources.readers.customers import customer_versions

    privacy = fingerprint_of_privacy(settings.identities, settings.privacy)
    return {"customers": customer_versions(settings.customers), **privacy}
