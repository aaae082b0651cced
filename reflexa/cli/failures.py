"""What went wrong, as one line and an exit code."""

from __future__ import annotations

import os
import traceback
from typing import Protocol, runtime_checkable

from reflexa.cli.output import complain, note
from reflexa.errors import BudgetExceededError, ReflexaError, UsageError

DONE = 0
FAILED = 1
USAGE = 2
BUDGET = 3

_REPORT = (
    "this is a defect of Reflexa: please report it with what `reflexa doctor` prints; "
    "REFLEXA_DEBUG=1 shows where it happened"
)


@runtime_checkable
class CommandLineError(Protocol):
    """An error of the option parser, which knows its exit code."""

    exit_code: int

    def format_message(self) -> str: ...


def exit_code(error: Exception) -> int:
    """Tells the user what went wrong, and returns the exit code that says so."""
    if os.environ.get("REFLEXA_DEBUG"):
        note("".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, CommandLineError):
        return _misused(error)
    if isinstance(error, ReflexaError):
        complain(str(error))
        if isinstance(error, BudgetExceededError):
            return BUDGET
        return USAGE if isinstance(error, UsageError) else FAILED
    complain(f"{type(error).__name__}: {error}: {_REPORT}")
    return FAILED


def _misused(error: CommandLineError) -> int:
    """A wrong option or argument: one line that names the help. A group called without a verb shows its help."""
    message = error.format_message()
    if "\n" in message:
        note(message)
        return error.exit_code
    context = getattr(error, "ctx", None)
    hint = f"; `{context.command_path} --help` lists what there is" if context else ""
    complain(f"{message.rstrip('.')}{hint}")
    return error.exit_code
