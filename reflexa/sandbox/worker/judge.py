"""The judge's side: runs the tests, with a stub in the place of the answer's function.

Nothing of the answer is in this process. A call's arguments go out by value and what comes back is plain data,
so the answer cannot change a test, its data, or what is reported.
"""

from __future__ import annotations

import builtins
import functools
import io
import os
import socket
import sys
import types
from collections.abc import Callable
from typing import Any, NoReturn

from reflexa.sandbox.worker import codec, explain, frames

_EXCEPTIONS = {
    name: value
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException) and not issubclass(value, BaseExceptionGroup)
}


class AnswerBroken(BaseException):
    """The answer's process is gone or talks nonsense. Not an Exception: a test must not swallow it."""


class UnsuitedTests(BaseException):
    """The tests pass something that cannot cross by value."""


class InvalidTests(BaseException):
    """The tests do not have the form that they need."""


class AnswerError(Exception):
    """An exception of the answer whose type is not a builtin one."""


class RemoteFunction:
    """The stub: sends arguments by value to the candidate's sandbox and brings back plain data."""

    def __init__(self, channel: frames.Stream, entry_point: str, output_bytes: int) -> None:
        self._channel = channel
        self._output_bytes = output_bytes
        self.printed = ""
        self.__name__ = self.__qualname__ = entry_point
        self.broken: str | None = None
        self.unsuited: str | None = None
        self.last: explain.Call | None = None

    def wait_until_loaded(self) -> None:
        """Raises ``AnswerBroken`` where the answer could not be loaded."""
        hello = self._receive()
        if hello.get("ready") is not True:
            failed = hello.get("failed")
            words = explain.raised(failed) if isinstance(failed, dict) else "it sent what is no answer"
            self._break(f"the answer could not be loaded: {words}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.broken is not None:
            raise AnswerBroken(self.broken)
        # A reply must name its call by this, so that none can be sent ahead.
        token = os.urandom(8).hex()
        try:
            call = {
                "n": token,
                "args": [codec.encode(arg, codec.MAX_DEPTH + 1) for arg in args],
                "kwargs": codec.encode(kwargs, codec.MAX_DEPTH + 2),
            }
            self.last = explain.Call(self.__name__, call["args"], call["kwargs"])
            self._channel.write(call)
        except codec.CodecError as error:
            self.unsuited = f"a test passes an argument that cannot be sent by value: {error}"
            raise UnsuitedTests(self.unsuited) from error
        except frames.FrameError as error:
            self._break(f"the answer's process ended or an argument is too large: {error}")
        reply = self._receive()
        if reply.get("n") != token:
            self._break("the answer sent a reply to a call that was not made")
        return self._result(self.last, reply)

    def _result(self, call: explain.Call, reply: dict[str, Any]) -> Any:
        if "value" in reply:
            try:
                value = codec.decode(reply["value"])
            except (codec.CodecError, RecursionError, MemoryError) as error:
                self._break(f"{call.text()} sent back what is no plain data: {error}")
            call.result = reply["value"]
            call.has_result = True
            return value
        raised = reply.get("error")
        if not isinstance(raised, dict):
            self._break(f"{call.text()} returned {str(reply.get('unusable'))[:300]}")
        call.error = raised
        call.exception = _rebuild(raised)
        raise call.exception

    def _receive(self) -> dict[str, Any]:
        try:
            reply = self._channel.read()
        except (frames.FrameError, MemoryError) as error:
            self._break(f"the answer's process broke off: {error}", gone=True)
        if not isinstance(reply, dict):
            self._break("the answer sent what is no reply")
        printed = reply.get("out")
        if isinstance(printed, str):
            self.printed += printed[: max(0, self._output_bytes - len(self.printed))]
        return reply

    def _break(self, why: str, gone: bool = False) -> NoReturn:
        if gone and self.last is not None and not self.last.has_result:
            why = f"{why} (during {self.last.text()})"
        self.broken = why
        raise AnswerBroken(why)

    def check_silent(self) -> None:
        """Whoever wrote more than was asked for tried to forge replies."""
        if self.broken is None and self._channel.has_unread():
            self.broken = "the answer sent more than it was asked for"


def _rebuild(info: dict[str, Any]) -> BaseException:
    """The answer's exception again: its builtin type with its arguments, or ``AnswerError``."""
    message = str(info.get("message"))
    kind = _EXCEPTIONS.get(str(info.get("type")))
    if kind is None:
        return AnswerError(f"{info.get('type')}: {message}")
    try:
        args = codec.decode(info["args"]) if isinstance(info.get("args"), list) else [message]
        return kind(*args)
    except Exception:
        return AnswerError(f"{info.get('type')}: {message}")


def run_tests(request: dict[str, Any], function: Callable[..., Any], namespace: dict[str, Any]) -> dict[str, Any]:
    """Runs ``check`` and the cases and reports. ``function`` is the stub, or the function itself in-process."""
    namespace[request["entry_point"]] = function
    remote = function if isinstance(function, RemoteFunction) else None
    cases: list[dict[str, Any]] = []
    detail = ""
    if request["tests"]:
        detail = _attempt(lambda: _run_check(request["tests"], function, namespace), request["tests"], remote)
    for case in request["cases"]:
        if remote is not None and remote.broken is not None:
            break
        failure = _attempt(lambda source=case: _run_case(source, namespace), case, remote)  # type: ignore[misc]
        cases.append({"passed": not failure, "detail": failure})
        detail = detail or failure
    return {"passed": not detail, "detail": detail, "cases": cases}


def _run_check(source: str, function: Callable[..., Any], namespace: dict[str, Any]) -> None:
    try:
        exec(_compiled(source, explain.TESTS), namespace)  # noqa: S102 - the purpose of the sandbox
    except BaseException as error:
        if getattr(function, "last", None) is None:
            raise InvalidTests(f"{type(error).__name__}: {error}") from error
        raise
    if "check" not in namespace:
        raise InvalidTests("they define no function 'check'")
    namespace["check"](function)


@functools.lru_cache(maxsize=512)
def _compiled(source: str, name: str) -> types.CodeType:
    """A suite's tests are run again for each attempt at a task."""
    return compile(source, name, "exec")


def _run_case(source: str, namespace: dict[str, Any]) -> None:
    exec(compile(source, explain.TESTS, "exec"), dict(namespace))  # noqa: S102 - the purpose of the sandbox


def _attempt(run: Callable[[], None], source: str, remote: RemoteFunction | None) -> str:
    """Empty where it passed, else why not."""
    failure = ""
    if remote is not None:
        remote.unsuited, remote.last = None, None
    try:
        run()
    except BaseException as error:
        if remote is not None and isinstance(error, (InvalidTests, SyntaxError)) and remote.last is None:
            remote.unsuited = f"the tests cannot be run: {error}"
        failure = explain.failure(error, source, remote.last if remote else None) or "failed"
    if remote is None:
        return failure
    remote.check_silent()
    return remote.unsuited or remote.broken or failure


def tests_module(prelude: str) -> dict[str, Any]:
    """The namespace that tests run in: what the task's own code defines. Raises what that code raises."""
    module = types.ModuleType("tests")
    sys.modules["tests"] = module
    exec(_compiled(prelude, "<task>"), module.__dict__)  # noqa: S102 - the purpose of the sandbox
    return module.__dict__


def serve(descriptor: int, controller: frames.Stream) -> None:
    """Judges one program after another, until the controller hangs up.

    With each request comes the descriptor that leads to its candidate. The controller has this process replaced
    after the first check that does not simply pass, and after tests that are not the suite's own.
    """
    # The family is named because asking the kernel for it is not allowed here.
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=descriptor)
    sys.stdout = sys.stderr = io.StringIO()
    while True:
        mark, descriptors, _, _ = socket.recv_fds(connection, 1, 1)
        if not mark:
            return
        channel = frames.Stream(descriptors[0], descriptors[0])
        controller.write({"report": judge(controller.read(), channel)})
        channel.close()


def judge(request: dict[str, Any], channel: frames.Stream) -> dict[str, Any]:
    """Runs a check's tests against the candidate behind ``channel``.

    The report's ``broken`` says that the candidate's process is of no more use, and ``unsuited`` that the tests
    themselves are.
    """
    remote = RemoteFunction(channel, request["entry_point"], request["output_bytes"])
    report: dict[str, Any] = {"passed": False, "detail": "", "cases": []}
    try:
        namespace = tests_module(request["prelude"])
        remote.wait_until_loaded()
        report = run_tests(request, remote, namespace)
    except AnswerBroken as error:
        report["detail"] = str(error)
    except BaseException as error:
        remote.unsuited = f"the task's own code cannot be run: {type(error).__name__}: {error}"
    return {**report, "out": remote.printed, "broken": remote.broken, "unsuited": remote.unsuited}
