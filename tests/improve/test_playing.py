"""Tasks that are played by a policy that is trained: a real world, a real tokenizer, and turns that a script says."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")
pytest.importorskip("gymnasium", reason="needs gymnasium: scripts/reflexa setup gym")

from reflexa.agent import Bench  # noqa: E402
from reflexa.errors import UsageError  # noqa: E402
from reflexa.improve.playing import LOGIT_LIMIT, TaskPlayer, logit, most_turns, passed, played_prompts  # noqa: E402
from reflexa.models.local.encoding import Tokens  # noqa: E402
from reflexa.models.local.sampling import Sample  # noqa: E402
from reflexa.tasks import Suite, load_suite  # noqa: E402
from reflexa.training.online.api import train_online  # noqa: E402
from reflexa.training.online.config import PointConfig  # noqa: E402
from reflexa.training.online.playing import Desk, Dialogue, Played  # noqa: E402
from reflexa.training.online.rollouts import Segment  # noqa: E402
from reflexa.training.online.speaking import Speaker  # noqa: E402
from reflexa.types import Verdict  # noqa: E402
from reflexa.verifiers.reward import sigmoid  # noqa: E402
from tests.support.tiny_models import make_checkpoint  # noqa: E402
from tests.training.online.runs import make_online  # noqa: E402

WAY = ("down", "down", "right", "right", "down", "right")
"""Across the lake, past its holes."""


@pytest.fixture(scope="module")
def lake() -> Suite:
    return load_suite("gymnasium:FrozenLake-v1,is_slippery=false", split="test")


def test_a_way_across_the_lake_is_rewarded(lake: Suite, tmp_path: Path) -> None:
    model = transformers.AutoModelForCausalLM.from_pretrained(make_checkpoint(tmp_path / "tiny", positions=20_000))
    speaker = Speaker(model, transformers.AutoTokenizer.from_pretrained(tmp_path / "tiny"), ())

    def said(action: str) -> Sample:
        tokens = (*speaker.encoder.ids(f"Thought: on.\nAction: {action}"), min(speaker.ends))
        return Sample(tokens, (-0.5,) * len(tokens), True)

    heard: list[Sequence[Tokens]] = []

    def go(so_far: Sequence[Tokens], turn: int) -> list[Sample]:
        heard.append(so_far)
        return [said(WAY[turn]) for _ in so_far]

    with Bench() as bench:
        (prompt,) = played_prompts(bench, Suite(name="lake", tasks=lake.tasks[:1], digest="x", judge="goal"))
        first, tokens = said(WAY[0]), speaker.prompt(prompt)
        desk = Desk(speaker.encoder, 20_000, most_turns(lake), speaker.text)
        text, segments = speaker.text(first.tokens), [Segment(first.tokens, first.logprobs)]
        dialogue = Dialogue(prompt, 0, tokens, text, True, segments, desk)
        player = TaskPlayer(bench, lake)
        assert (player.name, desk.play([dialogue], player, go)) == ("goal", [1.0])
    assert len(heard) == len(WAY) - 1
    assert heard[-1][0][: len(tokens)] == tokens
    last = speaker.text(array("i", dialogue.so_far))
    assert last.count("Action: ") > len(WAY)
    assert [part.own for part in dialogue.segments] == [True, False] * (len(WAY) - 1) + [True]


def test_a_policy_that_cannot_act_gets_nothing_and_the_run_goes_on(lake: Suite, tmp_path: Path) -> None:
    """Random letters are no actions: worlds answer so, three times, and the attempt is over."""
    base = make_checkpoint(tmp_path / "base", positions=8_000)
    config = make_online(tmp_path, model=str(base), steps=1, prompts=1, samples=2, points=PointConfig(prompts=0))
    with Bench() as bench:
        prompts = played_prompts(bench, Suite(name="lake", tasks=lake.tasks[:1], digest="x", judge="goal"))
        rewards: list[float] = []
        player = Played(TaskPlayer(bench, lake, worth=passed), most_turns(lake))
        train_online(config, prompts, player, progress=lambda report: rewards.append(report.metrics["reward"]))
    assert rewards == [0.0]


def test_tasks_without_a_world_do_not_mix_with_others(lake: Suite) -> None:
    plain = lake.tasks[0].model_copy(update={"play": None})
    with Bench() as bench, pytest.raises(UsageError, match="is not played, and others of its suite are"):
        played_prompts(bench, Suite(name="lake", tasks=(lake.tasks[0], plain), digest="x"))


@pytest.mark.parametrize("raw", [-8.0, -0.3, 0.0, 2.5, 15.0])
def test_the_logit_of_a_score_is_the_raw_score_that_it_was_made_of(raw: float) -> None:
    assert logit(Verdict(score=sigmoid(raw), passed=False, verifier="reward")) == pytest.approx(raw)


def test_scores_that_have_no_logit_get_the_limit() -> None:
    for extreme in (0.0, 1e-300, 1 - 1e-16, 1.0):
        expected = LOGIT_LIMIT if extreme > 0.5 else -LOGIT_LIMIT
        assert logit(Verdict(score=extreme, passed=False, verifier="reward")) == expected
