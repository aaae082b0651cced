"""A checkpoint of the study's policy: its answers, and how far it is from the start."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reflexa.models.local.encoding import Tokens
from reflexa.models.local.sampling import Draw, Sample, TokenSampler
from reflexa.training.engine.loading import load_model, load_tokenizer


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers to prompts: ``texts`` [prompts][answers], and ``rows`` [all answers], prompt by prompt: the tokens of
    prompt and answer, closed by the token that ends an answer. ``starts`` [all answers] are the prompts' lengths,
    ``sampled`` [all answers] how many tokens the policy itself gave.
    """

    prompts: tuple[str, ...]
    texts: tuple[tuple[str, ...], ...]
    rows: tuple[Tokens, ...]
    starts: tuple[int, ...]
    sampled: tuple[int, ...]


class TinyPolicy:
    """A checkpoint's folder, loaded in fp32."""

    def __init__(self, folder: Path, letters: int) -> None:
        self._model, self._tokenizer = load_model(str(folder)).eval(), load_tokenizer(str(folder))
        self._letters = letters

    def answers(self, prompts: Sequence[str], n: int, seed: int) -> Answers:
        """``n`` answers to each prompt, at temperature 1."""
        sampler = TokenSampler(self._model, {self._tokenizer.eos_token_id}, slots=512)
        drawn = sampler.sample(
            [self._ids(prompt) for prompt in prompts], n, Draw(max_tokens=self._letters, temperature=1.0, seed=seed)
        )
        texts = tuple(
            tuple(self._tokenizer.batch_decode([sample.tokens for sample in group], skip_special_tokens=True))
            for group in drawn
        )
        starts = [array("i", self._ids(prompt)) for prompt in prompts]
        return Answers(
            prompts=tuple(prompts),
            texts=texts,
            rows=tuple(
                start + self._closed(sample) for start, group in zip(starts, drawn, strict=True) for sample in group
            ),
            starts=tuple(len(start) for start, group in zip(starts, drawn, strict=True) for _ in group),
            sampled=tuple(len(sample.tokens) for group in drawn for sample in group),
        )

    def kl(self, answers: Answers, start: TinyPolicy) -> list[float]:
        """KL(self‖start) in nats of each answer's continuation, averaged by prompt: [prompts].

        At each place of an answer that this policy gave, over all tokens that could have come: less noisy than the
        log-ratio of those that did, and never below 0.
        """
        mine, others = self._scores(answers.rows), start._scores(answers.rows)
        first, sampled = torch.tensor(answers.starts)[:, None], torch.tensor(answers.sampled)[:, None]
        places = torch.arange(mine.shape[1]) + 1
        asked = (places >= first) & (places < first + sampled)
        divergence = ((mine.exp() * (mine - others)).sum(-1) * asked).sum(-1)
        by_prompt: list[float] = divergence.view(len(answers.prompts), -1).mean(1).tolist()
        return by_prompt

    def _scores(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Log-probabilities of what comes after each token: [rows, longest, vocabulary]."""
        longest = max(map(len, rows))
        ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
        with torch.inference_mode():
            logits: Any = self._model(input_ids=ids, use_cache=False).logits
        return torch.log_softmax(logits.float(), dim=-1)

    def _closed(self, sample: Sample) -> Tokens:
        return array("i", sample.tokens if sample.finished else [*sample.tokens, self._tokenizer.eos_token_id])

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text)["input_ids"])
