"""Verbs from dataclasses: each field, annotated with ``typer.Option`` or ``typer.Argument``, is one option."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

import typer
from typer.core import TyperCommand

Options = TypeVar("Options")
Action = Callable[[Options], int]

INTERRUPTED = 130


class GroupedCommand(TyperCommand):
    """A command whose help lists its options by panel, those without a panel first."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                kind = "Arguments" if param.param_type_name == "argument" else "Options"
                sections.setdefault(getattr(param, "rich_help_panel", None) or kind, []).append(record)
        for name, records in sections.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)


def verbs(summary: str) -> typer.Typer:
    """A group of verbs, or the home of a single one. Rich markup would treble what ``--help`` costs."""
    return typer.Typer(
        help=summary,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
    )


def add_verb(app: typer.Typer, name: str, options: type[Options], action: Action[Options]) -> None:
    """Adds a verb that calls ``action`` with one ``options`` and ends with the exit code that it returns.

    The verb's help is the action's docstring.
    """
    hints = get_type_hints(options, include_extras=True)
    signature = inspect.signature(options)
    parameters = [
        parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in signature.parameters.values()
    ]

    def callback(**values: Any) -> int:
        try:
            return action(options(**values))
        except KeyboardInterrupt:
            sys.stderr.write("reflexa: interrupted\n")
            return INTERRUPTED

    callback.__doc__ = action.__doc__
    callback.__annotations__ = {parameter.name: hints[parameter.name] for parameter in parameters}
    callback.__dict__["__signature__"] = signature.replace(parameters=parameters, return_annotation=int)
    app.command(name, cls=GroupedCommand)(callback)
