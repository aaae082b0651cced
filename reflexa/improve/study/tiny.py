"""The study's models and its language: tiny transformers, strings of sixteen letters, all made on the spot."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from reflexa.improve.study.config import Size

# transformers is typed in parts only.
_hf: Any = transformers
LETTERS = "abcdefghijklmnop"
_PAD, _END = "<pad>", "<end>"
_SPECIALS = (_PAD, _END)
_POLICY_SPREAD, _GOLD_SPREAD, _PROXY_SPREAD = 0.3, 0.12, 0.1
"""Standard deviations of the random weights: the policy's make some letters likelier than others, the gold reward's
make it a function of many letters at once that a proxy learns in part."""
_CONTEXT = 128


def make_prompts(count: int, letters: int, seed: int) -> list[str]:
    """Random strings, all different as far as there are enough."""
    generator = np.random.default_rng(seed)
    return ["".join(generator.choice(list(LETTERS), letters)) for _ in range(count)]


def make_policy(folder: Path, size: Size, seed: int) -> Path:
    """A language model with random weights: what all optimising starts from."""
    config = _config(size, _POLICY_SPREAD, tie_word_embeddings=True)
    torch.manual_seed(seed)
    model = _hf.LlamaForCausalLM(config)
    model.model.embed_tokens.weight.data[: len(_SPECIALS)] = 0.0
    return _saved(model, folder)


def make_gold(folder: Path, size: Size, seed: int) -> Path:
    """A reward model with random weights: a fixed function with a transformer's structure."""
    return _scorer(folder, size, _GOLD_SPREAD, seed)


def make_proxy(folder: Path, size: Size, seed: int) -> Path:
    """A reward model that has learnt nothing yet."""
    return _scorer(folder, size, _PROXY_SPREAD, seed)


def parameters_of(folder: Path) -> int:
    """How many numbers a reward model's checkpoint holds."""
    model = _hf.AutoModelForSequenceClassification.from_pretrained(folder)
    return sum(parameter.numel() for parameter in model.parameters())


def _scorer(folder: Path, size: Size, spread: float, seed: int) -> Path:
    config = _config(size, spread, num_labels=1)
    torch.manual_seed(seed)
    model = _hf.LlamaForSequenceClassification(config)
    torch.nn.init.normal_(model.score.weight, std=size.width**-0.5)
    return _saved(model, folder)


def _config(size: Size, spread: float, **more: Any) -> Any:
    heads = max(1, size.width // 8)
    return _hf.LlamaConfig(
        vocab_size=len(_SPECIALS) + len(LETTERS),
        hidden_size=size.width,
        intermediate_size=2 * size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=_CONTEXT,
        initializer_range=spread,
        bos_token_id=None,
        pad_token_id=_SPECIALS.index(_PAD),
        eos_token_id=_SPECIALS.index(_END),
        **more,
    )


def _saved(model: Any, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    _hf.logging.disable_progress_bar()
    model.save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return folder


def _tokenizer() -> Any:
    """One token a letter."""
    vocabulary = {text: index for index, text in enumerate([*_SPECIALS, *LETTERS])}
    tokenizer = Tokenizer(models.WordLevel(vocab=vocabulary, unk_token=_PAD))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return _hf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=_PAD, eos_token=_END)
