"""What the sandbox is given and what it gives back: frozen data, knowing nothing of tasks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reflexa.types import Frozen


class Limits(Frozen):
    """Bounds of one check. ``seconds`` pass by the wall clock from its start to its verdict, less its waits for a CPU.

    ``processes`` bounds threads, as no process can be started; no file can be written at all.
    ``output_bytes`` is how much of what the answer prints is kept.
    """

    seconds: float = Field(default=3.0, gt=0)
    memory_bytes: int = Field(default=512 << 20, ge=64 << 20)
    output_bytes: int = Field(default=16 << 10, ge=0)
    processes: int = Field(default=32, ge=1)


class Program(Frozen):
    """Untrusted ``source`` that should define ``entry_point``, and how to test it.

    ``tests`` is Python source that defines ``check(candidate)``. ``cases`` are independent assertions, such as
    ``assert add(1, 2) == 3``, each run by itself. ``prelude`` is the task's own code, which tests may use: helpers
    and imports. With ``in_process`` the tests share the answer's process: needed where they inspect live
    objects, and gameable.
    """

    source: str
    entry_point: str
    tests: str = ""
    cases: tuple[str, ...] = ()
    prelude: str = ""
    in_process: bool = False


class CaseResult(Frozen):
    """How one case ended; ``detail`` says why it failed."""

    name: str
    passed: bool
    detail: str = ""


class Outcome(Frozen):
    """What a check found. Texts are bounded and free of control characters.

    ``detail`` says what was called, what came back and what was expected, or which exception came from which line.
    """

    status: Literal["passed", "failed", "timeout"]
    cases: tuple[CaseResult, ...] = ()
    detail: str = ""
    stdout: str = ""
    seconds: float = 0.0
    gameable: bool = False
