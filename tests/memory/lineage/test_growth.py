"""What grew from a reflection, an attempt, a run, a data set or a training: all of it, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.memory.lineage.nodes import Node
from reflexa.memory.store import Store
from tests.memory.growing import History


@pytest.fixture
def history(store: Store, tmp_path: Path) -> History:
    return History(store, tmp_path)


def test_all_that_grew_from_a_reflection_is_found_the_nearest_first(history: History) -> None:
    assert history.store.ancestry.grown("bad") == [
        Node("attempt", f"{history.first}/Sums/0/2"),
        Node("dataset", "d1"),
        Node("training", "t1"),
        Node("training", "t2"),
        Node("run", history.second),
        Node("reflection", "later"),
        Node("dataset", "d2"),
        Node("attempt", f"{history.second}/Sums/0/2"),
    ]


def test_what_has_other_roots_stays_out(history: History) -> None:
    grown = history.store.ancestry.grown
    assert grown("other") == [
        Node("attempt", f"{history.apart}/Sums/0/2"),
        Node("dataset", "d9"),
        Node("training", "t9"),
    ]
    assert grown(f"{history.first}/Sums/0/1")[0] == Node("reflection", "bad")
    assert {node.id for node in grown("d2")} == {"t2"}
    assert grown("t9") == []


def test_a_checkpoint_folder_stands_for_its_training(history: History) -> None:
    grown = history.store.ancestry.grown
    assert grown(str(history.folder / "t1" / "checkpoints" / "step-4")) == grown("t1")


def test_a_replay_grows_from_the_run_that_it_repeats(history: History) -> None:
    config = history.store.find_run(history.apart).config.model_copy(update={"model": f"replay:{history.apart}"})
    replay = history.store.create_run(config).id
    assert Node("run", replay) in history.store.ancestry.grown(history.apart)


def test_a_judge_that_was_trained_on_bad_rows_spoils_what_it_judged(history: History) -> None:
    judge = f"reward:{history.folder / 't9' / 'model'}"
    config = history.store.find_run(history.apart).config.model_copy(update={"judge": judge})
    judged = history.store.create_run(config).id
    assert history.store.ancestry.grown("d9") == [Node("training", "t9"), Node("run", judged)]


def test_labels_of_an_attempt_grow_from_it_and_from_its_run(history: History) -> None:
    label, grown = history.label(history.first), history.store.ancestry.grown
    assert Node("label", label) in grown(f"{history.first}/Sums/0/1")
    assert Node("label", label) in grown(f"{history.first}/Sums/0/2")
    assert Node("label", label) in grown("bad")
    assert Node("label", label) in grown(history.first)
    assert Node("label", label) not in grown(history.apart)


def test_what_a_retracted_judge_said_grows_from_it_with_the_data_sets_that_it_ordered(history: History) -> None:
    judge = f"gpt, hf:{history.folder / 't9' / 'model'}"
    spoiled, sound = history.label(history.first, judge), history.label(history.first, "gpt", by="pairwise:other")
    ordered = history.pairs("p1", history.first, 0, 1)
    by_name = history.pairs("p2", history.first, 0, 1, labels="pairwise:x")
    history.pairs("p3", history.first, 0, 1, labels="pairwise:other")
    history.pairs("p4", history.first, 0, 1, labels=None)
    history.pairs("p5", history.first, 1, 0)  # the other way round: another label's doing
    grown = history.store.ancestry.grown("t9")
    assert grown == [Node("label", spoiled), Node("dataset", ordered), Node("dataset", by_name)]
    assert history.store.ancestry.grown(sound) == [Node("dataset", "p1"), Node("dataset", "p3")]


def test_a_label_that_put_the_second_answer_first_made_the_row_that_begins_with_it(history: History) -> None:
    label = history.label(history.first, probability=0.1)
    history.pairs("p1", history.first, 0, 1)
    history.pairs("p2", history.first, 1, 0)
    assert history.store.ancestry.grown(label) == [Node("dataset", "p2")]
    undecided = history.label(history.second, probability=0.5)
    history.pairs("p3", history.second, 0, 1)
    assert history.store.ancestry.grown(undecided) == []
