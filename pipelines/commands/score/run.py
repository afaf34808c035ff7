"""`churn score`: every eligible customer of a stream or a feature table scored by a model, without DVC.

The numbers are those of the stage score_customers, to the last bit: the cut, the features, who is a customer, the
model, its kin and the checks are the same functions. The work is done in chunks of customers; finished ones are kept
beside the output, so that whatever ends it, running it again goes on. Where the output is already that of these inputs,
nothing is done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.commands.score.anchor import anchored_to_rows, ids_of
from pipelines.commands.score.checks import judged, require_columns, require_everyone, require_readable, schema_of
from pipelines.commands.score.chunks import Customers, EligibleIds, EveryRow, chunks, customers_by_features
from pipelines.commands.score.models import Champion, champions
from pipelines.commands.score.request import Request
from pipelines.commands.score.resume import Parts, inputs_of
from pipelines.modelling import scoring
from pipelines.modelling.world import require_own_customers
from pipelines.publishing.written import note_written
from pipelines.runtime.errors import ChurnError, NothingToScoreError
from pipelines.runtime.files import read_json
from pipelines.runtime.log import Log
from pipelines.settings import artifacts
from pipelines.settings.params import Settings

if TYPE_CHECKING:
    import pandas as pd


def score(request: Request, settings: Settings, log: Log) -> dict[str, Any]:
    """Score, check, write.

    Args:
        request: what and where.
        settings: of params.yaml; `observations.score.as_of` is the moment.
        log: gets what happens.

    Returns:
        The receipt: `inputs`, `sha256` of the output, `rows`, `definition`, `model_version`.

    Raises:
        NothingToScoreError: nobody is a customer.
        CheckFailedError: a check failed; the output is as it was.
        TryAgainError: another process writes this output, or MLflow does not answer.
        ChurnError: the inputs do not fit together.
    """
    from pipelines.engines.spark_session import missing_requirements

    require_readable(request)
    faults = missing_requirements(settings.engine)
    if faults:
        raise ChurnError(*faults)
    parts = Parts(request.out)
    with parts.locked():
        note_written(request.out)
        found = champions(request.model, request.definition, settings)
        inputs = inputs_of(
            settings, found, every_row=request.every_row, activity=request.activity, features=request.features
        )
        own, day = found[0], settings.observations.score.as_of
        about = {"as_of": day, "definition": own.definition, "model_version": own.model.digest, "out": str(request.out)}
        log("started", f"{own.definition} as of {day}, model {own.model.digest[:12]} ({own.where})", **about)
        known = str(own.model.profile.get("as_of", ""))
        if day <= known:
            log(
                "note", f"The model learned from what followed {known}: these scores of an earlier day do not judge it."
            )
        finished = parts.receipt.if_fresh(inputs)
        if finished is not None:
            log("unchanged", f"{request.out} is that of these inputs: nothing to do.", rows=finished["rows"], **about)
            return finished
        parts.begin(inputs)
        receipt = _Work(request, settings, log, parts, found).whole(inputs)
        log("finished", f"{receipt['rows']:,} customers scored: {request.out}", rows=receipt["rows"], **about)
        return receipt


@dataclass(frozen=True)
class _Work:
    """One run, from the stream to the output."""

    request: Request
    settings: Settings
    log: Log
    parts: Parts
    champions: Sequence[Champion]

    def whole(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """All of it; what is there already is not done again."""
        activity, table = self._tables()
        require_columns(table, self.champions)
        customers = self._customers(activity, schema_of(table).names)
        own = self.champions[0]
        self._anchored(table, customers).make_parts(table, customers)
        scores = self.parts.combined()
        require_everyone(scores["customer_id"], customers[own.definition], table, own.definition)
        report = judged(scores, own, activity, self.settings, self.parts.places.reports)
        for line in report.warnings:
            self.log("note", f"drift: {line}")
        sound = len(report.expectations) - len(report.warnings)
        self.log("checked", f"scores: {sound} checks passed", checks=len(report.expectations))
        facts = {"rows": len(scores), "definition": own.definition, "model_version": own.model.digest}
        return self.parts.finish(scores, inputs, **facts)

    def make_parts(self, table: Path, customers: Mapping[str, Customers]) -> None:
        """The scores of the table in parts, by the engine of params.yaml."""
        make = self._on_spark if self.settings.engine == "spark" else self._in_chunks
        make(table, customers)

    def _tables(self) -> tuple[Path | None, Path]:
        """The folder of the stream, where there is one, and the feature table."""
        from pipelines.commands.score.inputs import build_feature_table, pull_stream

        activity, places = None, self.parts.places
        with self.log.notes():
            if self.request.activity is not None:
                activity = pull_stream(self.request.activity, self.settings, places)
                facts = read_json(activity / artifacts.FACTS)
                text = f"activity: {facts['rows']:,} rows of {facts['customers']:,} customers, checked"
                self.log("activity", text, rows=facts["rows"], customers=facts["customers"])
            if self.request.features is not None:
                return activity, self.request.features
            if activity is None:
                raise NothingToScoreError("Neither activity nor features are given: there is nothing to score.")
            table = build_feature_table(activity, self.settings, places)
        rows = pq.read_metadata(table).num_rows
        self.log("features", f"features: {rows:,} customers, checked", customers=rows)
        return activity, table

    def _customers(self, activity: Path | None, names: Sequence[str]) -> dict[str, Customers]:
        """Who is a customer, by each champion's definition."""
        from pipelines.modelling.eligibility import eligibility_of, eligible_customers, ineligible_lines

        if self.request.every_row:
            return {one.definition: EveryRow() for one in self.champions}
        if activity is None:
            return {one.definition: customers_by_features(one, self.settings, names) for one in self.champions}
        found: dict[str, Customers] = {}
        for place, one in enumerate(self.champions):
            churn, timezone = self.settings.churn[one.definition], self.settings.timezone
            status = eligibility_of(one.definition, churn, activity, as_of=self._day, timezone=timezone)
            require_own_customers(one.definition, one.world, status.index, one.where)
            found[one.definition] = EligibleIds(eligible_customers(status))
            for line in ineligible_lines(status) if place == 0 else ():
                self.log("note", line)
        return found

    def _anchored(self, table: Path, customers: Mapping[str, Customers]) -> _Work:
        """The same work with each model anchored to the moment of everybody eligible by its definition."""
        anchored = [
            replace(one, model=anchored_to_rows(one.model, table, customers[one.definition], self._day))
            for one in self.champions
        ]
        return replace(self, champions=anchored)

    def _in_chunks(self, table: Path, customers: Mapping[str, Customers]) -> None:
        from pipelines.runtime.progress import progress

        size, rows = self.request.chunk_customers, pq.read_metadata(table).num_rows
        ready = self.parts.finished_chunks(size)
        if ready:
            kept = sum(end - begin for begin, end in ready)
            self.log("resumed", f"{kept:,} of {rows:,} rows were scored before; going on", rows=kept, of=rows)
        report = progress("score")
        for chunk in chunks(table, self._columns(customers), self._day, size, set(ready)):
            scores = self._scored(chunk.rows, customers)
            self.parts.save_chunk(chunk.begin, chunk.end, scores)
            report(chunk.end, rows)
            if self.log.as_json:
                self.log("chunk", f"{chunk.end:,} of {rows:,} rows", done=chunk.end, of=rows, scored=len(scores))

    @property
    def _day(self) -> str:
        return self.settings.observations.score.as_of

    def _columns(self, customers: Mapping[str, Customers]) -> list[str]:
        needed = {name for one in self.champions for name in one.model.columns}
        needed |= {column for one in customers.values() if (column := getattr(one, "column", None))}
        return sorted(needed)

    def _scored(self, rows: pa.Table, customers: Mapping[str, Customers]) -> pa.Table:
        """The scores of a chunk, in the contract's columns."""
        own, *kin = self.champions
        mine = rows.filter(customers[own.definition].among(rows))
        numbers = {own.definition: _asked(own, mine)}
        for other in kin:
            numbers[other.definition] = _asked(other, mine.filter(customers[other.definition].among(mine)))
        return self._contract(numbers)

    def _contract(self, numbers: Mapping[str, pd.DataFrame]) -> pa.Table:
        own = self.champions[0]
        if not len(numbers[own.definition]):
            return scoring.SCORES.empty_table()
        scores = scoring.scores_table(own.model, scoring.order_by_horizon(own.definition, self.settings.churn, numbers))
        return pa.Table.from_pandas(scores, schema=scoring.SCORES, preserve_index=False)

    def _on_spark(self, table: Path, customers: Mapping[str, Customers]) -> None:
        """The whole table at once: Spark has its own pieces, and does those again that a lost worker did."""
        from pipelines.engines.spark_scores import predict

        rows = pq.read_metadata(table).num_rows
        if (0, rows) in self.parts.finished_chunks(rows):
            return
        numbers, everybody = {}, None
        for one in self.champions:
            ids = list(ids_of(table, customers[one.definition], self._day))
            wanted = ids if everybody is None else sorted(set(ids) & everybody)
            everybody = set(ids) if everybody is None else everybody
            numbers[one.definition] = predict(one.model, table, wanted, self.settings.spark)
        self.parts.save_chunk(0, rows, self._contract(numbers))


def _asked(champion: Champion, rows: pa.Table) -> pd.DataFrame:
    """What a champion says of rows, without copying their numbers."""
    frame = rows.to_pandas(split_blocks=True)
    return scoring.predict(champion.model, frame)
