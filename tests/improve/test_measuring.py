"""Promotion: by the paired test, with the champion's best of n beside it, and never of what games its verifier."""

from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.improve.measuring import choose
from reflexa.types import Attempt, Episode, Graded, Message, Task, Verdict
from tests.improve.scripts import GAMED, HELD_OUT, RIGHT, WRONG, Play, solving


def test_three_rounds_go_by_themselves_and_the_ledger_is_right(folder: Path) -> None:
    play = Play(folder, solving(1), solving(8), solving(9), solving(16))
    done = play.go()
    assert done == play.known()
    assert done.status == "finished"
    assert done.base == pytest.approx(1 / HELD_OUT)
    assert [each.promoted for each in done.rounds] == [True, False, True]
    first, second, third = done.rounds
    assert (first.sampler, second.sampler, third.sampler) == (play.models[0], play.models[1], play.models[1])
    assert [each.held_out for each in done.rounds] == [pytest.approx(n / HELD_OUT) for n in (8, 9, 16)]
    assert first.difference == pytest.approx(7 / HELD_OUT)
    assert second.difference == pytest.approx(1 / HELD_OUT)
    assert [first.p, second.p] == pytest.approx([2 / 2**7, 1.0])
    assert "not shown to differ" in second.why
    assert done.champion == play.models[3]
    assert [each.costs.sampled for each in done.rounds] == [1000, 1000, 1000]
    assert first.costs.measured == play.tokens(str(first.held_out_run)) > 0


def test_the_champion_gets_the_best_of_as_many_samples_as_the_new_models_tokens_pay_for(folder: Path) -> None:
    long = " ".join(["fine: right", *["and so on"] * 8])
    play = Play(folder, [[WRONG, RIGHT]] * 4, [[long]] * 10)
    rival = play.go().rounds[0].rival
    assert rival is not None
    run = play.store.find_run(rival.run)
    assert (run.config.model, run.config.strategy, run.config.feedback) == (play.models[0], "best-of-n", "auto")
    before, new = play.tokens(str(play.known().base_run)), play.known().rounds[0].costs.measured
    assert rival.samples == run.config.attempts == round(new / before) > 2
    assert rival.affordable == (1000 + new) // before
    assert rival.rate == pytest.approx(4 / HELD_OUT)
    assert rival.chosen == "chosen by regex:fine"
    assert rival.difference == pytest.approx(6 / HELD_OUT)


def test_at_least_two_and_only_strictly_do_they_stand_in_the_way(folder: Path) -> None:
    answers = [[WRONG, RIGHT]] * 9
    lenient, strict = folder / "a", folder / "b"
    lenient.mkdir()
    strict.mkdir()
    let_through = Play(lenient, answers, solving(10)).go().rounds[0]
    assert let_through.rival is not None
    assert (let_through.rival.samples, let_through.promoted) == (2, True)
    stopped = Play(strict, answers, solving(10)).go(strict=True).rounds[0]
    assert stopped.promoted is False
    assert stopped.why.startswith("not shown to solve more than the champion's best of 2 (56.2 %, p = 1)")


def test_the_same_champion_is_asked_once(folder: Path) -> None:
    play = Play(folder, solving(3), solving(4), solving(2))
    first, second = play.go().rounds
    assert first.rival is not None
    assert second.rival is not None
    assert first.rival.run == second.rival.run
    assert len(play.store.list_runs()) == 4


def test_a_model_that_games_its_feedback_is_not_promoted(folder: Path) -> None:
    done = Play(folder, solving(1), solving(8, gamed=7)).go().rounds[0]
    assert done.p is not None
    assert done.p < 0.05
    assert done.canary is not None
    assert (done.canary.proxy, done.canary.fooled, done.canary.champion_fooled) == ("regex:fine", 7, 0)
    assert done.promoted is False
    assert done.why.startswith("its gain is not to be trusted: regex:fine passed what the judge failed on 7 of 16")


def test_the_reward_that_was_learnt_from_is_the_proxy(folder: Path) -> None:
    done = Play(folder, solving(1), solving(8, gamed=7), feedback=None).go(reward="regex:fine").rounds[0]
    assert done.canary is not None
    assert (done.canary.proxy, done.canary.tripped, done.promoted) == ("regex:fine", True, False)


def test_without_a_proxy_there_is_no_canary_and_the_ledger_says_so(folder: Path) -> None:
    done = Play(folder, solving(1), solving(8), feedback=None).go(reward="exact").rounds[0]
    assert done.promoted is True
    assert done.canary is not None
    assert done.canary.words.startswith("no canary: there is no feedback on held-out tasks")


def test_a_model_that_was_retracted_meanwhile_is_not_promoted(folder: Path) -> None:
    play = Play(folder, solving(1), solving(8))
    done = play.circle(play.retracting("i1-1")).run(play.ledger(), play.method).rounds[0]
    assert done.promoted is False
    assert done.why == "it retracted: poisoned"


def an_episode(*answers: str, heard: bool = False, kind: str = "text") -> Episode:
    task = Task(
        id="t", prompt=(Message(role="user", content="?"),), answer_kind="python" if kind == "python" else "text"
    )
    said = Verdict(score=1.0, passed=True, verifier="own") if heard else None
    tries = [Graded(attempt=Attempt(index=i, answer=answer), feedback=said) for i, answer in enumerate(answers)]
    return Episode(task=task, strategy="best-of-n", tries=tuple(tries), submitted=len(tries) - 1)


def test_an_answer_is_chosen_by_feedback_else_by_vote_and_never_by_the_judge() -> None:
    (voted,), how = choose([an_episode("1", "2 ", "2", "3")])
    assert (voted.submitted, how) == (1, "chosen by the vote of the answers")
    (heard,), how = choose([an_episode("1", "2", heard=True)])
    assert (heard.submitted, how) == (1, "chosen by own")
    (code,), how = choose([an_episode("a", "b", kind="python")])
    assert (code.submitted, how) == (0, "nothing can choose without a judge: the first answer stands")


def test_answers_that_only_the_proxy_passes_are_no_gain(folder: Path) -> None:
    assert GAMED.startswith("fine")
    done = Play(folder, solving(2), solving(2, gamed=3)).go().rounds[0]
    assert done.promoted is False
    assert done.canary is not None
    assert not done.canary.tripped
