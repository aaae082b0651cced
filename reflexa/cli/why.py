"""The story of a thing in words, and the retractions that spoil it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pydantic import JsonValue

from reflexa.cli.failures import DONE
from reflexa.cli.output import emit, emit_json
from reflexa.cli.session import open_store
from reflexa.cli.text import aligned, one_line, plural

if TYPE_CHECKING:
    from reflexa.cli.options.memory import RetractOptions
    from reflexa.cli.options.why import WhyOptions
    from reflexa.memory import Store
    from reflexa.memory.lineage.nodes import Kind, Node
    from reflexa.memory.lineage.retracting import Retraction
    from reflexa.memory.lineage.story import Story

_FACT = 160
_SHOWN = 20


def tell(options: WhyOptions) -> int:
    """``reflexa why``."""
    from reflexa.memory.lineage.story import Bounds

    with open_store(options.database) as store:
        story = store.ancestry.story(options.id, Bounds(depth=options.depth, limit=options.limit))
    if options.json:
        emit_json(story)
    else:
        emit("\n".join(_lines(story)))
    return DONE


def retract(options: RetractOptions) -> int:
    """``reflexa memory retract``."""
    with open_store(options.database) as store:
        ancestry = store.ancestry
        if options.id is None:
            return _show_roots(ancestry.roots(), options.json)
        node = ancestry.find(options.id)
        if options.undo:
            return _show_undone(node, ancestry.restore(options.id), options.json)
        grown = ancestry.grown(options.id) if options.dry_run else ancestry.retract(options.id, options.reason)
    if options.json:
        marked: list[JsonValue] = [{"kind": each.kind, "id": each.id} for each in grown]
        emit_json({"id": node.id, "kind": node.kind, "dry_run": options.dry_run, "grown": marked})
    else:
        emit(_report(node, grown, options.dry_run))
    return DONE


def retracted(store: Store, kind: Kind, name: str) -> str | None:
    """Why a thing is not to be trusted any more; None where it is."""
    from reflexa.memory.lineage.nodes import Node

    node = Node(kind, name)
    mark = store.ancestry.retracted([node]).get(node)
    return None if mark is None else mark.words


def _lines(story: Story, depth: int = 0) -> Iterator[str]:
    """A thing on a line of its own, its origins below it and further in."""
    indent = "  " * depth
    facts = " · ".join(one_line(fact, _FACT) for fact in story.facts)
    again = " (told above)" if story.again else ""
    yield f"{indent}{_WORDS.get(story.kind, story.kind)} {one_line(story.id)}{': ' if facts else ''}{facts}{again}"
    if story.retracted:
        yield f"{indent}  ! {one_line(story.retracted)}"
    for origin in story.origins:
        yield from _lines(origin, depth + 1)
    if story.more and not story.again:
        yield f"{indent}  … and {plural(story.more, 'more origin')}"


_WORDS = {"dataset": "data set"}


def _report(node: Node, grown: Sequence[Node], dry_run: bool) -> str:
    kinds = Counter(each.kind for each in grown)
    counts = ", ".join(plural(n, _WORDS.get(kind, kind)) for kind, n in kinds.items()) or "nothing"
    lines = [f"{_name(node)} {'would be' if dry_run else 'is'} retracted; grown from it: {counts}"]
    lines += [f"  {_name(each)}" for each in grown[:_SHOWN]]
    if len(grown) > _SHOWN:
        lines.append(f"  … and {len(grown) - _SHOWN:,} more")
    if not dry_run:
        lines.append(f"to take it back: reflexa memory retract {one_line(node.id)} --undo")
    return "\n".join(lines)


def _show_undone(node: Node, gone: int, as_json: bool) -> int:
    if as_json:
        emit_json({"id": node.id, "kind": node.kind, "marks_removed": gone})
    else:
        emit(f"{_name(node)} is trusted again: {plural(gone, 'mark')} removed")
    return DONE


def _show_roots(roots: Sequence[Retraction], as_json: bool) -> int:
    if as_json:
        emit_json([root.model_dump() for root in roots])
    elif not roots:
        emit("nothing was retracted")
    else:
        rows = [(_WORDS.get(root.kind, root.kind), one_line(root.ref), one_line(root.reason)) for root in roots]
        emit(aligned([("what", "id", "why"), *rows]))
    return DONE


def _name(node: Node) -> str:
    return one_line(str(node))
