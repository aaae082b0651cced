"""What transformers does for the policy of checkpoints: loads one, tokenizes messages, takes up answers."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Event
from typing import Any

import torch
import transformers

from reflexa.errors import PolicyError, UsageError
from reflexa.models.chat import ChatFormat
from reflexa.models.local.adapters import load_weights
from reflexa.models.local.attention import use_cell_attention
from reflexa.models.local.decoder import Decoder, Group, Row
from reflexa.models.local.draws import Settings
from reflexa.models.local.memory import settle
from reflexa.types import Completion, Message, Sampling, Usage

_ENDS_OF_TURN = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "<|endoftext|>", "</s>")
# transformers is typed in parts only, and some of its functions not at all.
_hf: Any = transformers
_TOLERANCE = 0.3
"""Nats by which log-probabilities drawn step by step may differ, on average, from those of one pass in bf16."""
_BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


class Call:
    """One call's group of rows, with an answer to come for each."""

    def __init__(self, engine: LocalEngine, prompt: Sequence[int], sampling: Sampling, n: int) -> None:
        self._engine, self._sampling = engine, sampling
        self._stops = tuple(text for text in (*sampling.stop, *engine.closers) if text)
        seed = secrets.randbits(63) if sampling.seed is None else sampling.seed
        draws = [
            Settings((seed + index,), sampling.temperature, sampling.top_p, sampling.logprobs) for index in range(n)
        ]
        self.group = Group(prompt, draws, min(sampling.max_tokens, engine.context - len(prompt)), self._ends)
        self.answers: dict[Row, Future[Completion]] = {row: Future() for row in self.group.rows}
        self.cancelled = Event()

    @property
    def settled(self) -> bool:
        return all(answer.done() for answer in self.answers.values())

    def settle(self, row: Row) -> None:
        """Gives the answer of a row that has ended. The first one carries the prompt, which is computed once."""
        text = self._engine.text(row.tokens)
        text = text[: min((text.find(stop) for stop in self._stops if stop in text), default=len(text))]
        known = self._sampling.logprobs
        computed = len(self.group.prompt) if row is self.group.rows[0] else 0
        self.answers[row].set_result(
            Completion(
                text=text,
                finish_reason="stop" if row.finished else "length",
                usage=Usage(input_tokens=computed, output_tokens=len(row.tokens), cost_usd=0.0),
                token_ids=tuple(row.tokens) if known else None,
                logprobs=tuple(row.logprobs) if known else None,
            )
        )

    def fail(self, error: PolicyError | None = None) -> None:
        """Ends the answers that are still to come, with the error or as cancelled."""
        for answer in self.answers.values():
            if not answer.done() and error is None:
                answer.cancel()
            elif not answer.done():
                answer.set_exception(error)

    def _ends(self, row: Row) -> bool:
        if row.tokens[-1] in self._engine.ends:
            return True
        if not self._stops:
            return False
        # A character takes at most four tokens, so a stop string that has just ended lies within this tail.
        tail = self._engine.text(row.tokens[-(4 * max(map(len, self._stops)) + 4) :])
        return any(stop in tail for stop in self._stops)


class LocalEngine:
    """A model with its tokenizer. ``context`` is the most tokens that a row may hold, prompt and answer together.

    ``ends`` are the tokens, ``closers`` the texts that end an answer. Raises ``PolicyError`` where the checkpoint
    cannot be loaded or computed.
    """

    def __init__(self, where: str, context: int, threads: int | None) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self._model, self._tokenizer = load_language_model(where, "cuda" if torch.cuda.is_available() else "cpu")
        settle(self._model)
        self.context = min([context, *_bounds(self._model.config.get_text_config())])
        self._chat = chat_format(self._tokenizer)
        self.closers = self._chat.stops
        self.ends = frozenset(end_tokens(self._model, self._tokenizer))
        _check(self._model, where)

    def call(self, prompt: Sequence[int], sampling: Sampling, n: int) -> Call:
        """A call for ``n`` samples that continue the prompt's tokens."""
        return Call(self, prompt, sampling, n)

    def decoder(self, slots: int) -> Decoder:
        """A new decoder over the model."""
        return Decoder(self._model, slots)

    def text(self, tokens: Sequence[int]) -> str:
        """What tokens say, control tokens left out."""
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """The prompt's token ids. A message's text never becomes a control token."""
        pieces = self._chat.render(messages)
        ids = [token for piece in pieces for token in self._ids(piece)]
        return ids if self._tokenizer.chat_template else [*self._opening(), *ids]

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _opening(self) -> list[int]:
        """The token that opens a text, for models without a chat template whose tokenizer puts one."""
        opening = self._tokenizer("")["input_ids"][:1]
        return opening if opening == [self._tokenizer.bos_token_id] else []


def _bounds(config: Any) -> list[int]:
    """The most tokens that a model's configuration lets a sequence have, as far as it says."""
    kinds = getattr(config, "layer_types", None) or ["sliding_attention"]
    window = getattr(config, "sliding_window", None) if "sliding_attention" in kinds else None
    return [bound for bound in (getattr(config, "max_position_embeddings", None), window) if bound]


def _check(model: Any, where: str) -> None:
    """Makes the model attend by cells, and compares what it then says token by token with its own forward call.

    Raises ``PolicyError`` for architectures that carry something from token to token besides plain attention.
    """
    attention = model.config._attn_implementation
    vocabulary = int(model.config.get_text_config().vocab_size)
    tokens = [7 % vocabulary + 31 * index % max(1, vocabulary - 8) for index in range(18)]
    groups = [
        Group(tokens[:7], [Settings((0, index), 1.0, 1.0) for index in range(2)], 4, lambda row: False),
        Group(tokens[7:], [Settings((1,), 1.0, 1.0)], 4, lambda row: False),
    ]
    rows = [row for group in groups for row in group.rows]
    try:
        use_cell_attention(model)
        decoder = Decoder(model, len(rows))
        for group in groups:
            decoder.add(group)
        while decoder.busy:
            decoder.step()
        model.set_attn_implementation(attention)
        difference = max(_difference(model, row) for row in rows)
    except Exception as error:  # whatever an unforeseen architecture stumbles over
        raise PolicyError(f"cannot run {where}, {type(model).__name__}: {type(error).__name__}: {error}") from error
    if not difference < _TOLERANCE:
        raise PolicyError(
            f"cannot run {where}: {type(model).__name__} says something else token by token, by {difference:.3g} nats: "
            "its attention is not plain and causal. Serve it (vLLM, ollama) and name it as a hosted model"
        )
    use_cell_attention(model)


@torch.inference_mode()
def _difference(model: Any, row: Row) -> float:
    """How far a row's log-probabilities are, on average, from those of the model's own forward call, in nats."""
    ids = torch.tensor([[*row.group.prompt, *row.tokens]], device=model.device)
    logits = model(input_ids=ids, use_cache=False).logits[0, -len(row.tokens) - 1 : -1].float()
    plain = torch.log_softmax(logits, dim=-1).gather(1, ids[0, -len(row.tokens) :].unsqueeze(1)).squeeze(1).cpu()
    return float((plain - torch.tensor(row.logprobs)).abs().mean())


def load_language_model(where: str, device: str) -> tuple[Any, Any]:
    """The model of a checkpoint, ready to compute, and its tokenizer. Raises ``PolicyError``."""
    _hf.logging.set_verbosity_error()
    _hf.logging.disable_progress_bar()
    try:
        tokenizer = _hf.AutoTokenizer.from_pretrained(where)
        model = load_weights(where, compute_type(device))
    except UsageError:
        raise
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
