"""A transformers model made ready for packed training, and proof that it computes what it should."""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers

from reflexa.errors import MissingExtraError, UsageError
from reflexa.models.local.engine import cpu_has_bf16
from reflexa.training.config import LoraConfig, Precision
from reflexa.training.engine.attention import use_packed_attention
from reflexa.training.engine.gates import use_fast_gates
from reflexa.training.engine.heads import KINDS, Head
from reflexa.training.engine.norms import use_fast_norms
from reflexa.training.engine.packing import Example, pack
from reflexa.training.engine.scorer import Scorer

# transformers is typed in parts only, and some of its functions not at all.
_hf: Any = transformers
_ADAPTER = "adapter_config.json"


def load_tokenizer(where: str) -> Any:
    """The tokenizer of a checkpoint. Raises ``UsageError`` where there is none."""
    try:
        return _hf.AutoTokenizer.from_pretrained(where)
    except Exception as error:  # transformers raises a dozen unrelated types for files that it cannot use
        raise _unusable(where, error) from error


def load_skeleton(where: str, head: Head = "language") -> Any:
    """The model without its weights: for counting, and for what its configuration says. Raises ``UsageError`` as
    above.
    """
    _hf.logging.set_verbosity_error()
    try:
        config = _hf.AutoConfig.from_pretrained(where, **KINDS[head].settings)
        with torch.device("meta"):
            model = getattr(_hf, KINDS[head].auto).from_config(config)
    except Exception as error:
        raise _unusable(where, error) from error
    if head == "language":
        with contextlib.suppress(OSError):
            model.generation_config = _hf.GenerationConfig.from_pretrained(where)
    return model


def load_model(where: str, head: Head = "language") -> Any:
    """The model in fp32, with its language-model head or a scoring head (a new one where it has none).

    Only safetensors are read, and no code of the repository is run. Raises ``UsageError`` for what cannot be loaded.
    """
    _hf.logging.set_verbosity_error()
    _hf.logging.disable_progress_bar()
    kind = KINDS[head]
    try:
        return getattr(_hf, kind.auto).from_pretrained(
            where, dtype=torch.float32, use_safetensors=True, **kind.settings
        )
    except Exception as error:
        raise _unusable(where, error) from error


def add_lora(model: Any, config: LoraConfig, resumed: Path | None = None) -> Any:
    """The model with low-rank adapters, all else frozen. ``resumed`` is a folder with adapters to take up."""
    peft = _peft()
    if resumed is not None:
        with _quietly():
            return peft.PeftModel.from_pretrained(model, str(resumed), is_trainable=True)
    settings = peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=list(config.targets) or "all-linear",
        task_type="SEQ_CLS" if hasattr(model, "score") else "CAUSAL_LM",
    )
    try:
        with _quietly():
            return peft.get_peft_model(model, settings)
    except ValueError as error:
        raise UsageError(f"the adapters do not fit the model: {error}") from error


def merged(where: str, adapters: Path, head: Head = "language") -> Any:
    """The model with the adapters of a folder merged into its weights, in fp32."""
    with _quietly():
        return _peft().PeftModel.from_pretrained(load_model(where, head), str(adapters)).merge_and_unload()


def _peft() -> Any:
    try:
        import peft
    except ModuleNotFoundError as error:
        raise MissingExtraError("training adapters", "train") from error
    return peft


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """peft asks transformers for a name that transformers is about to drop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def copy_weights(source: Any, target: Any) -> None:
    """Gives ``target`` the weights of ``source``, a model of the same architecture."""
    weights = dict(source.named_parameters())
    with torch.no_grad():
        for name, parameter in target.named_parameters():
            parameter.copy_(weights[name])


def compute_type(precision: Precision, device: torch.device) -> torch.dtype:
    """bf16 where the processor computes in it and nothing else is asked for."""
    if precision == "auto":
        fast = torch.cuda.is_bf16_supported() if device.type == "cuda" else cpu_has_bf16()
        return torch.bfloat16 if fast else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def prepare(model: Any) -> Scorer:
    """Makes a freshly loaded fp32 model compute packed rows, and checks that it still computes the same.

    Raises ``UsageError`` for architectures that carry something from token to token besides attention, that change
    their logits after the head, or that attend in ways that packed attention does not know.
    """
    rows = _probe(int(model.config.get_text_config().vocab_size))
    model.eval()
    with torch.no_grad():
        expected = [_plainly(model, row) for row in rows]
        use_packed_attention(model)
        use_fast_norms(model)
        use_fast_gates(model)
        scorer = Scorer(model)
        got = scorer(pack(rows, scores_tokens=scorer.scores_tokens).to(model.device))
    difference = float((torch.cat(expected) - got.reshape(-1)).abs().max())
    if not difference < 1e-2:
        raise UsageError(
            f"{type(model).__name__} scores packed rows differently from single ones (by {difference:.3g} nats): its "
            "architecture cannot be trained without padding. Models with plain causal attention can"
        )
    model.train()
    return scorer


def weights_digest(model: Any) -> str:
    """SHA-256 of all parameters, by name."""
    digest = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        digest.update(f"{name} {parameter.dtype} {list(parameter.shape)}".encode())
        digest.update(parameter.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _probe(vocabulary: int) -> list[Example]:
    """A tree and a plain sequence of arbitrary tokens."""
    tokens = array("i", (7 + 31 * index % max(1, vocabulary - 8) for index in range(24)))
    return [Example(tokens[:6], (tokens[6:11], tokens[11:14])), Example(tokens[14:18], (tokens[18:],))]


def _plainly(model: Any, row: Example) -> torch.Tensor:
    """The scores of a row's completions, each sequence by itself, without packing."""
    scores = []
    for completion in row.completions:
        ids = torch.tensor([[*row.prompt, *completion]], device=model.device)
        if hasattr(model, "score"):
            scores.append(model.score(model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0, -1]))
            continue
        logits = model(input_ids=ids, use_cache=False).logits
        logprobs = torch.log_softmax(logits[0, len(row.prompt) - 1 : -1].float(), dim=-1)
        scores.append(logprobs.gather(1, ids[0, len(row.prompt) :].unsqueeze(1)).squeeze(1))
    return torch.cat(scores)


def _unusable(where: str, error: Exception) -> UsageError:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    return UsageError(
        f"cannot load {where}: {reason}. Expected a checkpoint folder (config.json, tokenizer, *.safetensors) or a "
        "repository of a hub that can be reached"
    )
