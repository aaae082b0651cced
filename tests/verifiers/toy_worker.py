"""A worker for tests of the pool: does at once what a request says, and tells its process id."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reflexa.errors import UsageError
from reflexa.verifiers.workers import Program, serve

MODULE = "tests.verifiers.toy_worker"
TOY = Program("the toy", MODULE, ("works",), bare=False)


def main(*arguments: Any) -> None:
    """The last argument says how loading goes: ``works``, ``refuses`` or ``breaks``."""

    def load() -> Callable[[dict[str, Any]], dict[str, Any]]:
        print("printed while loading", input_is_empty())
        if arguments[-1] == "refuses":
            raise UsageError("the toy is not for you")
        if arguments[-1] == "breaks":
            raise RuntimeError("out of toys")
        return lambda request: _answer(request, arguments[:-1])

    serve(load)


def input_is_empty() -> bool:
    return sys.stdin.read() == ""


def _answer(request: dict[str, Any], given: tuple[Any, ...]) -> Any:
    print("printed while answering", file=sys.stderr, flush=True)
    match request:
        case {"hang": True}:
            signal.pause()
        case {"die": True}:
            os._exit(7)
        case {"die_without": path} if not Path(path).exists():
            Path(path).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        case {"list": True}:
            return ["no", "dict"]
        case {"variable": name}:
            return {"value": os.environ.get(name), "folder": str(Path.cwd()), "given": given}
    return {"pid": os.getpid(), "echo": request.get("echo")}
