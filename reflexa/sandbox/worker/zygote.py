"""The process that forks a fresh child for each check, with Python and common modules loaded already.

It never sees a program: it is handed descriptors, and the child reads what to do from them. Commands come over
the control socket, one byte each: ``S`` starts a child with the descriptors that come along, ``E`` ends it and
``W`` gives it a moment to end by itself first. ``E`` and ``W`` are answered with the child's wait status, or -1
where it had to be killed.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import socket
import struct
import sys
import time
from typing import Any

from reflexa.sandbox.worker import candidate, confine, explain, frames, judge

_PRELOAD = (
    "abc", "array", "bisect", "cmath", "collections", "collections.abc", "contextlib", "copy", "dataclasses",
    "datetime", "decimal", "enum", "fractions", "functools", "hashlib", "heapq", "inspect", "itertools", "json",
    "math", "numbers", "operator", "random", "re", "statistics", "string", "textwrap", "threading", "time",
    "traceback", "types", "typing",
)  # fmt: skip
_STATUS = struct.Struct("!i")
_GRACE_SECONDS = 0.5
_BROKEN_EXIT = 70


def main(config: dict[str, Any]) -> None:
    """Confines this process, says that it is ready, and serves until the control socket closes.

    The control socket is standard input, which children get as an empty file.
    """
    control = socket.socket(fileno=os.dup(0))
    for name in _PRELOAD:
        importlib.import_module(name)
    ready = frames.Stream(control.fileno(), control.fileno())
    confinement = confine.Confinement(tuple(config["readable"]), config["required"])
    try:
        confine.confine_zygote(confinement)
    except OSError as error:
        ready.write({"error": str(error)})
        return
    gc.collect()
    gc.freeze()
    ready.write({"ready": os.getpid()})
    _empty_standard_streams()
    Zygote(control, confinement.required).serve()


def _empty_standard_streams() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    os.close(null)


class Zygote:
    """Serves commands; has at most one child at a time."""

    def __init__(self, commands: socket.socket, required: bool) -> None:
        self._commands = commands
        self._required = required
        self._child = 0

    def serve(self) -> None:
        try:
            while True:
                command, descriptors, _, _ = socket.recv_fds(self._commands, 1, 2)
                if not command:
                    return
                if command == b"S":
                    self._start(descriptors)
                else:
                    self._commands.sendall(_STATUS.pack(self._end(patiently=command == b"W")))
        finally:
            self._end(patiently=False)

    def _start(self, descriptors: list[int]) -> None:
        pid = os.fork()
        if pid == 0:
            leave = os._exit
            try:
                self._commands.close()
                _run_child(descriptors, self._required)
            finally:
                leave(_BROKEN_EXIT)
        self._child = pid
        for descriptor in descriptors:
            os.close(descriptor)

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
        """Kills the child, and as the first process of a name space everything that there is."""
        alone = os.getpid() == 1
        targets = [-1] if alone else [self._child, -self._child] if self._child else []
        for target in targets:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(target, signal.SIGKILL)
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return


def _run_child(descriptors: list[int], required: bool) -> None:
    """Takes the request from the first descriptor; the second one leads to the other sandbox's child."""
    gc.enable()
    controller, *others = [frames.Stream(descriptor, descriptor) for descriptor in descriptors]
    request = controller.read()
    if not required:
        os.setpgid(0, 0)
    run(request, controller, others[0] if others else controller, required)
    os._exit(0)


def run(request: dict[str, Any], controller: frames.Stream, channel: frames.Stream, required: bool) -> None:
    """Plays one role of one check: ``candidate``, ``judge``, or ``both`` in one process."""
    limits = confine.ChildLimits(request["seconds"], request["memory_bytes"], request["processes"])
    if request["role"] == "candidate" and controller is not channel:
        controller.close()
    confine.confine_child(limits, required)
    if request["role"] == "candidate":
        candidate.serve(request, channel)
    elif request["role"] == "judge":
        controller.write({"report": judge.judge(request, channel)})
    else:
        controller.write({"report": _together(request)})


def _together(request: dict[str, Any]) -> dict[str, Any]:
    """Runs tests in the answer's own process, where it can reach them."""
    output = candidate.redirect_output(request["output_bytes"])
    try:
        function = candidate.load(request["source"], request["entry_point"])
    except BaseException as error:
        words = explain.raised(candidate.describe(error, request["source"]))
        return {
            "passed": False,
            "detail": f"the answer could not be loaded: {words}",
            "cases": [],
            "out": output.take(),
        }
    report = judge.run_tests(request, function, sys.modules["answer"].__dict__)
    report["out"] = output.take()
    return report
