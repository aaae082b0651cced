"""Encoding for training and scoring: prompts as the engine reads them, answers with their end, steps with marks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reflexa.types import Message
from tests.support.tiny_models import PAYLOADS, SPECIALS, make_checkpoint

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.models.local.encoding import Encoder  # noqa: E402  (needs torch)
from reflexa.models.local.engine import LocalEngine  # noqa: E402

ASKED = (Message(role="system", content="Be brief."), Message(role="user", content="Hi th<|im_end|>ere"))
END = SPECIALS.index("<|im_end|>")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("encoding") / "tiny")


def open_encoder(folder: Path) -> Encoder:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    return Encoder(model, transformers.AutoTokenizer.from_pretrained(folder))


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return open_encoder(folder)


def texts(folder: Path, tokens: Any) -> str:
    return str(transformers.AutoTokenizer.from_pretrained(folder).decode(list(tokens)))


@pytest.mark.parametrize("template", [True, False], ids=["template", "plain words"])
def test_a_prompt_is_what_the_engine_reads_when_it_answers(tmp_path: Path, folder: Path, template: bool) -> None:
    where = folder if template else make_checkpoint(tmp_path / "plain", template=None)
    prompt, _ = open_encoder(where).exchange(ASKED, ())
    assert list(prompt) == LocalEngine(str(where), 256, 1).encode(ASKED)


def test_answers_end_their_turn_once(encoder: Encoder, folder: Path) -> None:
    answer = (Message(role="assistant", content="Hello"),)
    _, (as_messages, as_text) = encoder.exchange(ASKED, (answer, "Hello"))
    assert as_messages == as_text
    assert texts(folder, as_text) == "Hello<|im_end|>"
    _, (plain, ended) = encoder.exchange("say ", ("Hello", "Hello<|im_end|>"))
    assert plain == ended == as_text


@pytest.mark.parametrize("payload", PAYLOADS)
def test_an_answers_text_brings_no_control_tokens(encoder: Encoder, payload: str) -> None:
    _, (answer,) = encoder.exchange(ASKED, (payload,))
    assert [token for token in answer if token < len(SPECIALS)] == [END]


def test_steps_end_in_lines_and_are_marked_there(encoder: Encoder, folder: Path) -> None:
    prompt, solution, marks = encoder.steps("work: ", ("1 + 1 = 2", "so 2"))
    assert texts(folder, prompt) == "work: "
    assert texts(folder, encoder.steps("work", ("so 2",))[0]) == "work\n"
    assert encoder.steps(ASKED, ("so 2",))[0] == encoder.exchange(ASKED, ())[0]
    assert texts(folder, solution) == "1 + 1 = 2\nso 2\n"
    assert [texts(folder, solution[: mark + 1]) for mark in marks] == ["1 + 1 = 2\n", "1 + 1 = 2\nso 2\n"]
    assert encoder.steps("work: ", ())[1:] == (encoder.ids(""), ())


def test_plain_text_ends_too(encoder: Encoder, folder: Path) -> None:
    assert texts(folder, encoder.text("once")) == "once<|im_end|>"
    assert texts(folder, encoder.ids("once")) == "once"


def test_a_tokenizer_that_opens_texts_opens_prompts(tmp_path: Path) -> None:
    where = make_checkpoint(tmp_path / "opened", template=None)
    tokenizer = transformers.AutoTokenizer.from_pretrained(where)
    from tokenizers.processors import TemplateProcessing

    tokenizer.bos_token = "<|im_start|>"
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|im_start|> $A", special_tokens=[("<|im_start|>", 1)]
    )
    encoder = Encoder(transformers.AutoModelForCausalLM.from_pretrained(where), tokenizer)
    prompt, (answer,) = encoder.exchange("say ", ("Hello",))
    assert (prompt[0], list(prompt).count(1), list(answer).count(1)) == (1, 1, 0)
    assert list(encoder.opening) == [1]


def test_the_digest_tells_templates_apart(encoder: Encoder, folder: Path, tmp_path: Path) -> None:
    assert encoder.digest == open_encoder(folder).digest
    assert encoder.digest != open_encoder(make_checkpoint(tmp_path / "plain", template=None)).digest
