from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.main import get_command

from reflexa.cli.commands import add_verb, verbs


@dataclass(frozen=True)
class Shape:
    """What a test verb takes."""

    name: Annotated[str, typer.Argument(metavar="NAME", help="A name.")]
    size: Annotated[int | None, typer.Option("--size", min=1, help="A size.")] = None
    colour: Annotated[list[str] | None, typer.Option("--colour", rich_help_panel="Looks", help="A colour.")] = None
    loud: Annotated[bool, typer.Option("--loud", help="Shout.")] = False


def _app(seen: list[Shape]) -> typer.Typer:
    def draw(options: Shape) -> int:
        """Draw a shape."""
        seen.append(options)
        return 7

    app = verbs("Draws.")
    add_verb(app, "draw", Shape, draw)
    return app


def test_a_verb_gets_one_value_with_all_options_and_returns_the_exit_code() -> None:
    seen: list[Shape] = []
    command = get_command(_app(seen))
    arguments = ["circle", "--size", "3", "--colour", "red", "--colour", "blue", "--loud"]
    assert command.main(arguments, standalone_mode=False) == 7
    assert command.main(["square"], standalone_mode=False) == 7
    assert seen == [Shape("circle", 3, ["red", "blue"], loud=True), Shape("square")]


def test_an_interrupted_verb_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    def wait(options: Shape) -> int:
        raise KeyboardInterrupt

    app = verbs("Waits.")
    add_verb(app, "wait", Shape, wait)
    assert get_command(app).main(["x"], standalone_mode=False) == 130
    assert capsys.readouterr().err == "reflexa: interrupted\n"


def test_help_groups_options_and_is_the_actions_docstring(capsys: pytest.CaptureFixture[str]) -> None:
    get_command(_app([])).main(["--help"], standalone_mode=False)
    shown = capsys.readouterr().out
    assert "Draw a shape." in shown
    assert shown.index("Arguments:") < shown.index("Options:") < shown.index("--size") < shown.index("Looks:")
    assert shown.index("Looks:") < shown.index("--colour")
    assert shown.index("--loud") < shown.index("Looks:")
