"""What stands on a model's last hidden states: next-token probabilities, or scores of answers or steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from reflexa.models.local.engine import end_tokens

Head = Literal["language", "answer", "step"]
"""The next token's log-probabilities; one score for a whole answer; two (wrong, right) for each step."""


@dataclass(frozen=True)
class Kind:
    """How transformers calls the models with a head: ``auto`` loads them, ``settings`` go into their configuration."""

    auto: str
    settings: dict[str, Any]


KINDS: dict[Head, Kind] = {
    "language": Kind("AutoModelForCausalLM", {}),
    "answer": Kind("AutoModelForSequenceClassification", {"num_labels": 1}),
    "step": Kind("AutoModelForTokenClassification", {"id2label": {0: "wrong", 1: "right"}}),
}


def save_model(model: Any, tokenizer: Any, folder: Path, state: Mapping[str, Tensor] | None = None) -> None:
    """Writes a folder that transformers loads, the tokenizer in it; ``state`` instead of the model's own weights."""
    if hasattr(model, "score"):
        _separate_padding(model, tokenizer)
    model.save_pretrained(folder, state_dict=state)
    tokenizer.save_pretrained(folder)


def _separate_padding(model: Any, tokenizer: Any) -> None:
    """Chooses a padding token that ends no answer, or none, for a model that scores answers.

    transformers reads the score of an answer at its last token that is not padding. Many chat models pad with the token
    that ends an answer: their scores would be read one token before the one they were learnt at.
    """
    ends = end_tokens(model, tokenizer)
    specials = [index for index, token in sorted(tokenizer.added_tokens_decoder.items()) if token.special]
    candidates = [tokenizer.pad_token_id, tokenizer.unk_token_id, *specials]
    pad = next((token for token in candidates if token is not None and token not in ends), None)
    model.config.get_text_config().pad_token_id = pad
    if pad is not None:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(pad)
