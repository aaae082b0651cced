"""The process that forks a fresh child for each check, with Python and common modules loaded already.

It never sees a program: it is handed descriptors, and the child reads what to do from them. Commands come over
the control socket (``Command``); ending a child is answered with its wait status, or -1 where it had to be killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

from reflexa.sandbox.worker import candidate, codec, confine, explain, frames, judge

_PRELOAD = (
    "abc", "array", "bisect", "cmath", "collections", "collections.abc", "contextlib", "copy", "dataclasses",
    "datetime", "decimal", "enum", "fractions", "functools", "heapq", "inspect", "itertools", "json",
    "math", "numbers", "operator", "random", "re", "statistics", "string", "textwrap", "threading", "time",
    "traceback", "types", "typing",
)  # fmt: skip
COMMAND = struct.Struct("!cQI")
"""A command letter, and for those that start a child its bounds: bytes of memory, number of threads.

``C`` starts a candidate, ``J`` a judge, ``B`` both in one process; ``E`` ends the child and ``W`` gives it a moment
to end by itself first.
"""
STATUS = struct.Struct("!i")
_GRACE_SECONDS = 0.5
_BROKEN_EXIT = 70
_WARM_ROUNDS = 20
_WARM_TESTS = "def check(candidate):\n    assert candidate(1) == [1, (1, 2.5), {'a': 1}]\n"


def main(config: dict[str, Any]) -> None:
    """Confines this process, says that it is ready, and serves until the control socket closes.

    The control socket is standard input, which children get as an empty file.
    """
    for name in _PRELOAD:
        importlib.import_module(name)
    commands = socket.socket(fileno=os.dup(0))
    ready = frames.Stream(commands.fileno(), commands.fileno())
    confinement = confine.Confinement(tuple(config["readable"]), config["required"], config["tasks"])
    zygote = Zygote(commands, confinement)
    try:
        confine.confine_zygote(confinement)
    except OSError as error:
        ready.write({"error": str(error)})
        return
    _warm_up()
    ready.write({"ready": os.getpid()})
    _empty_standard_streams()
    gc.collect()
    gc.freeze()
    gc.disable()
    zygote.serve()


def _warm_up() -> None:
    """Runs a child's code once for each role, so that what the interpreter specialises and caches is inherited."""
    source = "def twice(x):\n    return [x, (x, 2.5), {'a': x}]\n"
    tests = {"entry_point": "twice", "output_bytes": 0, "prelude": "", "cases": [], "tests": _WARM_TESTS}
    streams = sys.stdin, sys.stdout, sys.stderr
    for _ in range(_WARM_ROUNDS):
        calls, answers = socket.socketpair()
        function = candidate.load(source, "twice")
        judge.run_tests(dict(tests), function, {})
        with calls, answers:
            call = {"n": 0, "args": [[codec.encode((1, "x"))]], "kwargs": codec.encode({})}
            frames.Stream(calls.fileno(), calls.fileno()).write(call)
            calls.shutdown(socket.SHUT_WR)
            candidate.serve_calls(function, source, frames.Stream(answers.fileno(), answers.fileno()), lambda: "")
    sys.stdin, sys.stdout, sys.stderr = streams
    sys.modules.pop("answer", None)


def _empty_standard_streams() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    os.close(null)


def _fork_function() -> Callable[[], int]:
    """The C library's fork: Python's own also runs hooks for threads that a zygote does not have, at four times
    the cost."""
    if sys.platform != "linux":
        return os.fork
    fork = ctypes.PyDLL(None).fork
    fork.argtypes = ()
    return fork


class Zygote:
    """Serves commands; has at most one child at a time."""

    def __init__(self, commands: socket.socket, confinement: confine.Confinement) -> None:
        self._commands = commands
        self._tasks = confinement.tasks
        self._children = confine.ChildConfinement(confinement.required)
        self._output = candidate.Output()
        self._bounds = (0, 0)
        self._fork = _fork_function()
        self._child = 0

    def serve(self) -> None:
        try:
            while True:
                message, descriptors, _, _ = socket.recv_fds(self._commands, COMMAND.size, 2)
                if len(message) != COMMAND.size:
                    return
                command, *bounds = COMMAND.unpack(message)
                if command in b"EW":
                    self._commands.sendall(STATUS.pack(self._end(patiently=command == b"W")))
                else:
                    self._start(command, descriptors, (bounds[0], bounds[1]))
        finally:
            self._end(patiently=False)

    def _start(self, command: bytes, descriptors: list[int], bounds: tuple[int, int]) -> None:
        if bounds != self._bounds:
            confine.bound_children(*bounds, self._tasks)
            self._bounds = bounds
        pid = self._fork()
        if pid == 0:
            leave = os._exit
            try:
                self._commands.close()
                gc.enable()
                self._children.apply(receives=command == b"J")
                self._play(command, descriptors)
                leave(0)
            finally:
                leave(_BROKEN_EXIT)
        if pid < 0:
            raise OSError("the system has no room for another process")
        self._child = pid
        for descriptor in descriptors:
            os.close(descriptor)

    def _play(self, command: bytes, descriptors: list[int]) -> None:
        """The child's part. The first descriptor leads to the controller, the second to the judge."""
        controller = frames.Stream(descriptors[0], descriptors[0])
        if command == b"C":
            request = controller.read()
            controller.close()
            candidate.serve(request, frames.Stream(descriptors[1], descriptors[1]), self._output)
        elif command == b"J":
            judge.serve(descriptors[0], controller)
        else:
            controller.write({"report": together(controller.read(), self._output)})

    def _end(self, patiently: bool) -> int:
        if not self._child:
            return -1
        status = self._natural_end(_GRACE_SECONDS if patiently else 0.0)
        self._kill_all()
        self._child = 0
        return status

    def _natural_end(self, seconds: float) -> int:
        deadline = time.monotonic() + seconds
        while True:
            pid, status = os.waitpid(self._child, os.WNOHANG)
            if pid:
                self._child = 0
                return status
            if time.monotonic() >= deadline:
                return -1
            time.sleep(0.001)

    def _kill_all(self) -> None:
        """Kills the child and its group, and as the first process of a name space everything that there is."""
        alone = os.getpid() == 1
        targets = [-1] if alone else [self._child, -self._child] if self._child else []
        for target in targets:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(target, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)


def together(request: dict[str, Any], output: candidate.Output) -> dict[str, Any]:
    """Runs tests in the answer's own process, where it can reach them."""
    output.redirect(request["output_bytes"])
    try:
        function = candidate.load(request["source"], request["entry_point"])
    except BaseException as error:
        words = explain.raised(candidate.describe(error, request["source"]))
        why = f"the answer could not be loaded: {words}"
        return {"passed": False, "detail": why, "cases": [], "out": output.take()}
    report = judge.run_tests(request, function, sys.modules["answer"].__dict__)
    report["out"] = output.take()
    return report
