"""``reflexa init``: a workspace."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.shared import JsonOption


@dataclass(frozen=True)
class InitOptions:
    """Where."""

    folder: Annotated[str, typer.Argument(metavar="[FOLDER]", help="The folder; it need not exist.")] = "."
    json: JsonOption = False


def init(options: InitOptions) -> int:
    """Make a workspace: a folder for task suites, verifiers and memory of your own."""
    from reflexa.cli.init import init_workspace
    from reflexa.cli.output import emit, emit_json

    folder = Path(options.folder).expanduser().absolute()
    made = [str(path) for path in init_workspace(folder)]
    if options.json:
        emit_json({"workspace": str(folder), "made": [*made]})
        return 0
    emit("\n".join(f"made {path}" for path in made))
    emit("next: reflexa tasks new NAME --from FILE makes a suite of a table; then reflexa run --task NAME")
    return 0


app = verbs("Make a workspace: a folder for tasks, verifiers and memory of your own.")
add_verb(app, "init", InitOptions, init)
