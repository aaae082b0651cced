"""The candidate's side, without isolation: what it sends for which answer."""

from __future__ import annotations

import socket
import sys
import threading
from typing import Any

import pytest

from reflexa.sandbox.worker import candidate, codec
from reflexa.sandbox.worker.frames import Stream


def _talk(source: str, *arguments: Any) -> list[dict[str, Any]]:
    """Serves one call for each argument and gives all that was sent."""
    ours, theirs = socket.socketpair()
    streams = sys.stdin, sys.stdout, sys.stderr
    request = {"source": source, "entry_point": "f", "output_bytes": 20}
    with ours, theirs:
        answers = Stream(theirs.fileno(), theirs.fileno())
        output = candidate.Output()
        worker = threading.Thread(target=candidate.serve, args=(request, answers, output))
        worker.start()
        stream = Stream(ours.fileno(), ours.fileno())
        said = [stream.read()]
        for number, argument in enumerate(arguments):
            stream.write({"n": number, "args": [codec.encode(argument)], "kwargs": codec.encode({})})
            said.append(stream.read())
        ours.shutdown(socket.SHUT_WR)
        worker.join()
    sys.stdin, sys.stdout, sys.stderr = streams
    return said


def test_calls_are_answered_by_value() -> None:
    assert _talk("def f(x): return (x, 1)", "a", 2) == [
        {"ready": True, "out": ""},
        {"value": {"tuple": ["a", 1]}, "n": 0},
        {"value": {"tuple": [2, 1]}, "n": 1},
    ]


def test_prints_come_along_and_are_bounded() -> None:
    said = _talk("print('at import')\ndef f(x):\n    print('x' * 100)\n    return input()", 1)
    assert said[0]["out"] == "at import\n"
    assert said[1]["out"] == "x" * 10
    assert said[1]["error"]["type"] == "EOFError"


def test_exceptions_are_described() -> None:
    hello, reply = _talk("def f(x):\n    return {}[x]", "k")
    assert hello["ready"] is True
    assert reply["error"] == {"type": "KeyError", "message": "'k'", "args": ["k"], "line": 2, "text": "return {}[x]"}


@pytest.mark.parametrize(
    ("source", "kind", "line"),
    [
        ("x = 1", "NameError", 0),
        ("\n1/0", "ZeroDivisionError", 2),
        ("def f(:", "SyntaxError", 1),
        ("f = 3", "NameError", 0),
    ],
)
def test_answers_that_cannot_be_loaded(source: str, kind: str, line: int) -> None:
    (hello,) = _talk(source)
    assert (hello["failed"]["type"], hello["failed"]["line"]) == (kind, line)


def test_results_that_are_no_plain_data() -> None:
    assert _talk("def f(x): return f", 1)[1] == {"unusable": "a value of type 'function' is not plain data", "n": 0}
    assert "too large" in _talk("def f(x): return 'x' * (9 << 20)", 1)[1]["unusable"]


def test_an_exception_whose_message_breaks() -> None:
    source = "class E(Exception):\n    def __str__(self): raise SystemExit\ndef f(x): raise E(object())"
    assert _talk(source, 1)[1]["error"] == {
        "type": "E",
        "message": "(its message cannot be read)",
        "args": None,
        "line": 3,
        "text": "def f(x): raise E(object())",
    }
