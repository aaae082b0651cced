"""What transformers does for ``reflexa.models.local``: loads a checkpoint, tokenizes messages, generates batches."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import torch
import transformers
from torch import Tensor

from reflexa.errors import PolicyError
from reflexa.models.chat import ChatFormat
from reflexa.types import Completion, FinishReason, Message, Sampling, Usage

_ENDS_OF_TURN = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "<|endoftext|>", "</s>")
# transformers is typed in parts only, and some of its functions not at all.
_hf: Any = transformers
_SEEDS = 2**63
_BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


@dataclass(eq=False)
class Row:
    """One sample to draw, and what is known of it while it is being drawn."""

    prompt: list[int]
    sampling: Sampling
    limit: int
    generator: torch.Generator
    stops: tuple[str, ...]
    answer: Future[Completion] = field(default_factory=Future)
    cancelled: Event = field(default_factory=Event)
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    reason: FinishReason | None = None

    @property
    def open(self) -> bool:
        return self.reason is None and not self.cancelled.is_set()


class LocalEngine:
    """A model with its tokenizer. ``context`` is the most tokens that a row may hold, prompt and answer together."""

    def __init__(self, where: str, context: int, threads: int | None) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model, self._tokenizer = load_language_model(where, self._device)
        self.context = min(context, getattr(self._model.config, "max_position_embeddings", None) or context)
        self._chat = chat_format(self._tokenizer)
        self._ends = end_tokens(self._model, self._tokenizer)
        pad = self._tokenizer.pad_token_id
        self._pad = int(pad) if pad is not None else min(self._ends, default=0)
        # Generation defaults that a checkpoint brings (penalties, its own sampling) would bend what was asked for.
        self._model.generation_config = _hf.GenerationConfig(
            do_sample=False, eos_token_id=sorted(self._ends) or None, pad_token_id=self._pad
        )

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """The prompt's token ids. A message's text never becomes a control token."""
        pieces = self._chat.render(messages)
        ids = [token for piece in pieces for token in self._ids(piece)]
        return ids if self._tokenizer.chat_template else [*self._opening(), *ids]

    def row(self, prompt: list[int], sampling: Sampling, index: int) -> Row:
        generator = torch.Generator()
        if sampling.seed is None:
            generator.seed()
        else:
            generator.manual_seed((sampling.seed + index) % _SEEDS)
        limit = min(sampling.max_tokens, self.context - len(prompt))
        stops = tuple(text for text in (*sampling.stop, *self._chat.stops) if text)
        return Row(prompt=prompt, sampling=sampling, limit=limit, generator=generator, stops=stops)

    def run(self, rows: Sequence[Row], closing: Event) -> None:
        """Generates all rows as one batch and settles their answers."""
        width = max(len(row.prompt) for row in rows)
        ids = torch.tensor([[self._pad] * (width - len(row.prompt)) + row.prompt for row in rows])
        mask = torch.tensor([[0] * (width - len(row.prompt)) + [1] * len(row.prompt) for row in rows])
        with torch.inference_mode():
            self._model.generate(
                input_ids=ids.to(self._device),
                attention_mask=mask.to(self._device),
                max_new_tokens=max(row.limit for row in rows),
                logits_processor=transformers.LogitsProcessorList([_Draw(rows)]),
                stopping_criteria=transformers.StoppingCriteriaList([_Watch(self, rows, closing)]),
            )
        for row in rows:
            if row.cancelled.is_set() or (row.open and closing.is_set()):
                row.answer.cancel()
            else:
                row.answer.set_result(self._completion(row))

    def note(self, row: Row, token: int) -> None:
        """Takes up a row's next token, and decides whether the row ends with it."""
        row.tokens.append(token)
        if token in self._ends or self._stopped(row):
            row.reason = "stop"
        elif len(row.tokens) >= row.limit:
            row.reason = "length"

    def _stopped(self, row: Row) -> bool:
        if not row.stops:
            return False
        # A character takes at most four tokens, so a stop string that has just ended lies within this tail.
        tail = self._text(row.tokens[-(4 * max(map(len, row.stops)) + 4) :])
        return any(stop in tail for stop in row.stops)

    def _completion(self, row: Row) -> Completion:
        text = self._text(row.tokens)
        text = text[: min((text.find(stop) for stop in row.stops if stop in text), default=len(text))]
        known = row.sampling.logprobs
        return Completion(
            text=text,
            finish_reason=row.reason or "length",
            usage=Usage(input_tokens=len(row.prompt), output_tokens=len(row.tokens), cost_usd=0.0),
            token_ids=tuple(row.tokens) if known else None,
            logprobs=tuple(row.logprobs) if known else None,
        )

    def _text(self, tokens: Sequence[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _opening(self) -> list[int]:
        """The token that opens a text, for models without a chat template whose tokenizer puts one."""
        opening = self._tokenizer("")["input_ids"][:1]
        return opening if opening == [self._tokenizer.bos_token_id] else []


class _Draw(transformers.LogitsProcessor):
    """Draws each row's next token with the row's own settings and leaves ``generate`` only that one to choose."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        logits = scores.float()
        chosen = torch.tensor([self._draw(row, logits[index]) for index, row in enumerate(self._rows)])
        only = torch.full_like(scores, float("-inf"))
        return only.scatter(1, chosen.unsqueeze(1).to(scores.device), 0.0)

    @staticmethod
    def _draw(row: Row, logits: Tensor) -> int:
        token = draw(logits, row.sampling, row.generator)
        if row.open and row.sampling.logprobs:
            row.logprobs.append(float(torch.log_softmax(logits, dim=-1)[token]))
        return token


class _Watch(transformers.StoppingCriteria):
    """Ends each row at its own limit, stop string, end token or cancellation."""

    def __init__(self, engine: LocalEngine, rows: Sequence[Row], closing: Event) -> None:
        self._engine, self._rows, self._closing = engine, rows, closing

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        for row, token in zip(self._rows, input_ids[:, -1].tolist(), strict=True):
            if row.open:
                self._engine.note(row, int(token))
        ended = [self._closing.is_set() or not row.open for row in self._rows]
        return torch.tensor(ended, device=input_ids.device)


def draw(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> int:
    """One token id from ``logits`` (float32, [vocabulary]): the likeliest at temperature 0, else by nucleus sampling.

    The draw is made on the CPU, so that a seed means the same on every device.
    """
    if sampling.temperature == 0:
        return int(logits.argmax())
    probabilities = torch.softmax(logits.cpu() / sampling.temperature, dim=-1)
    if sampling.top_p < 1:
        ranked, order = probabilities.sort(descending=True)
        beyond = ranked.cumsum(0) - ranked >= sampling.top_p
        probabilities = torch.zeros_like(probabilities).scatter(0, order, ranked.masked_fill(beyond, 0.0))
    return int(torch.multinomial(probabilities, 1, generator=generator))


def load_language_model(where: str, device: str) -> tuple[Any, Any]:
    """The model of a checkpoint, ready to compute, and its tokenizer. Raises ``PolicyError``."""
    _hf.logging.set_verbosity_error()
    _hf.logging.disable_progress_bar()
    try:
        tokenizer = _hf.AutoTokenizer.from_pretrained(where)
        model = _hf.AutoModelForCausalLM.from_pretrained(where, dtype=compute_type(device), use_safetensors=True)
    except Exception as error:  # transformers raises a dozen unrelated types for files that it cannot use
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise PolicyError(
            f"cannot load {where}: {reason}. Expected a checkpoint folder (config.json, tokenizer, *.safetensors) or a "
            "repository of a hub that can be reached"
        ) from error
    return model.to(device).eval(), tokenizer


def compute_type(device: str) -> torch.dtype:
    """bf16 where the processor computes in it; on others it would only be slower."""
    fast = torch.cuda.is_bf16_supported() if device == "cuda" else cpu_has_bf16()
    return torch.bfloat16 if fast else torch.float32


def cpu_has_bf16() -> bool:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    flags = (line.partition(":")[2].split() for line in lines if line.lower().startswith(("flags", "features")))
    return bool(_BF16_FLAGS & set(next(flags, [])))


def chat_format(tokenizer: Any) -> ChatFormat:
    template = tokenizer.get_chat_template() if tokenizer.chat_template else None
    added = tokenizer.added_tokens_decoder.values()
    specials = [token.content for token in added if token.special or not token.content.isspace()]
    return ChatFormat(template, specials, tokenizer.bos_token or "", tokenizer.eos_token or "")


def end_tokens(model: Any, tokenizer: Any) -> set[int]:
    """Tokens that end an answer: the checkpoint's own, and the usual ends of a turn that its template writes."""
    # Models with a scoring head generate nothing and have no such defaults.
    configured = getattr(getattr(model, "generation_config", model.config), "eos_token_id", None)
    ends = {*(configured if isinstance(configured, list) else [configured]), tokenizer.eos_token_id} - {None}
    names = {token.content: index for index, token in tokenizer.added_tokens_decoder.items()}
    template = str(tokenizer.chat_template or "")
    return {int(end) for end in ends} | {names[text] for text in _ENDS_OF_TURN if text in names and text in template}
