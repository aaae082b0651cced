"""Pairs and rankings: every order that the verdicts give, and no other."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reflexa.export import ExportOptions
from reflexa.export.candidates import Admission
from reflexa.export.comparing import preferences
from reflexa.export.formats import columns
from reflexa.export.made import Making
from reflexa.memory import Store
from reflexa.memory.episodes.gathering import TaskAttempts
from tests.export.support import a_task, a_verdict, an_episode, exported, learnt, record


def said(messages: Any) -> str:
    return str(messages[0]["content"])


def test_a_failure_and_a_later_success_are_a_pair(store: Store, tmp_path: Path) -> None:
    task = a_task()
    record(store, learnt(task))
    _, rows = exported(store, tmp_path, "preferences")
    assert len(rows) == 1
    assert set(rows[0]) == {"prompt", "chosen", "rejected", "margin"}
    assert rows[0]["margin"] == 0.75
    assert (said(rows[0]["chosen"]), said(rows[0]["rejected"])) == ("answer 1", "answer 0")
    assert [message["content"] for message in rows[0]["prompt"]] == [message.content for message in task.prompt]


def test_the_strength_follows_from_the_margin(store: Store, tmp_path: Path) -> None:
    record(store, learnt(a_task()))
    _, rows = exported(store, tmp_path, "preferences", format="reflexa")
    assert rows[0]["strength"] == "significantly better"
    assert [source["attempt"] for source in rows[0]["lineage"]["sources"]] == [1, 0]


def test_attempts_of_different_runs_are_paired(store: Store, tmp_path: Path) -> None:
    task = a_task()
    first = record(store, an_episode(task, a_verdict(0.0)))
    second = record(store, an_episode(task, a_verdict(1.0), prefix="other"))
    _, rows = exported(store, tmp_path, "preferences", format="reflexa")
    assert [source["run"] for source in rows[0]["lineage"]["sources"]] == [second, first]
    assert exported(store, tmp_path, "preferences", runs=(first,))[1] == []


def test_verdicts_of_different_verifiers_are_not_compared(store: Store, tmp_path: Path) -> None:
    task = a_task()
    record(store, an_episode(task, a_verdict(0.0), a_verdict(1.0, version="2")))
    record(store, an_episode(task, a_verdict(1.0), judged=False, prefix="other"))
    assert exported(store, tmp_path, "preferences")[1] == []
    assert exported(store, tmp_path, "rankings")[1] == []


def test_the_same_answer_is_not_held_against_itself(store: Store, tmp_path: Path) -> None:
    task = a_task()
    record(store, an_episode(task, a_verdict(0.0)))
    record(store, an_episode(task, a_verdict(1.0)))
    assert exported(store, tmp_path, "preferences")[1] == []
    assert exported(store, tmp_path, "rankings")[1] == []


def test_a_limit_keeps_what_was_learnt_within_an_episode(store: Store, tmp_path: Path) -> None:
    task = a_task()
    record(store, learnt(task))
    record(store, an_episode(task, a_verdict(0.0), prefix="other"))
    _, rows = exported(store, tmp_path, "preferences", limit_per_task=1)
    assert [(said(row["chosen"]), said(row["rejected"])) for row in rows] == [("answer 1", "answer 0")]


def test_rankings_are_best_first_and_use_each_answer_once(store: Store, tmp_path: Path) -> None:
    scores = (0.5, 1.0, 0.0, 0.5, 1.0, 0.0, 0.0)
    record(store, an_episode(a_task(), *map(a_verdict, scores)))
    _, rows = exported(store, tmp_path, "rankings")
    ranked = [[said(each) for each in row["completions"]] for row in rows]
    assert ranked == [["answer 1", "answer 0", "answer 2"], ["answer 4", "answer 3", "answer 5"]]


verdicts = st.lists(st.tuples(st.sampled_from((0.0, 0.5, 1.0)), st.booleans()), min_size=1, max_size=7)


@settings(max_examples=100, deadline=None)
@given(verdicts)
def test_pairs_are_exactly_those_that_score_and_passing_both_allow(given: list[tuple[float, bool]]) -> None:
    options = ExportOptions(kind="preferences")
    episode = an_episode(a_task(), *(a_verdict(score, passed=passed) for score, passed in given))
    admitted = Admission(options, ()).admit(TaskAttempts(episode.task, (("run", episode),)))
    rows = [
        columns(made, options)
        for made in preferences(Making(options, lambda run, context: None, lambda run, task: ()), admitted)
    ]
    made = {(said(row["chosen"]), said(row["rejected"])) for row in rows}
    expected = set()
    for i, j in combinations(range(len(given)), 2):
        for better, worse in ((i, j), (j, i)):
            (score, passed), (other, also) = given[better], given[worse]
            if score >= other and passed >= also and (score > other or passed > also):
                expected.add((f"answer {better}", f"answer {worse}"))
    assert made == expected
    assert len(rows) == len(made)
