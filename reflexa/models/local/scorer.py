"""Trained scorers: reward models that score whole answers, and process reward models that score steps.

A scorer is a checkpoint folder of transformers, as ``reflexa train reward``, ``orm`` and ``prm`` write it: a sequence
classifier with one output, or a token classifier with two (wrong, right).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from torch import Tensor

from reflexa.errors import ContextOverflowError, PolicyError, UsageError
from reflexa.models.local.encoding import Encoder, Tokens
from reflexa.models.local.engine import compute_type
from reflexa.rows import Text

# transformers is typed in parts only, and some of its functions not at all.
_hf: Any = transformers
_TOKENS = 8192
"""Tokens computed at once, padding included."""
_ANSWERS, _STEPS = "SequenceClassification", "TokenClassification"


@dataclass(frozen=True)
class _Asked:
    """A sequence, and the places in it that the head reads."""

    tokens: Tokens
    places: tuple[int, ...]


class LocalScorer:
    """A checkpoint folder, or a repository of the hub, with a scoring head (safetensors only; no code of it is run).

    ``scores_steps`` tells a process reward model from a reward model. Raises ``PolicyError`` where the checkpoint
    cannot be loaded or has no such head.
    """

    def __init__(self, where: str, threads: int | None = None) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self.name = f"hf:{where}"
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self.dtype = compute_type(self._device)
        """What the model computes in; the head itself in fp32."""
        self._model, tokenizer = _load(where, self.dtype)
        self._model.to(self._device).eval()
        self.scores_steps = type(self._model).__name__.endswith(_STEPS)
        self._encoder = Encoder(self._model, tokenizer)
        self._context = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)

    def score(self, pairs: Sequence[tuple[Text, Text]]) -> list[float]:
        """The raw score of each (prompt, answer): a logit, of which a reward model means the order alone.

        Raises ``UsageError`` for a process reward model, ``ContextOverflowError`` where a pair does not fit.
        """
        exchanges = (self._encoder.exchange(prompt, (answer,)) for prompt, answer in pairs)
        return self.score_tokens([start + completion for start, (completion,) in exchanges])

    def score_tokens(self, rows: Sequence[Tokens]) -> list[float]:
        """The raw score of each row of token ids: a prompt and its answer, with the token that ends it.

        Raises as ``score`` does.
        """
        if self.scores_steps:
            raise UsageError(
                f"{self.name} scores steps, not whole answers: ask it for step scores, or use a reward model"
            )
        return [scores[0, 0].item() for scores in self._outputs([_Asked(row, (len(row) - 1,)) for row in rows])]

    def step_scores(self, prompt: Text, steps: Sequence[str]) -> list[float]:
        """The probability that each step of a solution is right, given all before it.

        Raises ``UsageError`` for a model of whole answers, ``ContextOverflowError`` where the steps do not fit.
        """
        if not self.scores_steps:
            raise UsageError(f"{self.name} scores whole answers, not steps: use a process reward model")
        if not steps:
            return []
        start, solution, marks = self._encoder.steps(prompt, steps)
        asked = _Asked(start + solution, tuple(len(start) + mark for mark in marks))
        (logits,) = self._outputs([asked])
        return [float(right) for right in torch.softmax(logits, dim=-1)[:, 1]]

    def close(self) -> None:
        """Frees the model."""
        self._model = None

    def _outputs(self, asked: Sequence[_Asked]) -> list[Tensor]:
        """The head's outputs [places, labels] for each sequence, in the order asked."""
        for one in asked:
            if self._context is not None and len(one.tokens) > self._context:
                raise ContextOverflowError(
                    f"prompt and answer have {len(one.tokens)} tokens, {self.name} holds {self._context}: shorten them"
                )
        if self._model is None:
            raise PolicyError(f"{self.name} is closed: open it again")
        outputs: dict[int, Tensor] = {}
        for batch in _batches([len(one.tokens) for one in asked]):
            hidden = self._hidden([asked[index].tokens for index in batch])
            for row, index in enumerate(batch):
                outputs[index] = self._head(hidden[row, list(asked[index].places)])
        return [outputs[index] for index in range(len(asked))]

    def _hidden(self, rows: Sequence[Tokens]) -> Tensor:
        """The last hidden states [rows, longest, width]."""
        width = max(map(len, rows))
        ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        with torch.inference_mode():
            hidden: Tensor = self._model.base_model(
                input_ids=ids.to(self._device), attention_mask=mask.to(self._device), use_cache=False
            ).last_hidden_state
        return hidden

    def _head(self, hidden: Tensor) -> Tensor:
        """The head's outputs [places, labels], in fp32: in bf16 near scores would become equal ones."""
        head = self._model.score
        bias = None if head.bias is None else head.bias.float()
        with torch.inference_mode():
            return torch.nn.functional.linear(hidden.float(), head.weight.float(), bias).cpu()


def _batches(sizes: Sequence[int]) -> Iterator[list[int]]:
    """Indices of sequences that are computed together, the longest first, none padded by more than it must be."""
    batch: list[int] = []
    for index in sorted(range(len(sizes)), key=lambda index: -sizes[index]):
        if batch and sizes[batch[0]] * (len(batch) + 1) > _TOKENS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _load(where: str, dtype: torch.dtype) -> tuple[Any, Any]:
    _hf.logging.set_verbosity_error()
    _hf.logging.disable_progress_bar()
    try:
        config = _hf.AutoConfig.from_pretrained(where)
        kind = _kind(where, config)
        tokenizer = _hf.AutoTokenizer.from_pretrained(where)
        loader = getattr(_hf, f"AutoModelFor{kind}")
        model = loader.from_pretrained(where, dtype=dtype, use_safetensors=True)
    except PolicyError:
        raise
    except Exception as error:  # transformers raises a dozen unrelated types for files that it cannot use
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise PolicyError(
            f"cannot load {where}: {reason}. Expected the folder of a trained reward model (config.json, tokenizer, "
            "*.safetensors), or a repository of a hub that can be reached"
        ) from error
    return model, tokenizer


def _kind(where: str, config: Any) -> str:
    architectures = config.architectures or []
    labels = {_ANSWERS: 1, _STEPS: 2}
    for kind, outputs in labels.items():
        if any(name.endswith(kind) for name in architectures) and config.num_labels == outputs:
            return kind
    raise PolicyError(
        f"{where} is {', '.join(architectures) or 'of no known kind'} with {config.num_labels} outputs: expected a "
        "sequence classifier with one output (a reward model) or a token classifier with two (a process reward model)"
    )
