"""Suites as prompts and verifiers as rewards: what is scored, what is refused, what never becomes a zero."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from reflexa.agent import Bench, BenchOptions
from reflexa.errors import UsageError, VerifierError
from reflexa.improve.rewarding import TaskSource, VerifierReward, online_tasks, suite_prompts
from reflexa.tasks import Suite, load_suite
from reflexa.training.online.playing import Played
from reflexa.training.online.rollouts import Answer, OnlinePrompt, StepRewards
from reflexa.types import Message, Play, Task
from tests.support.tiny_models import make_scorer


def suite(split: str, n: int = 4, judge: str = "regex:[a-m]", words: str = "") -> Suite:
    tasks = tuple(
        Task(
            id=f"{split}/{i}",
            suite="letters",
            split=split,
            prompt=(Message(role="user", content=f"{words or split} {i}"),),
        )
        for i in range(n)
    )
    return Suite(name="letters", split=split, tasks=tasks, digest=split, judge=judge)


def load(name: str, split: str, data: str | None) -> Suite:
    return suite(split, words="train" if split == "leaky" else "")


def answer(prompt: OnlinePrompt, text: str) -> Answer:
    return Answer(prompt=prompt, text=text, tokens=3, finished=True, sample=0)


def test_a_verifiers_score_is_the_reward() -> None:
    letters = suite("train")
    prompt = suite_prompts(letters)[1]
    assert (prompt.id, prompt.prompt) == ("train/1", letters.tasks[1].prompt)
    with Bench() as bench:
        reward = VerifierReward(bench, letters)
        assert (reward(answer(prompt, "a")), reward(answer(prompt, "z")), reward.name) == (1.0, 0.0, "regex:[a-m]")


def test_steps_are_rewarded_where_the_verifier_scores_them(tmp_path: Path) -> None:
    checkpoint = make_scorer(tmp_path / "scorer", "Token", 2)
    letters = suite("train")
    text = "Step 1: a.\nStep 2: b."
    with Bench() as bench:
        verifier = f"process:{checkpoint}"
        whole, stepped = (VerifierReward(bench, letters, verifier, steps=steps) for steps in (False, True))
        asked = answer(suite_prompts(letters)[0], text)
        score, earned = whole(asked), stepped(asked)
        source = TaskSource(suite="letters", verifier=verifier, steps=True)
        by_source = online_tasks(source, load, bench).reward
        assert isinstance(by_source, VerifierReward)
        assert by_source(asked) == earned
    assert isinstance(earned, StepRewards)
    assert earned.ends == (10, 21)
    assert score == pytest.approx(4 * earned.rewards[0] * earned.rewards[1])  # the product; each is a half of its own
    assert isinstance(VerifierReward(bench, letters, steps=True)(asked), float)


def test_two_reward_models_made_one_reward_by_their_raw_scores(tmp_path: Path) -> None:
    """LLaMA-2's rule, from a file in the workspace: safety alone where it is low, or where the prompt is tagged."""
    helpful, safe = (make_scorer(tmp_path / name, "Sequence", 1) for name in ("helpful", "safe"))
    weights = load_file(safe / "model.safetensors")
    save_file({**weights, "score.weight": -weights["score.weight"]}, safe / "model.safetensors", {"format": "pt"})
    (tmp_path / "verifiers").mkdir()
    (tmp_path / "verifiers" / "llama2.toml").write_text(
        f'kind = "reward"\n[combined]\nhelpfulness = "{helpful}"\nsafety = "{safe}"\nunsafe_prompts = "train 3"\n'
    )
    letters = suite("train")
    texts = [f"word {letter}" for letter in "abcdefgh"]
    with Bench(BenchOptions(workspace=tmp_path)) as bench:
        reward = online_tasks(TaskSource(suite="letters", verifier="llama2", logit=True), load, bench).reward
        assert isinstance(reward, VerifierReward)
        assert reward.name == "reward:llama2"
        prompts = suite_prompts(letters)
        for prompt, task in zip(prompts, letters.tasks, strict=True):
            asked = [(task.prompt, text) for text in texts]
            scores = list(
                zip(bench.scorer(str(helpful)).score(asked), bench.scorer(str(safe)).score(asked), strict=True)
            )
            expected = [s if prompt.id == "train/3" or s < math.log(0.15 / 0.85) else h for h, s in scores]
            assert [reward(answer(prompt, text)) for text in texts] == pytest.approx(expected, abs=1e-4)


def test_steps_have_no_logits() -> None:
    with pytest.raises(ValidationError, match="expected one of the two"):
        TaskSource(suite="letters", steps=True, logit=True)


def test_a_verifier_that_cannot_tell_gives_no_reward() -> None:
    letters = suite("train", judge="math")
    with Bench() as bench, pytest.raises(VerifierError):
        VerifierReward(bench, letters)(answer(suite_prompts(letters)[0], "1"))


def test_held_out_tasks_are_measured_and_never_learnt_from() -> None:
    with Bench() as bench:
        made = online_tasks(TaskSource(suite="letters", held_out_split="dev", held_out_limit=2), load, bench)
        assert ([prompt.id for prompt in made.prompts][:2], made.oracle) == (["train/0", "train/1"], True)
        assert made.held_out is not None
        assert [prompt.id for prompt in made.held_out.prompts] == ["dev/0", "dev/1"]
        other = online_tasks(TaskSource(suite="letters", verifier="regex:x", limit=1), load, bench)
        assert (len(other.prompts), other.oracle, other.held_out) == (1, False, None)
        for source in (
            TaskSource(suite="letters", split="test"),
            TaskSource(suite="letters", held_out_split="train"),
            TaskSource(suite="letters", held_out_split="leaky"),
        ):
            with pytest.raises(UsageError, match=r"measured on|in the training split too"):
                online_tasks(source, load, bench)


def test_tasks_that_are_played_are_no_single_answers() -> None:
    played = suite("train", 1).tasks[0].model_copy(update={"play": Play(environment="textworld")})
    with pytest.raises(UsageError, match="played in an environment"):
        suite_prompts(Suite(name="x", tasks=(played,), digest="x"))


def test_tasks_that_are_played_get_a_player() -> None:
    def lakes(name: str, split: str, data: str | None) -> Suite:
        tasks = load_suite("gymnasium:FrozenLake-v1,is_slippery=false,n=2", split="test").tasks
        moved = tuple(task.model_copy(update={"id": f"{split}/{task.id}"}) for task in tasks)
        words = tuple(
            task.model_copy(update={"prompt": (Message(role="user", content=f"{split} {task.id}"),)}) for task in moved
        )
        return Suite(name=name, split=split, tasks=words, digest=split, judge="goal")

    with Bench() as bench:
        made = online_tasks(TaskSource(suite="lakes", held_out_split="dev"), lakes, bench)
        assert isinstance(made.reward, Played)
        assert (made.name, made.oracle) == ("goal", True)
        assert made.held_out is not None
        assert isinstance(made.held_out.reward, Played)
        assert "Action:" in str(made.prompts[0].prompt)
