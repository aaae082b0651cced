"""Episodes to training rows, in one call and in bounded memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from reflexa.export.candidates import Admission
from reflexa.export.card import DatasetCard, HeldOutSummary, Tally, by_count, dataset_id
from reflexa.export.comparing import preferences, rankings
from reflexa.export.contamination import HeldOut
from reflexa.export.files import JsonLines, Names, Output, RowWriter
from reflexa.export.formats import columns, line
from reflexa.export.hindsight import hindsight
from reflexa.export.labelled import labelled
from reflexa.export.made import Made, Maker, Making
from reflexa.export.making import reflections, sft, unpaired
from reflexa.export.options import ExportOptions, Kind, check_options
from reflexa.export.sieve import Sieve
from reflexa.export.stepping import steps
from reflexa.rows import Comparison, DatasetRecord
from reflexa.types import Task

if TYPE_CHECKING:
    from reflexa.memory import Store
    from reflexa.memory.episodes.gathering import TaskAttempts

MAKERS: dict[Kind, Maker] = {
    "sft": sft,
    "reflections": reflections,
    "hindsight": hindsight,
    "preferences": preferences,
    "unpaired": unpaired,
    "steps": steps,
    "rankings": rankings,
}

SAMPLE = 1000
"""Tasks from which the templates of the exported suites are learnt."""
Watch = Callable[[Iterable["TaskAttempts"], int], Iterable["TaskAttempts"]]
"""Passes on what it is given, and how many there will be: a progress bar, say."""


@dataclass(frozen=True)
class Measuring:
    """Tasks that are kept for measuring, beside those of test splits that the database has met.

    ``unread`` names suites whose test split could not be read.
    """

    tasks: tuple[Task, ...] = ()
    unread: tuple[str, ...] = ()


def _unwatched(items: Iterable[TaskAttempts], total: int) -> Iterable[TaskAttempts]:
    return items


def export_rows(
    store: Store,
    options: ExportOptions,
    path: Path,
    *,
    measuring: Measuring | None = None,
    watch: Watch = _unwatched,
) -> DatasetCard:
    """Writes the rows to ``path`` (``.jsonl`` or ``.parquet``), their lineage and the card beside it, and records it.

    The same database and options give the same bytes. What exists under these names is replaced, once all is there.
    Raises ``UsageError`` for options that contradict themselves or ask for a test split that is not allowed.
    """
    check_options(options)
    names = Names.of(path)
    measuring = measuring or Measuring()
    export = _Export(store, options, measuring)
    with Output(names) as output:
        tally = export.write(output, watch)
        card = export.card(tally, path.name)
        with output.open(names.card) as file:
            file.write(card.model_dump_json(indent=2).encode() + b"\n")
        output.seal()
        store.record_dataset(_record(card), output.lineages())
        output.finish()
    return card


class _Export:
    """One export under way."""

    def __init__(self, store: Store, options: ExportOptions, measuring: Measuring) -> None:
        self._store, self._options, self._measuring = store, options, measuring
        oracle = {run.id for run in store.run_marks() if run.oracle}
        store.ancestry.renew()
        self._admission = Admission(options, oracle, store.ancestry.retracted_attempts)
        self._sieve = Sieve(options)
        self._maker = MAKERS[options.kind] if options.labels is None else labelled
        self._making = Making(options, store.call, store.comparisons, self._sieve.dropped, self._bad_labels)
        self._held_out = self._read_held_out()

    def write(self, output: Output, watch: Watch) -> Tally:
        """Writes rows and lineages, a task at a time."""
        rows = self._writer(output)
        lineages = output.open(output.names.lineage)
        tally = Tally()
        for made in self._rows(watch):
            row = columns(made, self._options)
            text = line(row)
            rows.write(row, text)
            lineages.write(made.lineage.model_dump_json().encode() + b"\n")
            tally.add(text, made.lineage)
        rows.close()
        return tally

    def card(self, tally: Tally, file: str) -> DatasetCard:
        return DatasetCard(
            id=dataset_id(self._options, tally.hash),
            file=file,
            hash=tally.hash,
            rows=tally.rows,
            tasks=self._tasks,
            attempts=self._admission.read,
            attempts_dropped=by_count(self._admission.dropped),
            rows_dropped=by_count(self._sieve.dropped),
            verdicts=by_count(tally.verdicts),
            verifiers=by_count(tally.verifiers),
            policies=by_count(tally.policies),
            held_out=HeldOutSummary(
                prompts=0 if self._held_out is None else self._held_out.n, unread=self._measuring.unread
            ),
            options=self._options,
        )

    def _rows(self, watch: Watch) -> Iterator[Made]:
        from reflexa.memory.episodes.gathering import Selection

        options = self._options
        selection = Selection(runs=options.runs, suite=options.suite, split=options.split)
        self._tasks = self._store.count_tasks(selection)
        for gathered in watch(self._store.gather(selection), self._tasks):
            duplicate = None if self._held_out is None else self._held_out.resembles(gathered.task)
            if duplicate is not None:
                self._admission.refuse(gathered, duplicate)
                continue
            made = self._maker(self._making, self._admission.admit(gathered))
            yield from self._sieve.rows(made)

    def _bad_labels(self, labels: Sequence[Comparison]) -> Collection[Comparison]:
        return () if "retracted" in self._options.allow else self._store.ancestry.retracted_labels(labels)

    def _read_held_out(self) -> HeldOut | None:
        """What no row may resemble; None where that is allowed, and where test tasks themselves are exported."""
        if "contamination" in self._options.allow or self._options.of_a_test_split:
            return None
        recorded = self._store.tasks("test")
        others = islice(self._store.tasks(self._options.split), SAMPLE)
        return HeldOut(chain(self._measuring.tasks, recorded), others)

    def _writer(self, output: Output) -> RowWriter:
        file = output.open(output.names.rows)
        if output.names.rows.suffix == ".jsonl":
            return JsonLines(file)
        from reflexa.export.parquet import Parquet

        return Parquet(file, self._options)


def _record(card: DatasetCard) -> DatasetRecord:
    counts = {"tasks": card.tasks, "attempts": card.attempts}
    counts |= {f"attempts dropped: {reason}": n for reason, n in card.attempts_dropped.items()}
    counts |= {f"rows dropped: {reason}": n for reason, n in card.rows_dropped.items()}
    return DatasetRecord(
        id=card.id,
        kind=card.options.kind,
        format=card.options.format,
        hash=card.hash,
        rows=card.rows,
        config=card.options.model_dump(mode="json"),
        counts=counts,
        path=card.file,
        created=time.time(),
    )
