"""Groups of samples: judged while others are sampled, seeded, stopped by texts, shared over processes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.errors import VerifierError  # noqa: E402
from reflexa.models.local.sampling import TokenSampler  # noqa: E402
from reflexa.training.engine.processes import joined  # noqa: E402
from reflexa.training.online.rollouts import Answer, Reward  # noqa: E402
from reflexa.training.online.sampling import Roller  # noqa: E402
from reflexa.training.online.speaking import Speaker  # noqa: E402
from tests.training.online.runs import make_online, make_prompts, says_a  # noqa: E402


def make_roller(folder: Path, reward: Reward, stop: tuple[str, ...] = (), **changes: Any) -> Roller:
    config = make_online(folder, stop=stop, **changes)
    model = transformers.AutoModelForCausalLM.from_pretrained(config.model)
    speaker = Speaker(model, transformers.AutoTokenizer.from_pretrained(config.model), stop)
    with joined() as processes:
        return Roller(TokenSampler(model, speaker.ends, slots=config.slots), speaker, reward, config, processes)


def test_a_group_holds_a_prompts_samples_with_their_rewards(tmp_path: Path) -> None:
    roller = make_roller(tmp_path, says_a)
    groups = roller.roll(make_prompts(3), 0)
    assert [group.prompt.id for group in groups] == ["p0", "p1", "p2"]
    for group in groups:
        assert group.tokens == roller.speaker.prompt(group.prompt)
        assert len(group.rollouts) == 4
        for rollout in group.rollouts:
            assert rollout.text == roller.speaker.text(rollout.tokens)
            assert rollout.rewards == {"reward": rollout.text.count("a") / max(1, len(rollout.text))}
    assert roller.clock.sampling > 0


def test_a_number_seeds_the_draws(tmp_path: Path) -> None:
    def drawn(number: int) -> list[list[int]]:
        groups = make_roller(tmp_path, says_a).roll(make_prompts(3), number)
        return [rollout.tokens for group in groups for rollout in group.rollouts]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_answers_are_judged_while_others_are_sampled(tmp_path: Path) -> None:
    """The first answer's reward waits until the last answer has been asked about."""
    asked, all_asked = [], threading.Event()

    def reward(answer: Answer) -> float:
        asked.append(answer.sample)
        if len(asked) == 8:
            all_asked.set()
        assert all_asked.wait(30)
        return 1.0

    groups = make_roller(tmp_path, reward, workers=8, slots=1).roll(make_prompts(2), 0)
    assert len(groups) == 2


def test_a_failure_ends_the_sampling(tmp_path: Path) -> None:
    asked: list[Answer] = []

    def reward(answer: Answer) -> float:
        asked.append(answer)
        raise VerifierError("gone")

    with pytest.raises(VerifierError, match="gone"):
        make_roller(tmp_path, reward, slots=1, workers=1).roll(make_prompts(8), 0)
    assert len(asked) < 32


def test_texts_end_an_answer_and_are_not_part_of_it(tmp_path: Path) -> None:
    stop = tuple("aeiou")
    groups = make_roller(tmp_path, says_a, stop, max_new_tokens=40).roll(make_prompts(4), 0)
    rollouts = [rollout for group in groups for rollout in group.rollouts]
    assert not any(letter in rollout.text for rollout in rollouts for letter in stop)
    assert any(rollout.finished and rollout.length < 40 for rollout in rollouts)


def test_greedy_answers_are_the_likeliest(tmp_path: Path) -> None:
    roller = make_roller(tmp_path, says_a)
    first, second = (roller.greedy(make_prompts(2), says_a) for _ in range(2))
    assert [one.rollouts[0].tokens for one in first] == [one.rollouts[0].tokens for one in second]
    assert [len(one.rollouts) for one in first] == [1, 1]
