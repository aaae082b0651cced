"""Any suite of questions with tools beside its tasks: ``tools:python:gsm8k``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from reflexa.errors import UsageError, unknown_name
from reflexa.tasks.environments.tools import TOOL_NAMES
from reflexa.tasks.sourcing import Request, digest_of
from reflexa.tasks.suite import Suite
from reflexa.types import Play, Task

DESCRIPTION = "another suite's questions with tools beside them: tools:python:gsm8k"
SOURCE = "the other suite's"
_STEPS = 10


def load(request: Request, loaded: Callable[[Request], Suite]) -> Suite:
    """The suite ``tools:TOOL[+TOOL]:SUITE``; ``loaded`` gives the one that a request's name means.

    Raises ``UsageError`` for unknown tools, and suites that take none.
    """
    names, separator, inner = request.argument.partition(":")
    if not separator or not inner:
        raise UsageError("tools needs a tool and a suite: tools:python:gsm8k, for instance")
    tools = tuple(names.split("+"))
    for name in tools:
        if name not in TOOL_NAMES:
            raise unknown_name("tool", name, TOOL_NAMES)
    suite = loaded(replace(request, name=inner, argument=""))
    name = f"tools:{request.argument}"
    return suite.model_copy(
        update={
            "name": name,
            "tasks": tuple(_tooled(task, tools, name) for task in suite.tasks),
            "description": f"{suite.description}; with {', '.join(tools)}",
            "digest": digest_of([name, suite.digest]),
            "feedback": suite.feedback or "trajectory",
            "environment": "tools",
        }
    )


def _tooled(task: Task, tools: tuple[str, ...], suite: str) -> Task:
    play = task.play or Play(environment="tools", parameters={"tools": []}, steps=_STEPS, goal=None)
    if task.code is not None or play.environment != "tools":
        raise UsageError(f"task {task.id} takes no tools: its answer is a program, or it is played already")
    had = play.parameters["tools"]
    known = [name for name in had if isinstance(name, str)] if isinstance(had, list) else []
    if not play.parameters.get("documents") and {"search", "lookup"} & set(tools):
        raise UsageError(f"task {task.id} has no documents to search: only python can stand beside it")
    together = [*known, *(name for name in tools if name not in known)]
    played = play.model_copy(update={"parameters": {**play.parameters, "tools": together}})
    return task.model_copy(update={"suite": suite, "play": played})
