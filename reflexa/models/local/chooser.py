"""Likelihoods instead of replies: how likely a checkpoint is to begin its answer with either of several options.

Constitutional AI labels its pairs so (Bai et al. 2022, arXiv:2212.08073, section 4.1): a label then says how sure the
judge is, and a model too small to write a verdict can give one all the same.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import torch

from reflexa.errors import ContextOverflowError, UsageError
from reflexa.models.local.encoding import Encoder
from reflexa.models.local.engine import load_language_model
from reflexa.types import Message


class LocalChooser:
    """A checkpoint folder, or a repository of the hub, with a language-model head (safetensors only; no code of it is
    run).

    Raises ``PolicyError`` where it cannot be loaded.
    """

    def __init__(self, where: str) -> None:
        self.name = f"hf:{where}"
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model, tokenizer = load_language_model(where, self._device)
        self._encoder = Encoder(self._model, tokenizer)
        self._context = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        self._turn = threading.Lock()

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> list[float]:
        """The probability that the answer begins with each option's first token, among the options.

        Raises ``UsageError`` where two options begin with the same token, ``ContextOverflowError`` where the messages
        do not fit.
        """
        prompt, answers = self._encoder.exchange(tuple(messages), options)
        first = [answer[0] for answer in answers]
        if len(set(first)) < len(first) or len(first) < 2:
            raise UsageError(f"the options {list(options)} begin with the same token: choose ones that do not")
        if self._context is not None and len(prompt) >= self._context:
            raise ContextOverflowError(
                f"the messages have {len(prompt)} tokens, {self.name} holds {self._context}: shorten them"
            )
        with self._turn, torch.inference_mode():
            ids = torch.tensor([list(prompt)], device=self._device)
            logits = self._model(input_ids=ids, use_cache=False, logits_to_keep=1).logits[0, -1]
            return [float(share) for share in torch.softmax(logits.float()[first], dim=-1)]
