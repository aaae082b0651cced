"""Likelihoods of options: what transformers itself computes of the first tokens, among the options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reflexa.errors import ContextOverflowError, PolicyError, UsageError
from reflexa.types import Message
from tests.support.tiny_models import make_checkpoint

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.models.local.chooser import LocalChooser  # noqa: E402  (needs torch)

ASKED = (Message(role="user", content="Which is better?"),)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("chooser"))


def test_the_likelihoods_are_those_of_the_first_tokens_after_the_whole_prompt(folder: Path) -> None:
    chooser = LocalChooser(str(folder))
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=chooser._model.dtype).eval()
    chat = [{"role": "user", "content": "Which is better?"}]
    ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        logits = model(input_ids=ids).logits[0, -1].float()
    first = [tokenizer(option, add_special_tokens=False)["input_ids"][0] for option in ("A", "B", "C")]
    expected = torch.softmax(logits[first], dim=-1).tolist()
    assert chooser.choose(ASKED, ("A", "B", "C")) == pytest.approx(expected, rel=0.02)
    assert sum(chooser.choose(ASKED, ("A", "B"))) == pytest.approx(1.0)


def test_options_that_begin_alike_are_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="same token"):
        LocalChooser(str(folder)).choose(ASKED, ("Apple", "Ape"))


def test_messages_that_do_not_fit_are_refused(folder: Path) -> None:
    with pytest.raises(ContextOverflowError, match="holds 256"):
        LocalChooser(str(folder)).choose((Message(role="user", content="long " * 200),), ("A", "B"))


def test_what_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="nothing"):
        LocalChooser(str(tmp_path / "nothing"))
