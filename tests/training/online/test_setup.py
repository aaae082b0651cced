"""What is known of a run before its weights are loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.errors import UsageError  # noqa: E402
from reflexa.training.config import LoraConfig  # noqa: E402
from reflexa.training.engine.processes import joined  # noqa: E402
from reflexa.training.online.playing import Played  # noqa: E402
from reflexa.training.online.rewards import named_parts  # noqa: E402
from reflexa.training.online.rollouts import Answer, OnlinePrompt, StepRewards  # noqa: E402
from reflexa.training.online.setup import OnlineSetup, set_up_online, with_parts  # noqa: E402
from tests.training.online.runs import make_online, make_prompts, says_a  # noqa: E402


def made(folder: Path, prompts: list[OnlinePrompt] | None = None, **changes: Any) -> OnlineSetup:
    with joined() as processes:
        return set_up_online(make_online(folder, **changes), prompts or make_prompts(), processes)


def test_prompts_have_a_digest_of_their_tokens(tmp_path: Path) -> None:
    assert made(tmp_path).digest == made(tmp_path, steps=9).digest
    assert made(tmp_path).digest != made(tmp_path, make_prompts(7)).digest


def test_the_budget_of_a_mean_is_the_runs_own(tmp_path: Path) -> None:
    assert made(tmp_path, algorithm="dr-grpo").options.max_tokens == 4
    assert made(tmp_path, algorithm="dr-grpo", options={"max_tokens": 9}).options.max_tokens == 9


def test_a_plan_says_how_much_it_takes(tmp_path: Path) -> None:
    whole, adapters = (made(tmp_path, lora=lora).plan for lora in (None, LoraConfig(rank=2)))
    assert adapters.trainable < whole.trainable == whole.parameters
    assert adapters.memory_bytes < whole.memory_bytes
    assert made(tmp_path, slots=1000).plan.memory_bytes > whole.memory_bytes
    assert dict(whole.lines())["new tokens"] == "at most 384"


def test_a_critic_is_in_the_plan(tmp_path: Path) -> None:
    options: list[dict[str, Any]] = [{"critic_lora": {"rank": 2}}, {}]
    adapters, whole = (made(tmp_path, algorithm="ppo", options=each).plan.memory_bytes for each in options)
    assert made(tmp_path).plan.memory_bytes < adapters < whole


def test_one_sample_is_enough_where_a_critic_compares(tmp_path: Path) -> None:
    assert made(tmp_path, algorithm="ppo", samples=1).plan.samples == 1


def test_a_model_that_ends_no_answer_is_refused(tmp_path: Path) -> None:
    """Neither its generation defaults nor its tokenizer, nor a template, names a token that ends one."""
    config = make_online(tmp_path)
    base = Path(config.model)
    model = transformers.AutoModelForCausalLM.from_pretrained(base)
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    model.config.eos_token_id = model.generation_config.eos_token_id = None
    tokenizer.eos_token, tokenizer.chat_template = None, None
    model.save_pretrained(tmp_path / "endless")
    tokenizer.save_pretrained(tmp_path / "endless")
    with pytest.raises(UsageError, match="no token that ends an answer"):
        made(tmp_path, model=str(tmp_path / "endless"))


def test_options_add_parts_to_a_reward(tmp_path: Path) -> None:
    answer = Answer(make_prompts(1)[0], "aab", 4, True, 0)
    plain = made(tmp_path)
    assert with_parts(says_a, plain.options, 4) is says_a
    options = made(tmp_path, options={"overlong": 2, "format": "a+"}).options
    judged = with_parts(says_a, options, 4)
    assert not isinstance(judged, Played)
    assert named_parts(judged(answer), answer) == {"reward": 2 / 3, "overlong": -1.0, "format": 0.0}
    stepwise = with_parts(lambda each: StepRewards((1,), (0.5,)), options, 4)
    assert not isinstance(stepwise, Played)
    assert dict(named_parts(stepwise(answer), answer)) == {"steps": 0.5, "overlong": -1.0, "format": 0.0}
