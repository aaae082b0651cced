"""Tests that a model wrote for itself, read out of its answer."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from reflexa.tasks.fences import clean, fenced_blocks
from reflexa.tasks.source import bound_names, parse_or_none, unparse, used_names
from reflexa.types import CodeSpec

_SAFE_BUILTINS = frozenset(
    function.__name__
    for function in (
        *(abs, all, any, bool, bytes, chr, complex, dict, divmod, enumerate, filter, float, frozenset, int, isinstance),
        *(len, list, map, max, min, ord, range, repr, reversed, round, set, sorted, str, sum, tuple, type, zip),
    )
)
_LIST_MARK = re.compile(r"\A[ \t>]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?`*")
_MAX_LINES = 12
"""Of an assertion that runs over several lines among prose."""
_MAX_TRIES = 400


def assertions(text: str, code: CodeSpec, limit: int = 6) -> tuple[str, ...]:
    """The first ``limit`` assertions that call the entry point, each on one line, none twice.

    Only single ``assert`` statements count that need nothing but the entry point and harmless builtins: no imports,
    no set-up, no side effects. Anything else in the text is passed over.
    """
    text = clean(text)
    found: dict[str, None] = {}
    for piece in [*fenced_blocks(text), text]:
        for statement in _asserts(piece):
            line = _one_line(statement, code.entry_point)
            if line is not None:
                found.setdefault(line)
        if found:
            break
    return tuple(found)[:limit]


def _asserts(piece: str) -> Iterator[ast.Assert]:
    module = parse_or_none(piece)
    if module is not None:
        nodes = sorted((n for n in ast.walk(module) if isinstance(n, ast.Assert)), key=lambda node: node.lineno)
        yield from nodes
    else:
        yield from _asserts_among_prose(piece)


def _asserts_among_prose(piece: str) -> Iterator[ast.Assert]:
    lines = [line.rstrip("` \t") for line in piece.split("\n")]
    heads = [_LIST_MARK.sub("", line, count=1) for line in lines]
    starts = [index for index, head in enumerate(heads) if head.startswith(("assert ", "assert("))]
    for start in starts[:_MAX_TRIES]:
        for end in range(start + 1, min(start + _MAX_LINES, len(lines)) + 1):
            module = parse_or_none("\n".join([heads[start], *lines[start + 1 : end]]))
            if module is not None and len(module.body) == 1 and isinstance(module.body[0], ast.Assert):
                yield module.body[0]
                break


def _one_line(statement: ast.Assert, entry_point: str) -> str | None:
    test = statement.test
    if any(isinstance(node, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom) for node in ast.walk(test)):
        return None
    used = used_names(test)
    if not _calls(test, entry_point) or used - bound_names(test) - _SAFE_BUILTINS - {entry_point}:
        return None
    line = unparse(ast.Assert(test=test, msg=None))
    return line if line is not None and "\n" not in line else None


def _calls(node: ast.AST, entry_point: str) -> bool:
    return any(
        isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id == entry_point
        for child in ast.walk(node)
    )
