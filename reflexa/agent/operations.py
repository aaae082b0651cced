"""What a model may ask to be done with lessons: a line each, read strictly and bounded.

After ExpeL (Zhao et al. 2023), whose model adds, edits, merges and drops insights while it reads what was tried:

    ADD: a new lesson
    EDIT ID: the lesson in other words
    MERGE ID ID: one lesson in place of several
    DROP ID: why
"""

from __future__ import annotations

import re
from typing import Literal

from reflexa.types import Frozen

Kind = Literal["add", "edit", "merge", "drop"]
Refusal = Literal[
    "unreadable", "too many", "length", "unknown lesson", "protected", "withdrawn", "secret", "task named", "answer",
    "quotation", "role marks",
]  # fmt: skip
"""Why an operation was not carried out, of which ``withdrawn`` means that such a lesson was dropped before."""

OPERATIONS = 5
"""Operations that one reply may hold: what comes after them is refused."""
SHORTEST, LONGEST = 15, 400
"""Characters of a lesson's text."""

_LINE = re.compile(r"^(?:[-*•>\s]|\d{1,2}[.)])*(?P<kind>ADD|EDIT|MERGE|DROP)\b(?P<rest>.*)$")
_REST = re.compile(r"^(?P<names>[\w\s,&*\[\]]{0,80}):(?P<text>.*)$")
_LABEL = re.compile(r"\bl[0-9a-f]{3,14}\b")
_LESSONS: dict[Kind, range] = {"add": range(1), "edit": range(1, 2), "merge": range(2, 5), "drop": range(1, 2)}


class Operation(Frozen):
    """One operation as the reply named it: ``lessons`` are labels of those that were shown."""

    kind: Kind
    lessons: tuple[str, ...] = ()
    text: str = ""


class Reading(Frozen):
    """What a reply asks for, in its order, and why lines of it were refused."""

    operations: tuple[Operation, ...] = ()
    refused: tuple[Refusal, ...] = ()


def read_operations(reply: str) -> Reading:
    """Reads a reply. Lines that begin with no operation's name are talk, and are passed over."""
    operations: list[Operation] = []
    refused: list[Refusal] = []
    for line in reply.splitlines():
        found = _LINE.match(line.strip())
        if found is None:
            continue
        read = _operation(found["kind"], found["rest"])
        if isinstance(read, Operation) and len(operations) == OPERATIONS:
            refused.append("too many")
        elif isinstance(read, Operation):
            operations.append(read)
        else:
            refused.append(read)
    return Reading(operations=tuple(operations), refused=tuple(refused))


def _operation(word: str, rest: str) -> Operation | Refusal:
    kind: Kind = next(name for name in _LESSONS if name == word.lower())
    parts = _REST.match(rest)
    if parts is None:
        return "unreadable"
    text = " ".join(parts["text"].strip("*").split())
    labels = tuple(dict.fromkeys(_LABEL.findall(parts["names"])))
    if len(labels) not in _LESSONS[kind]:
        return "unreadable"
    if kind != "drop" and not SHORTEST <= len(text) <= LONGEST:
        return "length"
    return Operation(kind=kind, lessons=labels, text=text[:LONGEST])
