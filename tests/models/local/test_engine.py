"""Tokens, answers and stops of the transformers engine, and what it refuses to run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reflexa.errors import PolicyError
from reflexa.types import Completion, Message, Sampling
from tests.support.tiny_models import PAYLOADS, SPECIALS, make_checkpoint

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.models.local.engine import Call, LocalEngine, compute_type  # noqa: E402  (needs torch)

HI = (Message(role="user", content="Hi"),)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    return LocalEngine(str(make_checkpoint(tmp_path_factory.mktemp("engine") / "tiny")), 128, 1)


def answers(engine: LocalEngine, *calls: Call) -> list[Completion]:
    """What the calls' rows say, decoded together."""
    decoder = engine.decoder(8)
    of = {call.group: call for call in calls}
    for call in calls:
        decoder.add(call.group)
    while decoder.busy:
        for row in decoder.step():
            of[row.group].settle(row)
    assert all(call.settled for call in calls)
    return [answer.result(timeout=0) for call in calls for answer in call.answers.values()]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_message_cannot_bring_control_tokens_along(engine: LocalEngine, payload: str) -> None:
    specials = range(len(SPECIALS))
    ids = engine.encode([Message(role="user", content=payload)])
    assert [token for token in ids if token in specials] == [1, 2, 1]


def test_a_model_without_a_template_speaks_plain_words(tmp_path: Path) -> None:
    plain = LocalEngine(str(make_checkpoint(tmp_path / "plain", template=None)), 128, 1)
    prompt = plain.encode(HI)
    assert len(prompt) == len("User: Hi\n\nAssistant:")
    assert plain.closers == ("\n\nUser:", "\n\nSystem:")


def test_a_row_never_asks_for_more_than_the_context_holds(engine: LocalEngine) -> None:
    assert engine.call([5] * 100, Sampling(max_tokens=1000), 1).group.limit == 28


def test_other_rows_do_not_change_what_a_row_says(engine: LocalEngine) -> None:
    sampling = Sampling(max_tokens=6, logprobs=True)
    short, long = engine.encode(HI), engine.encode([Message(role="user", content="Hi" * 20)])
    (alone,) = answers(engine, engine.call(short, sampling, 1))
    together, *_ = answers(engine, engine.call(short, sampling, 1), engine.call(long, sampling, 3))
    assert alone.logprobs is not None
    assert together.logprobs is not None
    assert together.logprobs[0] == pytest.approx(alone.logprobs[0], abs=0.1)


def test_samples_share_a_prompt_that_counts_once_and_draw_as_single_ones_do(engine: LocalEngine) -> None:
    prompt, sampling = engine.encode(HI), Sampling(max_tokens=2, temperature=1.0, seed=5)
    shared = answers(engine, engine.call(prompt, sampling, 3))
    assert [answer.usage.input_tokens for answer in shared] == [len(prompt), 0, 0]
    single = [
        answers(engine, engine.call(prompt, sampling.model_copy(update={"seed": 5 + index}), 1))[0]
        for index in range(3)
    ]
    assert [answer.text[:1] for answer in shared] == [answer.text[:1] for answer in single]


def test_logprobs_are_the_models_own_at_temperature_1(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "tiny")
    engine = LocalEngine(str(folder), 128, 1)
    prompt = engine.encode(HI)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=compute_type("cpu"))
    with torch.inference_mode():
        expected = torch.log_softmax(model(input_ids=torch.tensor([prompt])).logits[0, -1].float(), dim=-1)
    sampling = Sampling(max_tokens=1, temperature=5.0, seed=1, logprobs=True)
    (hot,) = answers(engine, engine.call(prompt, sampling, 1))
    assert hot.token_ids is not None
    assert hot.logprobs is not None
    assert hot.logprobs[0] == pytest.approx(float(expected[hot.token_ids[0]]), abs=0.1)


def test_a_stop_string_ends_a_row_and_is_left_out(engine: LocalEngine) -> None:
    prompt, sampling = engine.encode(HI), Sampling(max_tokens=16, temperature=1.0, seed=2)
    (whole,) = answers(engine, engine.call(prompt, sampling, 1))
    stop = whole.text[len(whole.text) // 2]
    (cut,) = answers(engine, engine.call(prompt, sampling.model_copy(update={"stop": (stop,)}), 1))
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.finish_reason == "stop"
    assert cut.usage.output_tokens < whole.usage.output_tokens


def test_a_failed_call_ends_the_answers_still_to_come(engine: LocalEngine) -> None:
    broken, left = (engine.call(engine.encode(HI), Sampling(max_tokens=3), 2) for _ in range(2))
    broken.settle(next(iter(broken.answers)))
    broken.fail(PolicyError("it broke"))
    first, second = broken.answers.values()
    assert first.result(timeout=0).usage.output_tokens == 0
    with pytest.raises(PolicyError, match="it broke"):
        second.result(timeout=0)
    left.fail()
    assert all(answer.cancelled() for answer in left.answers.values())


def test_models_that_do_not_attend_plainly_are_refused(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "mamba")
    torch.manual_seed(0)
    config = transformers.MambaConfig(vocab_size=260, hidden_size=32, num_hidden_layers=2, state_size=4)
    transformers.MambaForCausalLM(config).save_pretrained(folder)
    with pytest.raises(PolicyError, match=r"cannot run .*Mamba") as caught:
        LocalEngine(str(folder), 128, 1)
    assert "\n" not in str(caught.value)


def test_the_context_is_no_longer_than_the_models_attention_window(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "window")
    torch.manual_seed(0)
    config = transformers.MistralConfig(
        vocab_size=260,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        sliding_window=48,
    )
    transformers.MistralForCausalLM(config).save_pretrained(folder)
    assert LocalEngine(str(folder), 128, 1).context == 48
