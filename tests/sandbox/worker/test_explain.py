"""The words for failed tests."""

from __future__ import annotations

from typing import Any

import pytest

from reflexa.sandbox.worker import codec, explain


class _Stub:
    """Stands where the judge's stub stands: records its calls and answers 4."""

    def __init__(self) -> None:
        self.last: explain.Call | None = None

    def wait_until_loaded(self) -> None:
        """Marks this as a stub."""

    def __call__(self, *args: Any) -> int:
        self.last = explain.Call("add", [codec.encode(arg) for arg in args], codec.encode({}))
        self.last.result, self.last.has_result = 4, True
        return 4


def _words(source: str) -> str:
    stub = _Stub()
    try:
        exec(compile(source, explain.TESTS, "exec"), {"add": stub})
    except Exception as error:
        return explain.failure(error, source, stub.last)
    raise AssertionError("the test was to fail")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("assert add(1, 2) == 3", "add(1, 2) returned 4, expected 3"),
        ("assert 3 == add(1, 2)", "add(1, 2) returned 4, expected 3"),
        ("assert add('a') is None", "add('a') returned 4, expected None"),
        ("assert not add(1)", "add(1) returned 4, expected a false value"),
        ("want = [1, 2]\nassert add(1) == want", "add(1) returned 4, expected [1, 2]"),
        ("assert add(1) == sum([1])", "add(1) returned 4, expected sum([1])"),
        ("assert add(1) == 3, 'off'", "add(1) returned 4, expected 3 (off)"),
        ("assert abs(add(1) - 3) < 0.5", "add(1) returned 4, but this does not hold: `assert abs(add(1) - 3) < 0.5`"),
        ("assert add(\n    1,\n    2,\n) == 3", "add(1, 2) returned 4, expected 3"),
        ("for n in range(3):\n    assert add(n) == 4 + n // 2", "add(2) returned 4, expected 5"),
        ("assert 1 == 2", "this does not hold: `assert 1 == 2`"),
        ("add(1) + 'x'", "the test raised TypeError: unsupported operand"),
    ],
)
def test_failures(source: str, words: str) -> None:
    assert _words(source).startswith(words)


def test_long_values_are_shortened() -> None:
    words = _words("assert add('x' * 5000) == 'y' * 5000")
    assert len(words) < 1200
    assert " ... " in words


def test_values_that_cannot_be_shown() -> None:
    assert explain.show(10**5000).startswith("<a int that cannot be shown")


def test_raised() -> None:
    info = {"type": "ValueError", "message": "no", "line": 3, "text": "raise ValueError('no')"}
    assert explain.raised(info) == "ValueError: no (line 3: `raise ValueError('no')`)"
    assert explain.raised({"type": "E", "message": "", "line": 0}) == "E"
