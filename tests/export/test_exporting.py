"""The whole way: the same bytes for the same question, lineage beside the rows and in the database."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from reflexa.errors import UsageError
from reflexa.export import DatasetCard, ExportOptions, export_rows
from reflexa.memory import Store
from reflexa.memory.episodes.gathering import TaskAttempts
from reflexa.memory.lineage.datasets import AttemptKey
from reflexa.rows import Lineage
from tests.cli.support import ROOT
from tests.export.support import a_task, a_verdict, an_episode, exported, learnt, lines, record


def filled(store: Store) -> str:
    return record(store, *(learnt(a_task(f"Squares/{number}")) for number in (10, 2, 1)))


def test_the_same_question_gives_the_same_bytes(store: Store, tmp_path: Path) -> None:
    filled(store)
    first, _ = exported(store, tmp_path, "preferences", format="reflexa")
    before = {path.name: path.read_bytes() for path in tmp_path.glob("preferences*")}
    second, _ = exported(store, tmp_path, "preferences", format="reflexa")
    assert {path.name: path.read_bytes() for path in tmp_path.glob("preferences*")} == before
    assert first == second
    assert [known.id for known in store.list_datasets()] == [first.id]


def test_the_hash_is_the_files(store: Store, tmp_path: Path) -> None:
    filled(store)
    card, _ = exported(store, tmp_path, "sft")
    assert card.hash == hashlib.sha256((tmp_path / "sft.jsonl").read_bytes()).hexdigest()
    assert DatasetCard.model_validate_json((tmp_path / "sft.card.json").read_bytes()) == card


def test_the_lineage_beside_the_rows_is_that_within_them(store: Store, tmp_path: Path) -> None:
    run = filled(store)
    _, rows = exported(store, tmp_path, "preferences", format="reflexa")
    beside = [Lineage.model_validate(value) for value in lines(tmp_path / "preferences.lineage.jsonl")]
    assert beside == [Lineage.model_validate(row["lineage"]) for row in rows]
    source = beside[0].sources[0]
    assert (source.run, source.attempt, source.score, source.verifier) == (run, 1, 1.0, "hidden-tests")
    assert (source.role, source.policy, beside[0].split) == ("judge", "scripted:x", "train")
    assert beside[0].reflections == ("Squares/1-r0",)


def test_the_database_walks_from_row_to_attempt_and_back(store: Store, tmp_path: Path) -> None:
    run = filled(store)
    card, rows = exported(store, tmp_path, "preferences", format="reflexa")
    assert store.find_dataset(card.id).hash == card.hash
    assert store.find_dataset(card.id).path == "preferences.jsonl"
    for number, row in enumerate(rows):
        task = row["lineage"]["sources"][0]["task"]
        keys = [AttemptKey(run, task, 1), AttemptKey(run, task, 0)]
        assert store.sources_of_row(card.id, number) == keys
        assert [store.rows_from_attempt(key) for key in keys] == [[(card.id, number)]] * 2


def test_runs_suites_and_splits_choose(store: Store, tmp_path: Path) -> None:
    first = record(store, learnt(a_task("a")))
    record(store, learnt(a_task("b", suite="other")), learnt(a_task("c", split="validation", suite="other")))
    assert exported(store, tmp_path, "sft")[0].tasks == 2
    assert exported(store, tmp_path, "sft", runs=(first,))[0].tasks == 1
    assert exported(store, tmp_path, "sft", suite="other")[0].tasks == 1
    assert exported(store, tmp_path, "sft", split="validation")[0].tasks == 1
    assert exported(store, tmp_path, "sft", suite="none")[1] == []


def test_a_test_split_is_refused(store: Store, tmp_path: Path) -> None:
    record(store, learnt(a_task(split="test")))
    with pytest.raises(UsageError, match="--allow test-split"):
        exported(store, tmp_path, "sft", split="test")
    assert not list(tmp_path.glob("sft*"))
    assert exported(store, tmp_path, "sft")[0].attempts == 0
    assert exported(store, tmp_path, "sft", split="test", allow=("test-split",))[0].rows == 1


def test_unfinished_episodes_give_no_rows(store: Store, tmp_path: Path) -> None:
    run = filled(store)
    task, episode = a_task("late"), an_episode(a_task("late"), a_verdict(1.0))
    store.begin_episode(run, task)
    store.record_attempt(run, task.id, episode.tries[0].attempt)
    store.record_verdict(run, task.id, 0, "judge", a_verdict(1.0))
    assert exported(store, tmp_path, "sft")[0].tasks == 3


def test_every_task_is_watched(store: Store, tmp_path: Path) -> None:
    filled(store)
    seen: list[tuple[int, str]] = []

    def watch(items: Iterable[TaskAttempts], total: int) -> Iterator[TaskAttempts]:
        for each in items:
            seen.append((total, each.task.id))
            yield each

    export_rows(store, ExportOptions(kind="sft"), tmp_path / "a.jsonl", watch=watch)
    assert seen == [(3, "Squares/1"), (3, "Squares/10"), (3, "Squares/2")]


def test_importing_the_package_loads_neither_sqlalchemy_nor_pyarrow() -> None:
    code = "import sys, reflexa.export; print([n for n in ('sqlalchemy', 'pyarrow', 'datasketch') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_what_was_retracted_is_not_written_unless_it_is_allowed_by_name(store: Store, tmp_path: Path) -> None:
    filled(store)
    before, _ = exported(store, tmp_path, "sft")
    store.ancestry.retract("Squares/1-r0", "it gives the answer away")
    after, _ = exported(store, tmp_path, "sft")
    assert after.attempts_dropped["retracted"] == 1
    assert (before.rows, after.rows) == (3, 2)
    allowed, _ = exported(store, tmp_path, "sft", allow=("retracted",))
    assert allowed.rows == before.rows
    store.ancestry.restore("Squares/1-r0")
    assert exported(store, tmp_path, "sft")[0] == before


def test_nothing_is_written_of_a_run_that_was_retracted(store: Store, tmp_path: Path) -> None:
    run = filled(store)
    store.ancestry.retract(run)
    card, rows = exported(store, tmp_path, "sft")
    assert rows == []
    assert card.attempts_dropped == {"retracted": card.attempts}
