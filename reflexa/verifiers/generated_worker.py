"""The process that runs reasoning-gym's scorers, on the other side of ``reflexa.verifiers.generated``.

It loads the package, gives up files, network and other processes, and then answers requests. It is killed where it
takes too long.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from reflexa.sandbox.worker import codec, confine
from reflexa.verifiers import generated_scoring as scoring
from reflexa.verifiers.workers import serve

_MEMORY, _THREADS = 4 << 30, 64
_UNCONFINED = (
    "and this system has no Landlock and seccomp to confine it with: use another generator, or Linux 5.13 or later"
)


def main(readable: list[str], tasks: int) -> None:
    """Serves until the socket closes. ``readable`` is what may still be read; ``tasks`` counts what the user runs."""
    serve(partial(_loaded, tuple(readable), tasks))


def _loaded(readable: tuple[str, ...], tasks: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    sympy = importlib.import_module("sympy")
    importlib.import_module("reasoning_gym")
    sympy.simplify(sympy.parse_expr("x**2 - x*x"))
    return partial(_scored, confined=_confine(readable, tasks))


def _confine(readable: tuple[str, ...], tasks: int) -> bool:
    if sys.platform != "linux":
        return False
    try:
        confine.confine_zygote(confine.Confinement(readable, required=True, tasks=tasks))
        confine.bound_children(_MEMORY, _THREADS, tasks)
        confine.ChildConfinement(required=True).apply(receives=False)
    except OSError:
        return False
    return True


@lru_cache(maxsize=64)
def _scorer(generator: str, config: str) -> Any:
    """The generator's data set, whose configuration its scorer reads."""
    dataset_class, config_class = importlib.import_module("reasoning_gym.factory").DATASETS[generator]
    hints = get_type_hints(config_class)
    values = {key: TypeAdapter(hints[key]).validate_python(value) for key, value in json.loads(config).items()}
    return dataset_class(config_class(**values, seed=0, size=1))


def _scored(request: dict[str, Any], confined: bool) -> dict[str, Any]:
    """``score`` from 0 to 1 with ``note``, or ``error`` where the scorer itself does not work."""
    generator, answer = request["generator"], request["answer"]
    if generator in scoring.EVALUATING and not confined:
        return {"error": f"the scorer of {generator} evaluates answers as code, {_UNCONFINED}"}
    refused = scoring.refusal(generator, answer)
    if refused:
        return {"score": 0.0, "note": f"the answer is {refused}"}
    try:
        dataset = _scorer(generator, request["config"])
    except Exception as error:
        return {"error": f"the generator {generator} cannot be set up: {type(error).__name__}: {error}"}
    try:
        score = float(dataset.score_answer(answer, _entry(request)))
    except Exception as error:
        return _unreadable(dataset, request, error)
    if score >= 1 and not scoring.holds(generator, answer, _entry(request)):
        return {"score": 0.0, "note": f"{generator}'s scorer accepts it, but it is wrong"}
    return {"score": min(1.0, max(0.0, score)) if score == score else 0.0, "note": ""}


def _unreadable(dataset: Any, request: dict[str, Any], error: Exception) -> dict[str, Any]:
    """An answer that breaks the scorer is wrong, if the scorer can read a right one."""
    words = f"{type(error).__name__}: {error}"[:200]
    if request["reference"] is not None:
        try:
            dataset.score_answer(request["reference"], _entry(request))
        except Exception:
            return {"error": f"the scorer of {request['generator']} does not work: {words}"}
    return {"score": 0.0, "note": f"the scorer cannot read the answer ({words})"}


def _entry(request: dict[str, Any]) -> dict[str, Any]:
    """The entry anew, because scorers change what they are given."""
    return {"question": "", "answer": request["expected"], "metadata": codec.decode(request["metadata"])}
