"""``reflexa verifiers``: what can judge."""

from __future__ import annotations

from dataclasses import dataclass

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.shared import JsonOption

SUMMARY = "List the verifiers that can judge: built-in ones, the workspace's, other packages'."


@dataclass(frozen=True)
class ListOptions:
    """How to print."""

    json: JsonOption = False


def list_all(options: ListOptions) -> int:
    """List the verifiers that --verifier and --feedback take; those that read a task's check can only judge."""
    from reflexa.cli.output import emit, emit_json
    from reflexa.cli.session import Session
    from reflexa.cli.text import aligned, one_line
    from reflexa.verifiers import list_verifiers

    found = list_verifiers(Session.here({}).workspace.root)
    if options.json:
        emit_json([info.model_dump() for info in found])
        return 0
    rows = [("verifier", "judges only", "what", "from")]
    for info in found:
        name = f"{info.name}:{info.argument}" if info.argument else info.name
        rows.append((one_line(name), "yes" if info.private else "", one_line(info.summary), one_line(info.source)))
    emit(aligned(rows))
    return 0


app = verbs(SUMMARY)


@app.callback()
def _group() -> None:
    """Keeps ``list`` a verb of its own: typer would make a single one the whole command."""


add_verb(app, "list", ListOptions, list_all)
