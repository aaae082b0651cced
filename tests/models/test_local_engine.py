"""Tokens, draws and stops of the transformers engine."""

from __future__ import annotations

import math
from pathlib import Path
from threading import Event

import pytest

from reflexa.types import Completion, Message, Sampling
from tests.support.tiny_models import PAYLOADS, SPECIALS, make_checkpoint

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.models.local_engine import LocalEngine, Row, draw  # noqa: E402  (needs torch)

HI = (Message(role="user", content="Hi"),)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    return LocalEngine(str(make_checkpoint(tmp_path_factory.mktemp("engine") / "tiny")), 128, 1)


def answers(engine: LocalEngine, rows: list[Row]) -> list[Completion]:
    engine.run(rows, Event())
    return [row.answer.result(timeout=0) for row in rows]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_message_cannot_bring_control_tokens_along(engine: LocalEngine, payload: str) -> None:
    specials = range(len(SPECIALS))
    ids = engine.encode([Message(role="user", content=payload)])
    assert [token for token in ids if token in specials] == [1, 2, 1]


def test_a_model_without_a_template_speaks_plain_words(tmp_path: Path) -> None:
    plain = LocalEngine(str(make_checkpoint(tmp_path / "plain", template=None)), 128, 1)
    prompt = plain.encode(HI)
    assert len(prompt) == len("User: Hi\n\nAssistant:")
    assert plain.row(prompt, Sampling(), 0).stops == ("\n\nUser:", "\n\nSystem:")


def test_a_row_never_asks_for_more_than_the_context_holds(engine: LocalEngine) -> None:
    assert engine.row([5] * 100, Sampling(max_tokens=1000), 0).limit == 28


def test_padding_does_not_change_what_a_row_says(engine: LocalEngine) -> None:
    sampling = Sampling(max_tokens=6, logprobs=True)
    short, long = engine.encode(HI), engine.encode([Message(role="user", content="Hi" * 20)])
    (alone,) = answers(engine, [engine.row(short, sampling, 0)])
    together, _ = answers(engine, [engine.row(short, sampling, 0), engine.row(long, sampling, 0)])
    assert alone.logprobs is not None
    assert together.logprobs is not None
    assert together.logprobs[0] == pytest.approx(alone.logprobs[0], abs=0.1)


def test_logprobs_are_the_models_own_at_temperature_1(engine: LocalEngine) -> None:
    prompt = engine.encode(HI)
    with torch.inference_mode():
        logits = engine._model(input_ids=torch.tensor([prompt])).logits[0, -1].float()
    expected = torch.log_softmax(logits, dim=-1)
    (hot,) = answers(engine, [engine.row(prompt, Sampling(max_tokens=1, temperature=5.0, seed=1, logprobs=True), 0)])
    assert hot.token_ids is not None
    assert hot.logprobs is not None
    assert hot.logprobs[0] == pytest.approx(float(expected[hot.token_ids[0]]), abs=0.1)


def test_a_stop_string_ends_a_row_and_is_left_out(engine: LocalEngine) -> None:
    prompt, sampling = engine.encode(HI), Sampling(max_tokens=16, temperature=1.0, seed=2)
    (whole,) = answers(engine, [engine.row(prompt, sampling, 0)])
    stop = whole.text[len(whole.text) // 2]
    (cut,) = answers(engine, [engine.row(prompt, sampling.model_copy(update={"stop": (stop,)}), 0)])
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.finish_reason == "stop"


def test_a_cancelled_row_gets_no_answer_and_the_others_do(engine: LocalEngine) -> None:
    prompt = engine.encode(HI)
    kept, dropped = engine.row(prompt, Sampling(max_tokens=3), 0), engine.row(prompt, Sampling(max_tokens=100), 0)
    dropped.cancelled.set()
    engine.run([kept, dropped], Event())
    assert kept.answer.result(timeout=0).usage.output_tokens <= 3
    assert dropped.answer.cancelled()


def test_greedy_draws_take_the_likeliest() -> None:
    assert draw(torch.tensor([0.1, 3.0, 2.0]), Sampling(), torch.Generator()) == 1


def test_draws_follow_the_tempered_probabilities() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.tensor([0.0, math.log(3.0) / 2])
    drawn = [draw(logits, Sampling(temperature=0.5), generator) for _ in range(4000)]
    assert sum(drawn) / len(drawn) == pytest.approx(0.75, abs=0.03)


def test_a_nucleus_keeps_the_fewest_tokens_that_reach_top_p() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.tensor([0.2, 0.5, 0.3]).log()
    drawn = {draw(logits, Sampling(temperature=1.0, top_p=0.6), generator) for _ in range(500)}
    assert drawn == {1, 2}
