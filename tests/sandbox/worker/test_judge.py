"""The judge's side against a candidate that a test plays by hand, lies included."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reflexa.sandbox.worker import judge
from reflexa.sandbox.worker.frames import FrameError, Stream

Reply = Callable[[dict[str, Any]], Any]
_REQUEST = {
    "entry_point": "f",
    "output_bytes": 10,
    "prelude": "",
    "cases": [],
    "tests": "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(2) == 3\n",
}


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """The judge names its namespace ``tests`` among the modules: here that is the tests' own package."""
    package = sys.modules.get("tests")
    yield
    sys.modules.pop("tests", None)
    if package is not None:
        sys.modules["tests"] = package


def _judge(reply: Reply, hello: Any = None, **changes: Any) -> dict[str, Any]:
    """Judges with ``reply`` as the candidate: what it gives is sent; None hangs up."""
    ours, theirs = socket.socketpair()

    def play() -> None:
        stream = Stream(theirs.fileno(), theirs.fileno())
        with contextlib.suppress(FrameError):
            stream.write({"ready": True, "out": ""} if hello is None else hello)
            while (said := reply(stream.read())) is not None:
                stream.write(said)
        with contextlib.suppress(OSError):
            theirs.shutdown(socket.SHUT_RDWR)

    with theirs:
        player = threading.Thread(target=play)
        player.start()
        with ours:
            report = judge.judge({**_REQUEST, **changes}, Stream(ours.fileno(), ours.fileno()))
        player.join()
    return report


def _right(call: dict[str, Any]) -> dict[str, Any]:
    return {"n": call["n"], "value": call["args"][0] + 1}


def test_right_and_wrong() -> None:
    report = _judge(_right)
    assert (report["passed"], report["detail"], report["broken"], report["unsuited"]) == (True, "", None, None)
    report = _judge(lambda call: {"n": call["n"], "value": 2})
    assert (report["passed"], report["detail"], report["broken"]) == (False, "f(2) returned 2, expected 3", None)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (lambda call: {"n": "0", "value": 2}, "a call that was not made"),
        (lambda call: {"value": 2}, "a call that was not made"),
        (lambda call: [2], "what is no reply"),
        (lambda call: {"n": call["n"], "value": {"__reduce__": 1}}, "no plain data"),
        (lambda call: {"n": call["n"]}, "returned None"),
        (lambda call: {"n": call["n"], "unusable": "a generator"}, "f(1) returned a generator"),
        (lambda call: None, "broke off"),
    ],
)
def test_broken_answers_never_pass_even_where_tests_swallow_it(reply: Reply, words: str) -> None:
    swallowing = "def check(candidate):\n    try: candidate(1)\n    except BaseException: pass\n"
    for tests in (_REQUEST["tests"], swallowing):
        report = _judge(reply, tests=tests)
        assert not report["passed"]
        assert words in report["detail"]
        assert report["broken"]


def test_an_answer_that_says_more_than_asked_fails() -> None:
    def chatty(call: dict[str, Any]) -> dict[str, Any]:
        return {"n": call["n"], "value": call["args"][0] + 1, "out": "x" * 100}

    assert _judge(chatty)["out"] == "x" * 10
    report = _judge(_right, hello={"failed": {"type": "E", "message": "m"}})
    assert (report["passed"], report["detail"]) == (False, "the answer could not be loaded: E: m")
    assert not _judge(_right, hello=["ready"])["passed"]


def test_exceptions_keep_their_builtin_type_only() -> None:
    kinds = {"KeyError": "KeyError", "Odd": "AnswerError", "UnicodeDecodeError": "AnswerError", "object": "AnswerError"}
    for sent, raised in kinds.items():
        tests = "def check(candidate):\n    try: candidate(1)\n    except Exception as e: "
        tests += f"assert type(e).__name__ == {raised!r}"
        report = _judge(lambda call, sent=sent: {"n": call["n"], "error": {"type": sent, "message": "m"}}, tests=tests)  # type: ignore[misc]
        assert report["detail"] == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"tests": "def check(:"},
        {"tests": "x = 1"},
        {"tests": "raise SystemExit"},
        {"tests": "def check(candidate): candidate(print)"},
        {"prelude": "1/0"},
    ],
)
def test_tests_that_cannot_be_run(changes: dict[str, str]) -> None:
    assert _judge(_right, **changes)["unsuited"]


def test_cases_end_where_the_answer_breaks() -> None:
    cases = ["assert f(1) == 2", "assert f(2) == 3", "assert f(3) == 4"]
    assert [case["passed"] for case in _judge(_right, tests="", cases=cases)["cases"]] == [True, True, True]
    report = _judge(lambda call: _right(call) if call["args"] == [1] else None, tests="", cases=cases)
    assert [case["passed"] for case in report["cases"]] == [True, False]
