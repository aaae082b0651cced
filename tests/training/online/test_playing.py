"""Samples of many turns: exact tokens, whose they are, together and in order, and that they are learnt from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.errors import WorldError  # noqa: E402
from reflexa.models.local.sampling import TokenSampler  # noqa: E402
from reflexa.training.config import CheckpointConfig  # noqa: E402
from reflexa.training.engine.metrics import StepReport  # noqa: E402
from reflexa.training.engine.processes import joined  # noqa: E402
from reflexa.training.online.api import train_online  # noqa: E402
from reflexa.training.online.playing import Dialogue, Played  # noqa: E402
from reflexa.training.online.rollouts import Group, OnlinePrompt  # noqa: E402
from reflexa.training.online.sampling import Roller  # noqa: E402
from reflexa.training.online.speaking import Speaker  # noqa: E402
from reflexa.types import Message  # noqa: E402
from tests.training.online.runs import make_online, make_prompts  # noqa: E402


class Doors:
    """A world of two doors: the policy walks through one a turn, a letter for the left one, anything else the right.

    Three lefts in a row are the way out; a right turn is the end.
    """

    def play(self, dialogue: Dialogue) -> dict[str, float]:
        passed = 0
        said: str | None = dialogue.text
        while said is not None and said[:1].isalpha() and passed < 3:
            passed += 1
            said = dialogue.continue_with(f" door {passed}: ") if passed < 3 else said
        return {"doors": passed / 3}


def rolled(folder: Path, played: Played, chat: bool = False, **changes: Any) -> tuple[Roller, list[Group]]:
    config = make_online(folder, max_new_tokens=2, **changes)
    model = transformers.AutoModelForCausalLM.from_pretrained(config.model)
    speaker = Speaker(model, transformers.AutoTokenizer.from_pretrained(config.model), ())
    prompts = make_prompts(4)
    if chat:
        said = Message(role="user", content="which door?")
        prompts = [OnlinePrompt(id=prompt.id, prompt=(said,)) for prompt in prompts]
    with joined() as processes:
        roller = Roller(TokenSampler(model, speaker.ends), speaker, played, config, processes)
        return roller, roller.roll(prompts, 0)


@pytest.mark.parametrize("chat", [False, True])
def test_turns_follow_each_other_token_by_token(tmp_path: Path, chat: bool) -> None:
    _, groups = rolled(tmp_path, Played(Doors().play), chat)
    rollouts = [rollout for group in groups for rollout in group.rollouts]
    assert {len(rollout.segments) for rollout in rollouts} >= {1, 3}
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    for group in groups:
        for rollout in group.rollouts:
            assert [segment.own for segment in rollout.segments] == [True, False] * (len(rollout.segments) // 2) + [
                True
            ]
            assert len(rollout.tokens) == len(rollout.logprobs) == len(rollout.mask)
            assert sum(rollout.mask) == rollout.length
            ids = torch.tensor([[*group.tokens, *rollout.tokens]])
            logprobs = torch.log_softmax(model(input_ids=ids).logits[0, :-1].float(), dim=-1)
            expected = logprobs.gather(1, ids[0, 1:, None])[len(group.tokens) - 1 :, 0]
            got, own = torch.tensor(rollout.logprobs), torch.tensor(rollout.mask) > 0
            torch.testing.assert_close(got[own], expected[own], rtol=1e-3, atol=1e-3)


def test_the_same_seed_plays_the_same_games(tmp_path: Path) -> None:
    first, second = (rolled(tmp_path, Played(Doors().play))[1] for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert [each.tokens for each in one.rollouts] == [each.tokens for each in other.rollouts]


def test_turns_end_where_none_is_left(tmp_path: Path) -> None:
    def talks(dialogue: Dialogue) -> float:
        turns = 1
        while dialogue.continue_with(" more: ") is not None:
            turns += 1
        return turns

    _, groups = rolled(tmp_path, Played(talks, turns=4))
    assert {rollout.rewards["reward"] for group in groups for rollout in group.rollouts} == {4.0}
    _, groups = rolled(tmp_path, Played(talks, turns=1000))
    for group in groups:
        for rollout in group.rollouts:
            assert 240 < len(group.tokens) + len(rollout.tokens) <= 256


def test_a_world_that_breaks_stops_the_run(tmp_path: Path) -> None:
    def breaks(dialogue: Dialogue) -> float:
        if (dialogue.prompt.id, dialogue.sample) == ("p1", 1):
            raise WorldError("the door fell on it")
        dialogue.continue_with(" go on: ")
        return 0.0

    with pytest.raises(WorldError, match=r"step 1: the reward broke: the door fell on it; no checkpoint"):
        train_online(make_online(tmp_path), make_prompts(4), Played(breaks))


def test_a_policy_learns_its_way_through_doors(tmp_path: Path) -> None:
    reports: list[StepReport] = []
    config = make_online(
        tmp_path, steps=14, samples=8, max_new_tokens=1, checkpoints=CheckpointConfig(), options={"format": "[a-z]"}
    )
    train_online(config, make_prompts(4), Played(Doors().play), progress=reports.append)
    doors = [report.metrics["reward/doors"] for report in reports]
    assert sum(doors[-3:]) > sum(doors[:3]) + 0.5
    assert "reward/format" in reports[0].metrics
