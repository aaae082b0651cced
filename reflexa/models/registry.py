"""Model strings: what ``--model`` takes, and the policy that each form opens."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path

from reflexa.errors import PolicyError, UsageError
from reflexa.models.checkpoints import checkpoint_in, is_checkpoint
from reflexa.models.options import PolicyOptions
from reflexa.protocols import Policy
from reflexa.types import Frozen

_EMBEDDED = "embedded"
_FORMS = (
    "embedded, gguf:FILE, hf:REPO_OR_PATH, a checkpoint folder, scripted:FILE, replay:RUN, or a hosted model as "
    "litellm names it (openai/…, anthropic/…, ollama/…)"
)


class ModelForm(Frozen):
    """One form of model string, and whether it can be opened as things stand; ``hint`` says what would help."""

    form: str
    what: str
    ready: bool
    hint: str = ""


def open_policy(spec: str, options: PolicyOptions | None = None) -> Policy:
    """Opens the policy that ``spec`` names.

    Raises ``UsageError`` for a name that means nothing, ``MissingExtraError`` where packages are missing and
    ``PolicyError`` where the model cannot be loaded.
    """
    name, settings = spec.strip(), options or PolicyOptions()
    if name == _EMBEDDED:
        return _open_embedded(settings)
    prefix, colon, rest = name.partition(":")
    if colon and prefix in _OPENERS:
        if not rest:
            raise UsageError(f"model {name!r} names nothing after the colon: expected one of {_FORMS}")
        return _OPENERS[prefix](rest, settings)
    folder = checkpoint_in(name)
    if is_checkpoint(Path(folder)):
        return _open_local(folder, settings)
    _refuse_mistakes(name, settings)
    return _open_hosted(name, settings)


def list_models() -> tuple[ModelForm, ...]:
    """The forms of model strings, in the order in which a newcomer would try them. Loads no model."""
    llama = find_spec("xllamacpp") is not None
    torch = find_spec("torch") is not None and find_spec("transformers") is not None
    llama_hint = "" if llama else "scripts/reflexa setup embedded"
    weights_hint = "" if _has_embedded() else "reflexa models pull embedded"
    return (
        ModelForm(
            form=_EMBEDDED,
            what="SmolLM2-135M-Instruct on llama.cpp: no key, no network",
            ready=not (llama_hint or weights_hint),
            hint=llama_hint or weights_hint,
        ),
        ModelForm(form="gguf:FILE", what="any GGUF file on llama.cpp, in this process", ready=llama, hint=llama_hint),
        ModelForm(
            form="hf:REPO_OR_PATH",
            what="a checkpoint with transformers, in this process; a folder's name does too",
            ready=torch,
            hint="" if torch else "scripts/reflexa setup train",
        ),
        ModelForm(
            form="PROVIDER/MODEL", what="a hosted model, named as litellm names it; key in the environment", ready=True
        ),
        ModelForm(form="scripted:FILE", what="answers from a JSONL file: no model at all", ready=True),
        ModelForm(form="replay:RUN", what="the recorded calls of an earlier run: no model at all", ready=True),
    )


def _open_embedded(options: PolicyOptions) -> Policy:
    from reflexa.models.embedded import embedded_path
    from reflexa.models.gguf.policy import GgufPolicy

    return GgufPolicy(embedded_path(), options, name=_EMBEDDED)


def _open_gguf(file: str, options: PolicyOptions) -> Policy:
    from reflexa.models.gguf.policy import GgufPolicy

    return GgufPolicy(Path(file).expanduser(), options)


def _open_local(where: str, options: PolicyOptions) -> Policy:
    from reflexa.models.local.policy import LocalPolicy

    return LocalPolicy(checkpoint_in(where), options)


def _open_scripted(file: str, options: PolicyOptions) -> Policy:
    from reflexa.models.scripted import ScriptedPolicy

    return ScriptedPolicy.from_file(Path(file).expanduser())


def _refuse_replay(run: str, options: PolicyOptions) -> Policy:
    raise UsageError(
        f"replay:{run} needs the database that holds the run: use it as `reflexa run --model replay:{run}`"
    )


def _open_hosted(name: str, options: PolicyOptions) -> Policy:
    from reflexa.models.hosted.policy import HostedPolicy

    return HostedPolicy(model=name, api_base=options.api_base, timeout=options.timeout)


_OPENERS: dict[str, Callable[[str, PolicyOptions], Policy]] = {
    "gguf": _open_gguf,
    "hf": _open_local,
    "scripted": _open_scripted,
    "replay": _refuse_replay,
}


def _has_embedded() -> bool:
    from reflexa.models.embedded import embedded_path

    try:
        embedded_path()
    except PolicyError:
        return False
    return True


def _refuse_mistakes(name: str, options: PolicyOptions) -> None:
    """Raises for what is plainly meant to be local or misspelt, before litellm is imported to say so."""
    if not name:
        raise UsageError(f"the model's name is empty: expected one of {_FORMS}")
    path = Path(name).expanduser()
    if path.is_dir():
        raise UsageError(f"{name!r} is a folder without a checkpoint: expected config.json and *.safetensors in it")
    prefix = name.partition(":")[0] + ":" if ":" in name else name
    known = [_EMBEDDED, *(f"{opener}:" for opener in _OPENERS)]
    near = get_close_matches(prefix, known, n=1, cutoff=0.75)
    if near and options.api_base is None:
        raise UsageError(f"unknown model {name!r}: did you mean {near[0]}? Models are {_FORMS}")
    if name.endswith(".gguf") or path.is_file():
        raise UsageError(
            f"{name!r} is a file: write gguf:{name} for a GGUF model, scripted:{name} for answers from a file"
        )
    if name.startswith((".", "/", "~")):
        raise UsageError(
            f"there is no checkpoint folder {name!r}: expected a folder with config.json and *.safetensors"
        )
