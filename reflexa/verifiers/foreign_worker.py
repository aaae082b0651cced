"""The process in which the scorers of another framework run; ``foreign`` is the other side.

They run in the main thread of a process, as they do at home: timeouts by signals work nowhere else, and a scorer that
takes an error for a wrong answer would fail right ones. And a process can be ended, whatever a scorer is stuck in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

from reflexa.foreign.parts import ForeignTasks, NotAskableError
from reflexa.verifiers.workers import serve


def main(kind: str, spec: str) -> None:
    """Loads the tasks and serves requests until the socket closes."""
    with closing(asyncio.Runner()) as runner:
        serve(partial(_loaded, runner, kind, spec))


def _loaded(runner: asyncio.Runner, kind: str, spec: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    tasks = _opened(kind, spec)
    return lambda request: runner.run(_scored(tasks, request))


def _opened(kind: str, spec: str) -> ForeignTasks:
    if kind == "inspect":
        from reflexa.foreign.inspect_tasks import load_task

        return load_task(spec)
    from reflexa.foreign.verifiers_tasks import load_taskset

    return load_taskset(spec)


async def _scored(tasks: ForeignTasks, request: dict[str, Any]) -> dict[str, Any]:
    try:
        parts = await tasks.judge(request["entry"], request["answer"])
    except NotAskableError as error:
        return {"error": f"it cannot be judged here: {error}"}
    except Exception as error:  # whatever a scorer raises
        return {"error": f"a scorer broke: {type(error).__name__}: {error}"[:2000]}
    return {"parts": [part.model_dump() for part in parts]}
