"""``reflexa``: finds the verb, imports only what it needs, and turns what went wrong into one line and an exit code."""

from __future__ import annotations

import importlib
import io
import os
import signal
import sys
import typing
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from reflexa import __version__
from reflexa.errors import unknown_name

SUMMARY = "Makes an LLM agent better at its tasks: attempt, verify, reflect, remember, retry; then prove it."

VERBS = {
    "run": "Attempt the tasks of a suite, and print what was solved.",
    "verify": "Judge a file of answers, and print pass@k.",
    "compare": "Compare two runs task by task, with statistics.",
    "runs": "List and show runs.",
    "label": "Let a judge compare recorded answers by a constitution.",
    "export": "Write verified attempts as training rows.",
    "train": "Train a model on rows.",
    "checkpoints": "Say which checkpoint of a training to keep, and where over-optimisation begins.",
    "improve": "Make a model better at a suite, round after round, and prove it.",
    "study": "Reproduce an effect from nothing, on one CPU.",
    "tasks": "Make, list, show, validate and audit task suites.",
    "verifiers": "List the verifiers that can judge: built-in ones, the workspace's, other packages'.",
    "models": "List the models that can be used and that were trained here; export one; fetch the embedded one.",
    "why": "Tell what a checkpoint, a data set, a run, a row was made from, back to the start.",
    "memory": "What is remembered: reflections, and lessons from other tasks.",
    "doctor": "Say what works on this machine, in a form to paste into a report.",
    "init": "Make a workspace: a folder for tasks, verifiers and memory of your own.",
    "setup": "Add an optional part.",
    "version": "Print the version.",
}


class LazyGroup(TyperGroup):
    """A group that imports a verb's module when the verb is called; its own help needs none of them."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in VERBS:
            command = get_command(importlib.import_module(f"reflexa.cli.verbs.{cmd_name}").app)
            command.name = cmd_name
            return command
        if ctx.resilient_parsing or cmd_name.startswith("-"):
            return None
        raise unknown_name("verb", cmd_name, VERBS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"reflexa {__version__}\n")
        raise typer.Exit


def _application() -> typer.Typer:
    app = typer.Typer(
        name="reflexa",
        help=SUMMARY,
        cls=LazyGroup,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        epilog="`reflexa VERB --help` lists a verb's options. To begin with: reflexa run --task humaneval --limit 5",
    )

    @app.callback()
    def root(
        version: Annotated[
            bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
        ] = False,
    ) -> None: ...

    return app


def run(arguments: Sequence[str]) -> int:
    """Runs one command line, and returns its exit code."""
    try:
        code = get_command(_application()).main(list(arguments), prog_name="reflexa", standalone_mode=False)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except Exception as error:
        from reflexa.cli.failures import exit_code

        return exit_code(error)
    return code if isinstance(code, int) else 0


def main() -> typing.NoReturn:
    """The program ``reflexa``. SIGTERM ends it as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _ready_streams()
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    _leave(code)


def _ready_streams() -> None:
    """What cannot be encoded is escaped; a stream that was closed before the start swallows what it gets."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, io.StringIO())
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _leave(code: int) -> typing.NoReturn:
    """Ends the process. After an interrupt calls may hang in threads that nothing can end: they are not waited for."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:  # the reader has gone; without this the interpreter complains at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = code or 1
    if code == 130:
        os._exit(code)
    sys.exit(code)
