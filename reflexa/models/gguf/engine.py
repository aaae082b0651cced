"""Starts llama.cpp and reads what it answers; the only module that touches xllamacpp."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from reflexa.errors import ContextOverflowError, MissingExtraError, PolicyError
from reflexa.types import Completion, FinishReason, Usage

_BATCH = 512
"""Prompt tokens computed in one go: bounds how long a prompt holds up the other slots, and a cancelled call."""


def start_engine(path: Path, slots: int, context: int, threads: int | None) -> Any:
    """An ``xllamacpp.Server`` with ``slots`` slots of ``context`` tokens; freed when its last reference goes.

    Raises ``MissingExtraError`` without xllamacpp and ``PolicyError`` where the file cannot be loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import xllamacpp
    except ModuleNotFoundError as error:
        raise MissingExtraError("running GGUF models, the embedded one among them,", "embedded") from error
    except ImportError as error:
        raise PolicyError(f"llama.cpp cannot be loaded ({error}): install the system library that it names") from error
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_parallel = slots
    params.n_ctx = context * slots
    params.n_batch = params.n_ubatch = _BATCH
    # A lone row is too little work to share: its threads mostly wait for each other, and for ever on a busy machine.
    params.cpuparams.n_threads = threads or max(1, _cores() - 1)
    params.cpuparams_batch.n_threads = threads or _cores()
    params.fit_params = False
    params.cache_ram_mib = 0
    params.cache_idle_slots = False
    params.verbosity = -1
    params.warmup = False
    _lock_listener(params)
    try:
        engine = xllamacpp.Server(params)
    except RuntimeError as error:
        raise PolicyError(f"llama.cpp cannot load {path}: the file is damaged or of a kind it does not know") from error
    # An engine that is freed before its loop has begun waits for itself for ever; the first answer shows that it runs.
    completions_from([engine.handle_completions({"prompt": "a", "max_tokens": 1})], 1)
    return engine


def _lock_listener(params: Any) -> None:
    """The engine opens an HTTP port on the loopback that cannot be turned off: nobody is given its key."""
    params.api_keys = [secrets.token_urlsafe(32)]
    params.n_threads_http = 1
    params.endpoint_slots = False
    params.ui = False


def _cores() -> int:
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def completions_from(raw: Sequence[dict[str, Any]], count: int) -> list[Completion] | None:
    """The completions of one request from its chunks; None where not every one of ``count`` was finished.

    The first carries the prompt's tokens: the engine computes a prompt once for all its samples. Raises
    ``ContextOverflowError`` and ``PolicyError`` for what the engine refused.
    """
    try:
        chunks = [_Chunk.model_validate(chunk) for chunk in raw]
    except ValidationError as error:
        raise PolicyError(f"llama.cpp answered in a form that this version does not know: {error}") from error
    for chunk in chunks:
        if chunk.error is not None:
            raise _error(chunk.error)
    finished = [_completion(chunks, index) for index in range(count)]
    whole = [completion for completion in finished if completion is not None]
    return whole if len(whole) == count else None


class _Lenient(BaseModel):
    """What llama.cpp sends; fields that nobody reads are left out."""

    model_config = ConfigDict(extra="ignore")


class _TokenLogprob(_Lenient):
    id: int
    logprob: float


class _Logprobs(_Lenient):
    content: list[_TokenLogprob] = []


class _Choice(_Lenient):
    index: int
    text: str
    finish_reason: FinishReason | None = None
    logprobs: _Logprobs | None = None


class _Counts(_Lenient):
    prompt_tokens: int
    completion_tokens: int


class _Failure(_Lenient):
    message: str
    type: str = ""
    n_prompt_tokens: int = 0
    n_ctx: int = 0


class _Chunk(_Lenient):
    choices: list[_Choice] = []
    usage: _Counts | None = None
    error: _Failure | None = None


def _completion(chunks: Sequence[_Chunk], index: int) -> Completion | None:
    parts: list[str] = []
    for chunk in chunks:
        for choice in chunk.choices:
            if choice.index != index:
                continue
            parts.append(choice.text)
            if choice.finish_reason is not None:
                return _finished("".join(parts), choice, choice.finish_reason, chunk.usage)
    return None


def _finished(text: str, choice: _Choice, reason: FinishReason, counts: _Counts | None) -> Completion:
    if counts is None:
        raise PolicyError("llama.cpp did not say how many tokens it made: this version of xllamacpp is not supported")
    prompt_tokens = counts.prompt_tokens if choice.index == 0 else 0
    usage = Usage(input_tokens=prompt_tokens, output_tokens=counts.completion_tokens, cost_usd=0.0)
    tokens = choice.logprobs.content if choice.logprobs else []
    # llama.cpp leaves out the tokens of characters that are spread over several: then none can be told apart.
    if not tokens or len(tokens) != counts.completion_tokens:
        return Completion(text=text, finish_reason=reason, usage=usage)
    return Completion(
        text=text,
        finish_reason=reason,
        usage=usage,
        token_ids=tuple(token.id for token in tokens),
        logprobs=tuple(token.logprob for token in tokens),
    )


def _error(failure: _Failure) -> PolicyError:
    if failure.type == "exceed_context_size_error":
        return ContextOverflowError(
            f"the messages have {failure.n_prompt_tokens} tokens and the model's context holds {failure.n_ctx}: "
            "shorten them, keep fewer reflections, or open the model with a larger context"
        )
    return PolicyError(f"llama.cpp refused the call: {failure.message}")
