"""The processes in which expressions are read and compared; ``math_pool`` is the other side.

The first imports math-verify once, gives up files, network and other processes where the system has the means, and
then only forks: evaluators, one per socket that it is handed. An evaluator answers one request after the other and may
use so many CPU-seconds for each. The kernel ends it when it uses more (SIGPROF), so that no expression, whatever it is
stuck in, outlives its budget.
"""

from __future__ import annotations

import contextlib
import gc
import os
import re
import resource
import signal
import socket
import struct
import sys
from functools import lru_cache
from typing import Any

from reflexa.sandbox.worker import confine, frames
from reflexa.verifiers.workers import parent, ready

COMMAND = struct.Struct("!cI")
"""``S`` starts an evaluator on the socket that comes with it; ``E`` ends the evaluator of that process id.

Answered by a frame whose ``done`` is, to ``S``, the process id, and to ``E`` the signal that the evaluator had died of,
or 0.
"""
_MAX_REQUESTS = 2000
_SHOWN_CHARS = 200
_VALUES_OF_AN_UNKNOWN = 2
_DECIMAL_COMMA = re.compile(r"-?\d+,\d{1,2}|-?0,\d+")
_MARKED = re.compile(r"(?<!\\)(?:\$|\\[(\[]|\\boxed)")
_FAMILIAR = (
    (r"\frac{14}{3}", r"\sqrt{12} + 1"),
    ("p - q", r"q \cdot p"),
    ("x = 5", "2x = 11"),
    ("[0, 1)", r"(0, 1] \cup \{3\}"),
    (r"\{1, 2\}", "1, 3"),
    (r"50\%", "0.25"),
    (r"\sin x", r"\log_2 e^x"),
    ("x < 2", r"x \geq 2"),
    (r"\begin{pmatrix} 1 \\ 7 \end{pmatrix}", r"\begin{pmatrix} 2 \\ \pi \end{pmatrix}"),
)
_RULES = {"decimals": 6, "strict": True, "relations": False, "plain": True}


def main(readable: list[str], tasks: int, memory_bytes: int) -> None:
    """Follows the commands of the parent until it closes the socket.

    ``readable`` is what may still be read; ``tasks`` counts what the user runs; ``memory_bytes`` bound an evaluator.
    """
    control = socket.socket(fileno=parent())
    stream = frames.Stream(control.fileno(), control.fileno())
    _warm_up()
    confine.confine_zygote(confine.Confinement(tuple(readable), required=False, tasks=tasks))
    confinement = confine.ChildConfinement(required=False)
    gc.freeze()
    children: set[int] = set()
    ready(stream)
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, COMMAND.size, 1)
        if not data:
            break
        order, pid = COMMAND.unpack(data)
        if order == b"S":
            answer = os.fork()
            if answer == 0:
                control.close()
                _evaluate(descriptors[0], memory_bytes, confinement)
            os.close(descriptors[0])
            children.add(answer)
        else:
            answer = _ended(pid)
            children.discard(pid)
        stream.write({"done": answer})
    for pid in children:
        _ended(pid)


def _warm_up() -> None:
    """Loads what is imported late, and fills the parsers' caches: evaluators inherit both."""
    for left, right in _FAMILIAR:
        _compare(_reference((left,)), rf"\boxed{{{right}}}", _RULES)


def _ended(pid: int) -> int:
    """Ends a child and returns the signal that it had died of; 0 where it ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def _evaluate(descriptor: int, memory_bytes: int, confinement: confine.ChildConfinement) -> None:
    """Answers requests until the socket closes, or the process has grown old or large. Never returns."""
    code = 1
    try:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        confinement.apply(receives=False)
        _serve(frames.Stream(descriptor, descriptor), memory_bytes)
        code = 0
    finally:
        os._exit(code)


def _serve(stream: frames.Stream, memory_bytes: int) -> None:
    for number in range(_MAX_REQUESTS):
        try:
            request = stream.read()
        except frames.FrameError:
            return
        signal.setitimer(signal.ITIMER_PROF, request["seconds"])
        reference = _reference(tuple(request["reference"]))
        stream.write({"readable": bool(reference)})
        readings = [_compare(reference, candidate, request["rules"]) for candidate in request["candidates"]]
        signal.setitimer(signal.ITIMER_PROF, 0)
        last = number == _MAX_REQUESTS - 1 or _peak_bytes() > memory_bytes // 2
        stream.write({"readings": readings, "last": last})
        if last:
            return


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@lru_cache(maxsize=256)
def _reference(answers: tuple[str, ...]) -> tuple[Any, ...]:
    """What the reference answer and its aliases may be read as; empty where they are no mathematics."""
    return tuple(reading for answer in answers for reading in _alternatives(answer))


def _alternatives(answer: str) -> list[Any]:
    text = answer.strip()
    if _MARKED.search(text):
        return _parse(text)
    found = _parse(rf"\boxed{{{text}}}") if text else []
    return found + _parse(text) if not found or _DECIMAL_COMMA.fullmatch(text) else found


def _parse(text: str, plain: bool = True) -> list[Any]:
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse

    latex, expression = LatexExtractionConfig(boxed_match_priority=0), ExprExtractionConfig()
    return list(parse(text, (latex, expression) if plain else (latex,), parsing_timeout=None))


def _compare(reference: tuple[Any, ...], candidate: str, rules: dict[str, Any]) -> dict[str, Any]:
    """How a candidate was read, and whether it is the reference. What cannot be computed is not equal."""
    found = _parse(candidate, rules["plain"])
    shown = next((each for each in found if isinstance(each, str)), "")
    try:
        correct = bool(found) and _equal(reference, found, rules) and not _lists_values(found[0], "boxed" in candidate)
    except Exception:
        correct = False
    return {"shown": shown[:_SHOWN_CHARS], "correct": correct}


def _equal(reference: tuple[Any, ...], found: list[Any], rules: dict[str, Any]) -> bool:
    from math_verify import verify

    return bool(
        verify(
            list(reference),
            found,
            float_rounding=rules["decimals"],
            strict=rules["strict"],
            allow_set_relation_comp=rules["relations"],
            timeout_seconds=None,
        )
    )


def _lists_values(value: Any, boxed: bool) -> bool:
    """Whether a chain of equalities lists candidates, as ``1 = 2 = 3`` does: of a chain the last would count."""
    from math_verify.grader import is_equation

    if isinstance(value, str) or not is_equation(value):
        return False
    relations = getattr(value, "_unsorted_args", None) or (value,)
    sides = [relations[0].lhs, *(relation.rhs for relation in relations)]
    values = {str(side.doit().evalf(6)) for side in sides if side.is_number}
    return len(values) > (1 if boxed and sides[0].is_number else _VALUES_OF_AN_UNKNOWN)
