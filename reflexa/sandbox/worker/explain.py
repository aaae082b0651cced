"""Says in words why a test failed: what was called, what came back, what was expected."""

from __future__ import annotations

import ast
from types import FrameType
from typing import Any

from reflexa.sandbox.worker import codec

TESTS = "<tests>"
_PIECE = 400
_PLAIN = (
    ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.UnaryOp, ast.BinOp, ast.Name, ast.Subscript, ast.Slice,
    ast.operator, ast.unaryop, ast.expr_context,
)  # fmt: skip
"""Expressions that evaluate again to the same value, and without effects."""


class Call:
    """The latest call of the answer. Arguments and result are kept as they were sent, safe from later changes."""

    def __init__(self, name: str, args: list[Any], kwargs: Any) -> None:
        self._name = name
        self._args = args
        self._kwargs = kwargs
        self.result: Any = None
        self.has_result = False
        self.error: dict[str, Any] | None = None
        self.exception: BaseException | None = None

    def text(self) -> str:
        """The call as source: ``add(1, 2)``."""
        parts = [show(codec.decode(arg, codec.MAX_DEPTH + 2)) for arg in self._args]
        kwargs = codec.decode(self._kwargs, codec.MAX_DEPTH + 3)
        parts += [f"{key}={show(value)}" for key, value in kwargs.items()]
        return f"{self._name}({', '.join(parts)})"

    def result_text(self) -> str:
        return show(codec.decode(self.result))


def show(value: object) -> str:
    """A bounded ``repr``."""
    try:
        text = repr(value)
    except Exception as error:
        return f"<a {type(value).__name__} that cannot be shown: {error}>"[:_PIECE]
    return shorten(text)


def shorten(text: str) -> str:
    if len(text) <= _PIECE:
        return text
    return f"{text[: _PIECE // 2]} ... {text[-_PIECE // 2 :]}"


def raised(info: dict[str, Any]) -> str:
    """An answer's exception in words, with the line of the answer that it came from."""
    words = f"{str(info.get('type'))[:100]}: {shorten(str(info.get('message')))}".removesuffix(": ")
    if info.get("line"):
        words += f" (line {info['line']}"
        words += f": `{shorten(str(info['text']))}`)" if info.get("text") else ")"
    return words


def failure(error: BaseException, source: str, last: Call | None) -> str:
    """Why a test's ``error`` means that the answer is wrong, as precisely as can be said."""
    if last is not None and last.error is not None and error is last.exception:
        return f"{last.text()} raised {raised(last.error)}"
    frame, line = _test_frame(error)
    if isinstance(error, AssertionError) and frame is not None:
        node = _assert_at(source, line)
        if node is not None:
            return _broken_assert(node, frame, last, str(error))
    return f"the test raised {type(error).__name__}: {shorten(str(error))}".removesuffix(": ")


def _test_frame(error: BaseException) -> tuple[FrameType | None, int]:
    found: tuple[FrameType | None, int] = (None, 0)
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == TESTS:
            found = (trace.tb_frame, trace.tb_lineno)
        trace = trace.tb_next
    return found


def _assert_at(source: str, line: int) -> ast.Assert | None:
    asserts = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]
    covering = [node for node in asserts if node.lineno <= line <= (node.end_lineno or node.lineno)]
    return max(covering, key=lambda node: node.lineno, default=None)


def _broken_assert(node: ast.Assert, frame: FrameType, last: Call | None, message: str) -> str:
    said = f" ({shorten(message)})" if message else ""
    statement = shorten(ast.unparse(ast.Assert(node.test, None)))
    if last is None or not last.has_result:
        return f"this does not hold: `{statement}`{said}"
    expected = _expected(node.test, frame)
    if expected is not None:
        return f"{last.text()} returned {last.result_text()}, expected {expected}{said}"
    return f"{last.text()} returned {last.result_text()}, but this does not hold: `{statement}`{said}"


def _expected(test: ast.expr, frame: FrameType) -> str | None:
    """What the answer should have returned, where the assertion compares one call with one value."""
    if _is_call(test, frame):
        return "a true value"
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and _is_call(test.operand, frame):
        return "a false value"
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq | ast.Is):
        return None
    left, right = test.left, test.comparators[0]
    if _is_call(right, frame):
        left, right = right, left
    if not _is_call(left, frame) or _is_call(right, frame):
        return None
    if all(isinstance(part, _PLAIN) for part in ast.walk(right)):
        code = compile(ast.Expression(right), "<expected>", "eval")
        return show(eval(code, frame.f_globals, frame.f_locals))  # noqa: S307 - the test itself just did
    return shorten(ast.unparse(right))


def _is_call(node: ast.expr, frame: FrameType) -> bool:
    """Whether this is a call of the answer's function, with arguments that call nothing themselves."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return False
    name = node.func.id
    target = frame.f_locals.get(name, frame.f_globals.get(name))
    return hasattr(target, "wait_until_loaded")
