"""The candidate's side: loads the untrusted answer and serves calls to it, by value.

The answer shares this process and may do to it what it likes. Nothing of the tests is in here, and all that
leaves is what ``frames`` and ``codec`` carry, which the judge's side decodes without trust.
"""

from __future__ import annotations

import io
import sys
import types
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from reflexa.sandbox.worker import codec, frames

ANSWER = "<answer>"
_MESSAGE_LIMIT = 2000


class Output(io.BufferedIOBase):
    """Where prints go: keeps the first bytes, as many as allowed, and lets the rest pass.

    Made before the fork together with the text stream around it, as that is dear to make in each child.
    """

    def __init__(self) -> None:
        super().__init__()
        self._room = 0
        self._kept = bytearray()
        self._input = io.StringIO()
        self._text = io.TextIOWrapper(
            cast("BinaryIO", self), encoding="utf-8", errors="backslashreplace", write_through=True
        )

    def redirect(self, limit: int) -> None:
        """Puts ``sys.stdout`` and ``sys.stderr`` into memory, and makes ``input()`` end at once."""
        self._room = limit
        sys.stdin = self._input
        sys.stdout = sys.stderr = self._text

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        piece = view[: self._room]
        self._kept += piece
        self._room -= len(piece)
        return len(view)

    def take(self) -> str:
        """What was printed since the last call of this."""
        if not self._kept:
            return ""
        text = bytes(self._kept).decode("utf-8", "replace")
        self._kept.clear()
        return text


def load(source: str, entry_point: str) -> Any:
    """Runs the answer and gives the function asked for. Raises whatever the answer raises."""
    module = types.ModuleType("answer")
    sys.modules["answer"] = module
    exec(compile(source, ANSWER, "exec"), module.__dict__)  # noqa: S102 - the purpose of the sandbox
    function = module.__dict__.get(entry_point)
    if not callable(function):
        raise NameError(f"the answer defines no function {entry_point!r}")
    return function


def serve(request: dict[str, Any], channel: frames.Stream, output: Output) -> None:
    """Loads the answer and answers calls until the judge's side hangs up."""
    output.redirect(request["output_bytes"])
    source = request["source"]
    try:
        function = load(source, request["entry_point"])
    except BaseException as error:  # SystemExit at import is a failure like any other
        channel.write({"failed": describe(error, source), "out": output.take()})
        return
    channel.write({"ready": True, "out": output.take()})
    serve_calls(function, source, channel, output.take)


def serve_calls(function: Any, source: str, channel: frames.Stream, printed: Callable[[], str]) -> None:
    """Answers calls until the judge's side hangs up. ``printed`` gives what was printed since it was last asked."""
    while True:
        try:
            call = channel.read()
        except frames.FrameError:
            return
        reply = _answer(function, call, source)
        reply["n"] = call["n"]
        text = printed()
        if text:
            reply["out"] = text
        try:
            channel.write(reply)
        except (frames.FrameError, MemoryError) as error:
            channel.write({"n": call["n"], "unusable": f"a value too large to pass on: {error}"})


def _answer(function: Any, call: dict[str, Any], source: str) -> dict[str, Any]:
    try:
        args = codec.decode(call["args"], codec.MAX_DEPTH + 2)
        kwargs = codec.decode(call["kwargs"], codec.MAX_DEPTH + 2)
        value = function(*args, **kwargs)
    except BaseException as error:
        return {"error": describe(error, source)}
    try:
        return {"value": codec.encode(value)}
    except codec.CodecError as error:
        return {"unusable": str(error)}
    except BaseException as error:
        return {"error": describe(error, source)}


def describe(error: BaseException, source: str) -> dict[str, Any]:
    """An exception as data: type, message, arguments where they are plain, and the answer's line."""
    line = _line_of(error)
    lines = source.splitlines()
    text = lines[line - 1].strip()[:200] if 0 < line <= len(lines) else ""
    try:
        message = str(error)[:_MESSAGE_LIMIT]
    except BaseException:
        message = "(its message cannot be read)"
    try:
        args = codec.encode(list(error.args))
        if len(str(args)) > _MESSAGE_LIMIT:
            args = None
    except BaseException:
        args = None
    return {"type": type(error).__name__, "message": message, "args": args, "line": line, "text": text}


def _line_of(error: BaseException) -> int:
    """The answer's line that the innermost of its frames was at; 0 where there is none."""
    if isinstance(error, SyntaxError) and error.filename == ANSWER:
        return error.lineno or 0
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == ANSWER:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
