"""Worker processes of verifiers: what may hang, break or do harm runs where it can be ended.

Both sides stand here. A worker's standard input is a socket. Over it the worker says once that it is ready, or why it
refuses, and then answers each request, one frame each way, until the parent closes the socket or is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from reflexa.errors import SandboxError, TransientVerifierError, UsageError, VerifierError
from reflexa.sandbox.deadline import Deadline, OutOfTimeError
from reflexa.sandbox.launch import readable_paths, running_tasks
from reflexa.sandbox.text import plain
from reflexa.sandbox.wire import receive_frame, send
from reflexa.sandbox.worker import frames

_START = "import sys, json, importlib; path, module, rest = json.loads(sys.argv[1]); sys.path[:] = path; "
_START += "importlib.import_module(module).main(*rest)"
START_SECONDS = 300.0
"""For loading, which may read a large data set."""
_EXIT_SECONDS = 1.0
_SHOWN = 300
_BARE: dict[str, Any] = {
    "env": {"LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    "cwd": "/",
}


@dataclass(frozen=True)
class Program:
    """``main`` of a module, with arguments that JSON can hold; ``what`` names the process in errors.

    A ``bare`` one gets nothing of this process's environment, and two arguments before its own with which it can
    confine itself: the paths that it has to read, and how many tasks the user runs.
    """

    what: str
    module: str
    arguments: tuple[str | int, ...] = ()
    bare: bool = True


class Worker:
    """A process that runs a program, asked by one thread at a time.

    Raises ``TransientVerifierError`` where it does not answer in time or breaks, and ``UsageError`` where the program
    refuses. It is ended then.
    """

    def __init__(self, program: Program) -> None:
        self._what = program.what
        self._connection, theirs = socket.socketpair()
        with tempfile.TemporaryFile() as errors:
            with theirs:
                self._process = subprocess.Popen(
                    _command(program),
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    start_new_session=True,
                    **(_BARE if program.bare else {}),
                )
            try:
                refused = self._receive(START_SECONDS)["refused"]
            except TransientVerifierError as error:
                errors.seek(0)
                last = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
                raise TransientVerifierError(f"{error}: {plain(last, _SHOWN) or 'it said nothing'}") from error
        if refused is not None:
            self.end()
            raise UsageError(refused)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The answer to a request, for which it has so many seconds."""
        return self._receive(seconds, request)

    def end(self, patience: float = 0.0) -> None:
        """Ends the process, which has so many seconds to end by itself. Safe to call twice, and while another asks."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _receive(self, seconds: float, request: dict[str, Any] | None = None) -> dict[str, Any]:
        deadline = Deadline(seconds)
        try:
            if request is not None:
                send(self._connection, request, deadline)
            frame = receive_frame(self._connection, deadline)
        except OutOfTimeError:
            why = f"did not answer in {seconds:g} s"
        except SandboxError as error:
            why = f"broke: {error}"
        except BaseException:  # interrupted, it may still answer: that must not be taken for its next answer
            self.end()
            raise
        else:
            if isinstance(frame, dict):
                return frame
            why = "answered no object" if frame is not None else f"ended before it answered ({self._exit_status()})"
        self.end()
        raise TransientVerifierError(f"{self._what} {why}")

    def _exit_status(self) -> str:
        try:
            return f"exit status {self._process.wait(_EXIT_SECONDS)}"
        except subprocess.TimeoutExpired:
            return "it still runs"


def _command(program: Program) -> list[str]:
    path = [str(Path(entry).absolute()) for entry in sys.path]
    readable = [*readable_paths(), *(entry for entry in path if Path(entry).is_dir())]
    given = [readable, running_tasks()] if program.bare else []
    start = json.dumps([path, program.module, [*given, *program.arguments]])
    return [sys.executable, *(["-I"] if program.bare else []), "-c", _START, start]


class Lendable(Protocol):
    """What a pool lends. One that is no longer ``alive`` is not lent again; ``end`` may be called twice."""

    @property
    def alive(self) -> bool: ...

    def end(self) -> object: ...


W = TypeVar("W", bound=Lendable)


class Pool(Generic[W]):
    """Lends up to ``places`` workers, each to one caller at a time, from any thread; starts them when needed.

    One whose caller raises is ended, whatever was raised, so that no caller ever gets another's answer. For the same
    reason nothing is lent in a process forked from the one that made the pool.
    """

    def __init__(self, start: Callable[[], W], places: int) -> None:
        self._start, self._count = start, places
        self._places = threading.BoundedSemaphore(places)
        self._idle: deque[W] = deque()
        self._closing = threading.Lock()
        self._owner = os.getpid()

    @contextlib.contextmanager
    def lent(self) -> Iterator[W]:
        """A worker, as soon as there is one for the caller."""
        if os.getpid() != self._owner:
            raise VerifierError("a verifier's processes cannot be shared with a forked process: open a verifier there")
        with self._places:
            worker = self._next()
            try:
                yield worker
            except BaseException:
                worker.end()
                raise
            self._idle.append(worker)

    def close(self) -> None:
        """Ends the workers, once those that are lent have come back; a later caller gets new ones."""
        with self._closing:
            for _ in range(self._count):
                self._places.acquire()
            while self._idle:
                self._idle.pop().end()
            self._places.release(self._count)

    def _next(self) -> W:
        with contextlib.suppress(IndexError):
            while True:
                worker = self._idle.pop()
                if worker.alive:
                    return worker
                worker.end()
        return self._start()


def parent() -> int:
    """In a worker: the descriptor of the socket to the parent. Nobody else reads it: standard input is empty then."""
    descriptor = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    return descriptor


def ready(stream: frames.Stream) -> None:
    """In a worker: says that all is loaded. What is printed from then on is lost."""
    os.dup2(0, 1)
    os.dup2(0, 2)
    stream.write({"refused": None})


def serve(load: Callable[[], Callable[[dict[str, Any]], dict[str, Any]]]) -> None:
    """In a worker: loads what answers requests, and answers until the parent is gone. Refuses by ``UsageError``."""
    descriptor = parent()
    stream = frames.Stream(descriptor, descriptor)
    try:
        answer = load()
    except UsageError as error:
        stream.write({"refused": str(error)})
        return
    ready(stream)
    while True:
        try:
            request = stream.read()
        except frames.FrameError:
            return
        stream.write(answer(request))
