"""Readings of a piece of text as the Python module that an answer may be."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from reflexa.tasks import source
from reflexa.tasks.source import UnparsableError

_MAX_CUTS = 40
_MAX_PARSED_CHARS = 200_000
"""How often the end of a text is cut at the parser's complaint, and how much is parsed then: bounds the time."""

_CODE_START = re.compile(r"^(?:import |from [\w.]+ import|(?:async )?def |class |@\w)", re.MULTILINE)
_LANGUAGE_LINE = re.compile(r"\A\s*(?:python3?|py)[ \t]*\n", re.IGNORECASE)


@dataclass(frozen=True)
class Candidate:
    """A module that parses and defines the entry point. ``whole``: nothing was cut off its end."""

    text: str
    module: ast.Module
    whole: bool


def as_module(text: str, entry_point: str) -> Candidate | None:
    """Reads text as a module that defines the entry point, leaving out chatter before and after the code."""
    text = _LANGUAGE_LINE.sub("", _without_prompts(text), count=1)
    for start in _starts(text, entry_point):
        candidate = _trimmed(_dedented(text[start:]), entry_point)
        if candidate is not None:
            return candidate
    return None


def as_continuation(text: str, stub: str, entry_point: str) -> Candidate | None:
    """Reads text as what follows the stub: a function's body, perhaps de-indented, perhaps after some chatter."""
    indent = _body_indent(stub)
    readings = [
        _trimmed(f"{stub.rstrip()}\n{body}", entry_point)
        for body in _bodies(_LANGUAGE_LINE.sub("", text, count=1), indent)
    ]
    usable = [reading for reading in readings if reading is not None and has_body(reading.module, entry_point)]
    return max(usable, key=lambda reading: (reading.whole, _size(reading, entry_point)), default=None)


def _size(candidate: Candidate, entry_point: str) -> int:
    function = source.function(candidate.module, entry_point)
    return len(source.segment(candidate.text.split("\n"), function)) if function else 0


def defines(module: ast.Module, entry_point: str) -> bool:
    """Whether running the module binds the entry point: by ``def``, by assignment, or as a class's method."""
    return any(
        entry_point in source.top_level_names(statement)
        for statement in module.body
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.Assign | ast.AnnAssign | ast.If | ast.Try)
    )


def has_body(module: ast.Module, entry_point: str) -> bool:
    """Whether the entry point does something; docstrings, imports, ``pass``, NotImplementedError make a stub."""
    function = source.function(module, entry_point)
    return function is None or not all(_is_placeholder(statement) for statement in function.body)


def _is_placeholder(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Raise(exc=ast.Name(id="NotImplementedError") | ast.Call(func=ast.Name(id="NotImplementedError"))):
            return True
        case _:
            return False


def _dedented(text: str) -> str:
    """Moves code that is indented as a whole to the left; other code keeps its docstrings to the letter."""
    return textwrap.dedent(text) if text.lstrip("\n")[:1].isspace() else text


def _starts(text: str, entry_point: str) -> Iterator[int]:
    """Where the code may begin: at the top, at the first line that looks like code, at the definition itself."""
    yield 0
    definition = source.definition_pattern(entry_point).search(text)
    first = _CODE_START.search(text)
    if first is not None and (definition is None or first.start() < definition.start()):
        yield first.start()
    if definition is not None:
        nearer = [match.start() for match in _CODE_START.finditer(text, 0, definition.start())]
        yield from nearer[-1:]
        yield definition.start()
    holder = re.search(r"^class \w+.*:", text, re.MULTILINE)
    if holder is not None and definition is not None and holder.start() < definition.start():
        yield holder.start()


def _trimmed(text: str, entry_point: str) -> Candidate | None:
    """The longest head of the text that parses, as the parser's complaints allow; None if the entry point is lost."""
    lines = text.expandtabs(8).split("\n") if _mixes_tabs(text) else text.split("\n")
    whole = True
    for _ in range(min(_MAX_CUTS, 1 + _MAX_PARSED_CHARS // (len(text) + 1))):
        head = "\n".join(lines)
        try:
            module = source.parse(head)
        except UnparsableError as error:
            keep = len(lines) - 1 if error.line is None else min(error.line, len(lines)) - 1
            del lines[max(keep, 0) :]
            whole = False
            if not lines:
                return None
            continue
        return _finished(head, module, entry_point, whole)
    return None


def _finished(text: str, module: ast.Module, entry_point: str, whole: bool) -> Candidate | None:
    if not whole:
        text, module = _without_torn_repetition(text, module, entry_point)
    if defines(module, entry_point):
        return Candidate(text, module, whole)
    holder = _holder(module, entry_point)
    if holder is None:
        return None
    wrapper = f"def {entry_point}(*args, **kwargs):\n    return {holder}().{entry_point}(*args, **kwargs)\n"
    text = f"{text.rstrip()}\n\n\n{wrapper}"
    return Candidate(text, source.parse(text), whole)


def _without_torn_repetition(text: str, module: ast.Module, entry_point: str) -> tuple[str, ast.Module]:
    """Drops a second definition of the entry point that the cut left unfinished: the first one is complete."""
    definitions = [
        statement
        for statement in module.body
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name == entry_point
    ]
    if len(definitions) < 2 or definitions[-1] is not module.body[-1]:
        return text, module
    text = "\n".join(text.split("\n")[: source.first_line(definitions[-1]) - 1])
    return text, source.parse(text)


def _holder(module: ast.Module, entry_point: str) -> str | None:
    """The last class that has the entry point as a method, as ``class Solution`` of coding sites does."""
    for statement in reversed(module.body):
        if isinstance(statement, ast.ClassDef) and any(
            isinstance(member, ast.FunctionDef) and member.name == entry_point for member in statement.body
        ):
            return statement.name
    return None


def _bodies(text: str, indent: str) -> Iterator[str]:
    """The text as a body: as it stands, its first line or all of it indented, from its first indented line on."""
    text = text.strip("\n").rstrip()
    yield text
    if not text[:1].isspace():
        yield indent + text
        yield textwrap.indent(text, indent)
        indented = re.search(r"^[ \t]+\S", text, re.MULTILINE)
        if indented is not None:
            yield text[indented.start() :]


def _body_indent(stub: str) -> str:
    match = re.search(r"^([ \t]+)\S[^\n]*\Z", stub.rstrip(), re.MULTILINE)
    return match[1] if match else "    "


def _mixes_tabs(text: str) -> bool:
    return "\t" in text and re.search(r"^\t", text, re.MULTILINE) is not None and "\n  " in text


def _without_prompts(text: str) -> str:
    """A session at the interactive prompt as code: lines after ``>>>`` and ``...``, without what was printed."""
    lines = [line.lstrip() for line in text.splitlines() if line.strip()]
    if not lines or not lines[0].startswith(">>>"):
        return text
    kept = [line[4:] for line in lines if line.startswith((">>> ", "... ")) or line in (">>>", "...")]
    return "\n".join(kept)
