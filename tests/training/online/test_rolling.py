"""Played samples as groups: how long they took, and what the whole was worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.errors import VerifierError  # noqa: E402
from reflexa.models.local.sampling import TokenSampler  # noqa: E402
from reflexa.training.engine.processes import joined  # noqa: E402
from reflexa.training.online.playing import Dialogue, Played  # noqa: E402
from reflexa.training.online.rolling import Games  # noqa: E402
from reflexa.training.online.sampling import Roller  # noqa: E402
from reflexa.training.online.speaking import Speaker  # noqa: E402
from tests.training.online.runs import make_online, make_prompts  # noqa: E402


def make_games(folder: Path, played: Played) -> Games:
    config = make_online(folder, max_new_tokens=2)
    model = transformers.AutoModelForCausalLM.from_pretrained(config.model)
    speaker = Speaker(model, transformers.AutoTokenizer.from_pretrained(config.model), ())
    with joined() as processes:
        roller = Roller(TokenSampler(model, speaker.ends), speaker, played, config, processes)
    return Games(roller.sampler, roller.speaker, roller.clock, played, roller.draw(3))


def test_a_rollout_is_all_that_was_said(tmp_path: Path) -> None:
    """Samples go on for as many turns as their number says."""

    def play(dialogue: Dialogue) -> dict[str, float]:
        for _ in range(dialogue.sample):
            assert dialogue.continue_with(" and? ") == dialogue.text
        return {"turns": 1.0 + dialogue.sample, "tokens": float(dialogue.answer.tokens)}

    games = make_games(tmp_path, Played(play))
    groups = games.groups(make_prompts(2), 3)
    assert [group.prompt.id for group in groups] == ["p0", "p1"]
    for group in groups:
        assert [one.rewards["turns"] for one in group.rollouts] == [1.0, 2.0, 3.0]
        assert [one.rewards["tokens"] for one in group.rollouts] == [float(one.length) for one in group.rollouts]
        assert [len(one.segments) for one in group.rollouts] == [1, 3, 5]
        for one in group.rollouts:
            said = [games.speaker.text(part.tokens) for part in one.segments if part.own]
            assert one.text == "\n".join(said)
    assert games.clock.sampling > 0
    assert games.clock.verifying >= 0


def test_a_player_that_returns_no_number_broke(tmp_path: Path) -> None:
    with pytest.raises(VerifierError, match="expected finite numbers"):
        make_games(tmp_path, Played(lambda dialogue: float("nan"))).groups(make_prompts(1), 2)


def test_no_prompts_are_no_groups(tmp_path: Path) -> None:
    assert make_games(tmp_path, Played(lambda dialogue: 0.0)).groups([], 2) == []
