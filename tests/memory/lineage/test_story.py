"""The story of a checkpoint goes back through rows, attempts, verdicts and lessons to the first model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reflexa.memory.lineage.story import Bounds, Story
from reflexa.memory.store import Store
from tests.memory.growing import History


@pytest.fixture
def history(store: Store, tmp_path: Path) -> History:
    return History(store, tmp_path)


def every(story: Story) -> Iterator[Story]:
    yield story
    for origin in story.origins:
        yield from every(origin)


def path_to(story: Story, name: str) -> list[str]:
    """The kinds and ids on the first way to an origin."""
    if story.id == name:
        return [f"{story.kind} {story.id}"]
    for origin in story.origins:
        if found := path_to(origin, name):
            return [f"{story.kind} {story.id}", *found]
    return []


def test_a_checkpoint_is_told_back_to_the_lesson_and_the_first_model(history: History) -> None:
    folder, first = history.folder, history.first
    story = history.store.ancestry.story(str(folder / "t2" / "model"), Bounds(depth=20, limit=10))
    assert path_to(story, "bad") == [
        f"model {folder / 't2' / 'model'}",
        "training t2",
        f"model {folder / 't1' / 'checkpoints' / 'step-4'}",
        "training t1",
        "dataset d1",
        "row d1/1",
        f"attempt {first}/Sums/0/2",
        "reflection bad",
    ]
    assert path_to(story, "base")
    assert not path_to(story, "d9")
    assert sum(each.id == "t1" and not each.again for each in every(story)) == 1


def test_an_attempt_is_told_with_its_verdicts_and_its_policy(history: History) -> None:
    story = history.store.ancestry.story(f"{history.first}/Sums/0/2")
    assert story.facts == ("judge: passed, 1.00 by tests 2", "feedback: passed, 1.00 by tests 2")
    assert [(origin.kind, origin.id) for origin in story.origins] == [("reflection", "bad"), ("model", "base")]


def test_what_is_beyond_the_bounds_is_counted(history: History) -> None:
    story = history.store.ancestry.story("t2", Bounds(depth=1))
    assert [(origin.kind, origin.more) for origin in story.origins] == [("model", 1), ("dataset", 2)]
    assert history.store.ancestry.story("t2", Bounds(depth=0)).more == 2


def test_the_story_says_what_was_retracted(history: History) -> None:
    history.store.ancestry.retract("bad", "it names the answer")
    story = history.store.ancestry.story("t1")
    assert story.retracted == "grew from reflection bad, which is retracted: it names the answer"
    told = {each.id: each.retracted for each in every(story)}
    assert told["bad"] == "retracted: it names the answer"
    assert told["base"] is None


def test_an_improvement_is_told_by_its_rounds(history: History) -> None:
    ledger = {
        "config": {"method": "rest-em", "suite": "sums", "model": "base"},
        "status": "finished",
        "base": 0.25,
        "rounds": [
            {"number": 1, "training": "t1", "held_out": 0.5, "promoted": True},
            {"number": 2, "dataset": "d2", "promoted": False},
        ],
    }
    history.store.record_improvement("i1", 1.0, ledger)
    story = history.store.ancestry.story("i1", Bounds(depth=1))
    assert story.facts == (
        "rest-em on sums, from base, finished",
        "before: 25.0 % held out",
        "round 1: 50.0 % held out, promoted",
        "round 2: not promoted",
    )
    assert [origin.id for origin in story.origins] == ["d2", "t1"]


def test_what_is_not_recorded_here_is_said(history: History) -> None:
    run = history.store.find_run(history.apart)
    attempt = next(iter(history.store.episodes(run.id))).attempts[0]
    odd = attempt.model_copy(update={"index": 5, "recalled": ("gone",)})
    history.store.record_attempt(run.id, "Sums/0", odd)
    story = history.store.ancestry.story(f"{run.id}/Sums/0/6")
    assert story.origins[0].facts == ("not recorded here",)


def test_a_row_is_told_with_the_label_that_ordered_it_and_its_judge(history: History) -> None:
    judge = f"gpt, hf:{history.folder / 't9' / 'model'}"
    label = history.label(history.first, judge, probability=0.25)
    history.pairs("p1", history.first, 1, 0)
    story = history.store.ancestry.story("p1/1", Bounds(depth=20, limit=10))
    assert [(origin.kind, origin.id) for origin in story.origins] == [
        ("label", label),
        ("attempt", f"{history.first}/Sums/0/2"),
        ("attempt", f"{history.first}/Sums/0/1"),
    ]
    told = story.origins[0]
    assert told.facts == (
        "attempt 1 is better than 2 with probability 0.25",
        "100.0 % of judgements the same in both orders",
    )
    assert [origin.id for origin in told.origins] == [
        f"{history.first}/Sums/0/1",
        f"{history.first}/Sums/0/2",
        "gpt",
        str(history.folder / "t9" / "model"),
    ]
    assert path_to(story, "t9")
    history.pairs("p2", history.first, 1, 0, labels=None)  # ordered by verdicts
    assert "label" not in {each.kind for each in every(history.store.ancestry.story("p2/1"))}


def test_a_labels_story_says_that_it_is_retracted(history: History) -> None:
    label = history.label(history.first, f"hf:{history.folder / 't9' / 'model'}")
    history.store.ancestry.retract("t9", "it was taught badly")
    story = history.store.ancestry.story(label)
    assert story.retracted == "grew from training t9, which is retracted: it was taught badly"
