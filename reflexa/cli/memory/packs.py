"""Lesson packs, and how much the memory holds and may lose."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args

from reflexa.cli.failures import DONE
from reflexa.cli.output import emit, emit_json
from reflexa.cli.session import open_store
from reflexa.cli.text import aligned, count, one_line, plural
from reflexa.errors import UsageError, unknown_name
from reflexa.memory.lessons.packs import write_pack
from reflexa.memory.pruning import Pruned, PruneKind

if TYPE_CHECKING:
    from reflexa.cli.options.lessons import ExportOptions, ImportOptions, PruneOptions, StatsOptions

_AGES = {"h": 3_600, "d": 86_400, "w": 604_800}
_MEANINGS: dict[PruneKind, str] = {
    "unused": "lessons that no episode was offered",
    "dropped": "lessons that were dropped or merged, and shown to no episode",
    "calls": "model calls of finished runs",
    "texts": "texts that no call and no attempt names",
}


def import_pack(options: ImportOptions) -> int:
    """``reflexa memory import``."""
    with open_store(options.database) as store:
        before = store.stats()
        read = store.import_pack(options.file, options.name or options.file.stem)
        after = store.stats()
    new = sum(kind.n for kind in after.lessons) - sum(kind.n for kind in before.lessons)
    if options.json:
        emit_json({"read": len(read.lessons), "new": new, "redacted": read.redacted})
        return DONE
    known = f" · {len(read.lessons) - new} were known" if new < len(read.lessons) else ""
    secrets = f" · secrets were removed from {read.redacted}" if read.redacted else ""
    emit(f"{plural(new, 'lesson')} in quarantine{known}{secrets}")
    emit("next: reflexa memory review")
    return DONE


def export_pack(options: ExportOptions) -> int:
    """``reflexa memory export``."""
    with open_store(options.database) as store:
        lessons = store.lessons(suite=options.suite, status="active")
    if not lessons:
        raise UsageError("there is no active lesson to export")
    write_pack(options.file, lessons)
    if options.json:
        emit_json({"file": str(options.file), "n": len(lessons)})
    else:
        emit(f"{plural(len(lessons), 'lesson')} in {one_line(str(options.file))}")
    return DONE


def stats(options: StatsOptions) -> int:
    """``reflexa memory stats``."""
    with open_store(options.database) as store:
        found = store.stats()
    if options.json:
        emit_json(found)
        return DONE
    emit(aligned([(name.replace("_", " "), f"{n:,}") for name, n in found.rows.items()], right=(1,)))
    emit(f"database {count(found.bytes)}B")
    for embedder, n in found.vectors.items():
        emit(f"vectors by {one_line(embedder)}: {n:,}")
    if found.lessons:
        rows = [("suite", "status", "trust", "lessons")]
        rows += [(one_line(kind.suite, 30), kind.status, kind.trust, f"{kind.n:,}") for kind in found.lessons]
        emit(aligned(rows, right=(3,)))
    else:
        emit("no lessons yet")
    return DONE


def prune(options: PruneOptions) -> int:
    """``reflexa memory prune``."""
    known, named = get_args(PruneKind), options.kinds or ()
    for kind in named:
        if kind not in known:
            raise unknown_name("kind", kind, known)
    if not named:
        raise UsageError(f"name what may go: {', '.join(f'{kind} ({_MEANINGS[kind]})' for kind in known)}")
    kinds: list[PruneKind] = [kind for kind in known if kind in named]
    with open_store(options.database) as store:
        found = store.prune(kinds, _seconds(options.older_than), dry_run=options.dry_run)
    if options.json:
        emit_json([{"kind": each.kind, "n": each.rows, "bytes": each.bytes} for each in found])
    else:
        emit(_told(found, "would go" if options.dry_run else "deleted"))
    return DONE


def _told(found: list[Pruned], verb: str) -> str:
    rows = [("kind", verb, "text", "what")]
    rows += [(each.kind, f"{each.rows:,}", f"{count(each.bytes)}B", _MEANINGS[each.kind]) for each in found]
    return aligned(rows, right=(1, 2))


def _seconds(age: str) -> float:
    match = re.fullmatch(r"(\d{1,6})([hdw])", age)
    if match is None:
        raise UsageError(f"--older-than {age!r}: expected a number and h, d or w, such as 12h, 30d, 8w")
    return float(int(match[1]) * _AGES[match[2]])
