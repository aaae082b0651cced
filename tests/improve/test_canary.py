"""The canary: where proxy and judge part ways more often than before, and that it says why where there is none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflexa.agent import BenchOptions
from reflexa.improve import Suites
from reflexa.improve.canary import watch
from reflexa.tasks import load_suite
from reflexa.types import Attempt, Episode, Graded, Message, Task, Verdict
from tests.cli.support import own_suite
from tests.improve.scripts import Play

FOOLED, RIGHT, WRONG = (True, False), (True, True), (False, False)
"""What the proxy and what the judge say."""


def episodes(*said: tuple[bool, bool], proxy: str | None = "visible", judge: str = "hidden") -> list[Episode]:
    return [
        Episode(
            task=Task(id=f"t{number}", prompt=(Message(role="user", content="?"),)),
            strategy="none",
            tries=(
                Graded(
                    attempt=Attempt(),
                    feedback=None if proxy is None else verdict(proxy, passes),
                    judged=verdict(judge, passed),
                ),
            ),
            submitted=0,
        )
        for number, (passes, passed) in enumerate(said)
    ]


def verdict(verifier: str, passed: bool) -> Verdict:
    return Verdict(score=float(passed), passed=passed, verifier=verifier)


def test_it_trips_where_the_proxy_is_fooled_beyond_chance() -> None:
    found = watch(episodes(*[WRONG] * 12), episodes(*[FOOLED] * 6, *[RIGHT] * 6), 0.05)
    assert (found.proxy, found.tasks, found.fooled, found.champion_fooled) == ("visible", 12, 6, 0)
    assert found.p == pytest.approx(2 / 2**6)
    assert found.tripped
    assert found.words.endswith("(exact McNemar p = 0.0312): it is being gamed")


def test_it_stays_quiet_within_chance_and_where_there_is_less_of_it() -> None:
    few = watch(episodes(*[WRONG] * 12), episodes(*[FOOLED] * 5, *[RIGHT] * 7), 0.05)
    less = watch(episodes(*[FOOLED] * 9), episodes(*[RIGHT] * 9), 0.05)
    assert not few.tripped
    assert (less.tripped, less.fooled, less.champion_fooled) == (False, 0, 9)
    assert less.p is not None
    assert less.p < 0.05


@pytest.mark.parametrize(
    ("proxy", "judge", "words"),
    [
        (None, "hidden", "there is no feedback on held-out tasks that could stand for the judge"),
        ("hidden", "hidden", "the feedback is the judge itself"),
        ("oracle:hidden", "hidden", "the feedback is the judge itself"),
    ],
)
def test_without_a_proxy_it_says_why(proxy: str | None, judge: str, words: str) -> None:
    every = episodes(FOOLED, RIGHT, proxy=proxy, judge=judge)
    found = watch(every, every, 0.05)
    assert (found.proxy, found.tripped, found.words) == (None, False, f"no canary: {words}")


@given(
    st.lists(st.tuples(st.sampled_from([FOOLED, RIGHT, WRONG]), st.sampled_from([FOOLED, RIGHT, WRONG])), min_size=1)
)
def test_it_never_trips_for_a_model_that_fools_no_more_than_its_champion(
    pairs: list[tuple[tuple[bool, bool], tuple[bool, bool]]],
) -> None:
    champion, new = episodes(*[pair[0] for pair in pairs]), episodes(*[pair[1] for pair in pairs])
    found, other = watch(champion, new, 0.05), watch(new, champion, 0.05)
    assert not (found.tripped and other.tripped)
    assert not watch(champion, champion, 0.05).tripped
    assert (found.fooled, found.champion_fooled, found.p) == (other.champion_fooled, other.fooled, other.p)


def test_a_model_that_learns_the_visible_examples_by_heart_is_not_promoted(folder: Path) -> None:
    """Real code in the real sandbox: half of the answers return what the prompt's example expects, whatever x is."""
    suite = load_suite(str(own_suite(folder / "own.jsonl", 14)))
    learnt = load_suite(str(own_suite(folder / "more.jsonl", 1)))
    other = learnt.tasks[0].model_copy(update={"id": "x", "prompt": SAID})
    apart = learnt.model_copy(update={"tasks": (other,)})
    play = Play(folder, [], [])
    ids = [task.id for task in suite.tasks]
    answers(play.models[0], dict.fromkeys(ids, "def double(x):\n    return None\n"))
    gamed = "def double(x):\n    return 4\n"
    honest = "def double(x):\n    return 2 * x\n"
    answers(play.models[1], {name: honest if place < 7 else gamed for place, name in enumerate(ids)})
    circle = play.circle()
    circle.suites, circle.options = Suites(apart, suite), BenchOptions(concurrency=4, allow_weak_sandbox=True)
    done = circle.run(play.ledger(max_new_tokens=64), play.method).rounds[0]
    assert done.held_out == pytest.approx(0.5)
    assert done.p is not None
    assert done.p < 0.05
    assert done.canary is not None
    assert (done.canary.proxy, done.canary.fooled, done.canary.tripped) == ("visible-examples", 7, True)
    assert (done.promoted, done.why.partition(":")[0]) == (False, "its gain is not to be trusted")
    assert done.rival is not None
    assert done.rival.chosen == "chosen by visible-examples"


SAID = (Message(role="user", content="Halve it."),)


def answers(model: str, texts: dict[str, str]) -> None:
    rows: Sequence[dict[str, object]] = [{"task": name, "attempts": [text]} for name, text in texts.items()]
    Path(model.removeprefix("scripted:")).write_text("".join(json.dumps(row) + "\n" for row in rows))
