"""Tiny models with random weights, and random rows for them."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence
from typing import Any

import torch
import transformers

from reflexa.models.local.encoding import Tokens
from reflexa.training.engine.packing import Example

VOCABULARY = 97
_hf: Any = transformers
_SIZE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
    "initializer_range": 0.3,
    "bos_token_id": None,
    "eos_token_id": None,
}


def llama(**changes: Any) -> Any:
    """Tied embeddings, grouped-query attention."""
    torch.manual_seed(1)
    return _hf.LlamaForCausalLM(_hf.LlamaConfig(**{**_SIZE, "tie_word_embeddings": True, **changes}))


def qwen3(**changes: Any) -> Any:
    """A head of its own, normalised queries and keys, heads wider than the model's width asks for."""
    torch.manual_seed(2)
    return _hf.Qwen3ForCausalLM(_hf.Qwen3Config(**{**_SIZE, "tie_word_embeddings": False, "head_dim": 16, **changes}))


def scoring_llama(labels: int) -> Any:
    """A Llama with a scoring head."""
    torch.manual_seed(3)
    config = _hf.LlamaConfig(**{**_SIZE, "num_labels": labels, "pad_token_id": VOCABULARY - 1})
    return _hf.LlamaForSequenceClassification(config)


MODELS = {"llama": llama, "qwen3": qwen3}


def tokens(draw: random.Random, length: int) -> Tokens:
    return array("i", [draw.randrange(VOCABULARY - 1) for _ in range(length)])


def trees(seed: int, shapes: Sequence[tuple[int, ...]]) -> list[Example]:
    """Examples of random tokens; a shape is the prompt's length and then each completion's."""
    draw = random.Random(seed)
    return [Example(tokens(draw, shape[0]), tuple(tokens(draw, length) for length in shape[1:])) for shape in shapes]


def plain_logprobs(model: Any, example: Example) -> list[torch.Tensor]:
    """Log-probabilities of each completion's tokens, one sequence at a time, by the model's forward call."""
    results = []
    for completion in example.completions:
        ids = torch.tensor([[*example.prompt, *completion]])
        logits = model(input_ids=ids, use_cache=False).logits[0].double()
        logprobs = torch.log_softmax(logits[:-1], dim=-1).gather(1, ids[0, 1:].unsqueeze(1)).squeeze(1)
        results.append(logprobs[max(len(example.prompt) - 1, 0) :])
    return results
