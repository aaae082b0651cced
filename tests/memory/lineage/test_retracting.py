"""Retracting marks all that grew, again when more has grown, and can be taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.errors import UsageError
from reflexa.memory.lineage.datasets import AttemptKey
from reflexa.memory.lineage.nodes import Node
from reflexa.memory.store import Store
from tests.memory.growing import History
from tests.memory.support import a_task


@pytest.fixture
def history(store: Store, tmp_path: Path) -> History:
    return History(store, tmp_path)


def test_what_is_retracted_is_marked_with_all_that_grew_from_it(history: History) -> None:
    ancestry = history.store.ancestry
    grown = ancestry.retract("bad", "it names the answer")
    marks = ancestry.retracted([Node("reflection", "bad"), *grown, Node("dataset", "d9"), Node("run", history.first)])
    assert set(marks) == {Node("reflection", "bad"), *grown}
    assert marks[Node("reflection", "bad")].words == "retracted: it names the answer"
    assert marks[Node("training", "t2")].words == "grew from reflection bad, which is retracted: it names the answer"
    assert [(root.kind, root.ref) for root in ancestry.roots()] == [("reflection", "bad")]


def test_attempts_are_marked_by_themselves_or_with_their_run(history: History) -> None:
    ancestry = history.store.ancestry
    ancestry.retract("bad")
    of_first = [AttemptKey(history.first, "Sums/0", index) for index in (0, 1)]
    of_second = [AttemptKey(history.second, "Sums/0", index) for index in (0, 1)]
    assert ancestry.retracted_attempts([*of_first, *of_second]) == {of_first[1], *of_second}
    assert ancestry.retracted_attempts([]) == set()


def test_doing_it_twice_changes_nothing_and_taking_it_back_leaves_nothing(history: History) -> None:
    ancestry = history.store.ancestry
    assert ancestry.retract("bad") == ancestry.retract("bad")
    marked = 1 + len(ancestry.grown("bad"))
    assert ancestry.restore("bad") == marked
    assert ancestry.roots() == []
    assert ancestry.retracted([Node("training", "t1")]) == {}
    with pytest.raises(UsageError, match="reflection bad was not retracted itself"):
        ancestry.restore("bad")


def test_what_two_roots_spoiled_stays_so_until_both_are_taken_back(history: History) -> None:
    ancestry = history.store.ancestry
    ancestry.retract("bad")
    ancestry.retract("d1")
    ancestry.restore("bad")
    mark = ancestry.retracted([Node("training", "t1")])[Node("training", "t1")]
    assert mark.words == "grew from data set d1, which is retracted"


def test_what_grows_afterwards_is_marked_when_it_is_asked_for(history: History) -> None:
    ancestry = history.store.ancestry
    ancestry.retract("d1")
    config = history.store.find_run(history.apart).config.model_copy(update={"model": str(history.folder / "t1/model")})
    late = Node("run", history.store.create_run(config).id)
    assert late not in ancestry.retracted([late])
    ancestry.renew()
    assert late in ancestry.retracted([late])


def test_a_model_is_retracted_with_the_training_that_made_it(history: History) -> None:
    ancestry = history.store.ancestry
    ancestry.retract("bad", "poison")
    found = ancestry.retracted_model(str(history.folder / "t2" / "model"))
    assert found is not None
    assert found.words == "grew from reflection bad, which is retracted: poison"
    assert ancestry.retracted_model("base") is None
    assert ancestry.retracted_model(str(history.folder / "t9" / "model")) is None


def test_a_retracted_reflection_is_recalled_no_more(history: History) -> None:
    recalled = {reflection.id for reflection in history.store.recall(a_task(), 9)}
    assert recalled == {"bad", "later", "other"}
    history.store.ancestry.retract("bad")
    assert {reflection.id for reflection in history.store.recall(a_task(), 9)} == {"other"}
    assert len(history.store.reflections()) == 3  # nothing is deleted


def test_rows_and_improvements_are_not_retracted_but_what_made_them(history: History) -> None:
    with pytest.raises(UsageError, match="a row cannot be retracted: name what went wrong"):
        history.store.ancestry.retract("d1/1")


def test_labels_are_marked_by_themselves_with_their_attempts_or_with_their_run(history: History) -> None:
    ancestry = history.store.ancestry
    own = history.label(history.first)
    history.label(history.second)
    history.label(history.apart)
    labels = [
        label for run in (history.first, history.second, history.apart) for label in history.store.comparisons(run)
    ]
    assert ancestry.retracted_labels(labels) == set()
    assert ancestry.retracted_labels([]) == set()
    ancestry.retract(own, "the judge was asked the wrong thing")
    assert ancestry.retracted_labels(labels) == {labels[0]}
    ancestry.restore(own)
    ancestry.retract(f"{history.apart}/Sums/0/2")
    assert ancestry.retracted_labels(labels) == {labels[2]}
    ancestry.restore(f"{history.apart}/Sums/0/2")
    ancestry.retract("t1")  # whose model ran the second
    assert ancestry.retracted_labels(labels) == {labels[1]}


def test_a_label_that_is_made_after_its_judge_was_retracted_is_marked_when_marks_are_renewed(history: History) -> None:
    ancestry = history.store.ancestry
    ancestry.retract("t9")
    history.label(history.first, f"hf:{history.folder / 't9' / 'model'}")
    labels = history.store.comparisons(history.first)
    ancestry.renew()
    assert ancestry.retracted_labels(labels) == set(labels)
