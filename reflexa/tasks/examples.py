"""The visible examples of a programming task, read from its docstring.

Docstrings write them in many ways: doctests, ``f(1) == 2``, ``f(1) ➞ 2``, ``f(1) should return 2``, "For n = 1 the
output should be 2", "Input: 1 … Output: 2". An example is kept only if its input is an expression that calls the
entry point with plain values and its output is a literal. What is doubtful is dropped: a wrong example misleads the
agent, a missing one only tells it less.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from reflexa.tasks.source import (
    BUILTINS,
    definition_pattern,
    free_names,
    is_literal,
    parse_expression,
    parse_or_none,
    unparse,
    used_names,
)
from reflexa.types import Example

_SEPARATOR = re.compile(
    r"[ \t]*(?:\#[ \t]*)?(?:=>|={1,3}>|==|=|➞|→|->|(?:should|will|must)[ \t]+(?:return|be)|returns?)[ \t]*(?:=>)?[ \t]*"
)
_IN_WORDS = (
    re.compile(r"^[ \t]*For[ \t]+(\w.+?),?[ \t]+the[ \t].*?(?:output|result) should be[ \t]+(.+)$", re.MULTILINE),
    re.compile(r"^[ \t]*Input:[ \t]*(.+)\n[ \t]*Output:[ \t]*(.+)$", re.MULTILINE),
)
_WORDS = {"true": "True", "false": "False", "none": "None", "null": "None"}
_MAX_DOCSTRING_CHARS = 20_000
_MAX_CALL_CHARS = 2_000


def visible_examples(stub: str, entry_point: str) -> tuple[Example, ...]:
    """The examples in the entry point's docstring, in their order, without repetitions.

    A docstring that says ``f(n) = f(n - 1) + 1`` defines its function by equations, so that only its doctests count.
    """
    function = _function(stub, entry_point)
    if function is None:
        return ()
    text = (ast.get_docstring(function) or "")[:_MAX_DOCSTRING_CHARS]
    parameters = [argument.arg for argument in function.args.args]
    found = [*_doctests(text, entry_point)]
    if not _is_definition(text, entry_point, parameters):
        found += _calls(_without_doctests(text), entry_point)
    found += _in_words(text, entry_point, parameters)
    return tuple(dict.fromkeys(found))


def _is_definition(text: str, entry_point: str, parameters: list[str]) -> bool:
    call = rf"(?<![\w.]){re.escape(entry_point)}\({re.escape(', '.join(parameters))}\)"
    return any(_SEPARATOR.match(text, match.end()) for match in re.finditer(call, text))


def _function(stub: str, entry_point: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    match = definition_pattern(entry_point).search(stub)
    module = parse_or_none(stub[match.start() :]) if match else None
    if module is None or not isinstance(module.body[0], ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    return module.body[0]


def _doctests(text: str, entry_point: str) -> Iterator[Example]:
    """``>>> f(1)`` with its output on the lines below, or ``>>> f(1) == 2`` with none."""
    lines = text.splitlines()
    for index, line in enumerate(lines):
        if not line.lstrip().startswith(">>>"):
            continue
        output: list[str] = []
        for below in lines[index + 1 :]:
            if not below.strip() or below.lstrip().startswith(">>>"):
                break
            output.append(below.strip())
        example = _doctest(line.lstrip()[3:].strip(), output, entry_point)
        if example is not None:
            yield example


def _doctest(prompt: str, output: list[str], entry_point: str) -> Example | None:
    expression = parse_expression(prompt)
    match expression:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            return _example(ast.unparse(left), ast.unparse(right), entry_point)
        case None:
            return next(_calls(prompt, entry_point), None)
        case _ if output:
            return _example(ast.unparse(expression), "\n".join(output), entry_point)
        case _:  # a doctest that prints nothing returned None
            return _example(ast.unparse(expression), "None", entry_point)


def _without_doctests(text: str) -> str:
    return "\n".join("" if line.lstrip().startswith(">>>") else line for line in text.splitlines())


def _calls(text: str, entry_point: str) -> Iterator[Example]:
    """``f(1) == 2`` and its kin, wherever they stand; a call may run over several lines."""
    for start in re.finditer(rf"(?<![\w.]){re.escape(entry_point)}[ \t]*\(", text):
        end = _closing(text, start.end() - 1)
        separator = _SEPARATOR.match(text, end) if end else None
        if end is None or separator is None:
            continue
        rest = text[separator.end() :].split("\n", 1)[0]
        example = _example(text[start.start() : end], _output(rest), entry_point)
        if example is not None:
            yield example


def _closing(text: str, opening: int) -> int | None:
    """The index behind the bracket that closes the one at ``opening``; quoted brackets do not count."""
    depth, quote = 0, ""
    for index in range(opening, min(len(text), opening + _MAX_CALL_CHARS)):
        character = text[index]
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth == 0:
                return index + 1
    return None


def _in_words(text: str, entry_point: str, parameters: list[str]) -> Iterator[Example]:
    """``Input: a = 1, k = 2`` with ``Output: 3`` below, and "For a = 1 the output should be 3"."""
    for pattern in _IN_WORDS:
        for match in pattern.finditer(text):
            call = parse_expression(f"{entry_point}({match[1].strip()})")
            source = _positional(call, parameters) if isinstance(call, ast.Call) else None
            example = _example(source, _output(match[2]), entry_point) if source else None
            if example is not None:
                yield example


def _positional(call: ast.Call, parameters: list[str]) -> str | None:
    """The call without its arguments' names; None where they are not the function's own, in order."""
    names = [keyword.arg for keyword in call.keywords]
    if len(call.args) + len(names) != len(parameters) or (names and (call.args or names != parameters)):
        return None
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    return unparse(ast.Call(func=call.func, args=values, keywords=[]))


def _output(rest: str) -> str:
    """The literal that a line's rest begins with: comments, remarks in brackets and full stops are left out.

    ``3 - 1 = 2`` and ``1 + 9 = 10`` show the way to a result, which stands last.
    """
    rest = rest.strip()
    if re.fullmatch(r"[\d\s+\-]+=\s*-?\d+", rest):
        rest = rest.rsplit("=", 1)[1].strip()
    for candidate in (rest.rstrip(".,; "), rest.split("#")[0], re.split(r"[ \t]+\(", rest)[0], rest.split(". ")[0]):
        word = _WORDS.get(candidate.strip().lower(), candidate.strip())
        if is_literal(word):
            return word
    return rest


def _example(source: str, output: str, entry_point: str) -> Example | None:
    """The example, if both sides can be trusted to mean what they say."""
    call, output = parse_expression(source), output.strip()
    if call is None or entry_point not in used_names(call) or free_names(call) - {entry_point}:
        return None
    if not _calls_entry_point(call, entry_point) or not _is_plain(output):
        return None
    written, value = unparse(call), parse_expression(output)
    text = unparse(value) if value is not None else None
    return Example(input=written, output=text) if written and text else None


def _calls_entry_point(call: ast.expr, entry_point: str) -> bool:
    """Whether it is a call of the entry point, perhaps within a builtin such as ``round``."""
    match call:
        case ast.Call(func=ast.Name(id=name)) if name == entry_point:
            return bool(call.args or call.keywords) and all(not used_names(argument) for argument in call.args)
        case ast.Call(func=ast.Name(id=name), args=[inner, *_]) if name in BUILTINS:
            return _calls_entry_point(inner, entry_point)
        case _:
            return False


def _is_plain(output: str) -> bool:
    """A literal, but not one in needless brackets: ``("a")`` may have been meant as a tuple."""
    bracketed = output.startswith("(") and not isinstance(parse_expression(output), ast.Tuple)
    return is_literal(output) and not bracketed
