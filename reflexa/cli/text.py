"""Text for the terminal: what a model or a task supplies is made inert, and numbers are made readable."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_PLAIN_CONTROLS = "\n\t"
_JOINERS = "\u200c\u200d"
"""Scripts need them to be written rightly, and they move nothing."""
_ACTIVE = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Controls, formats (bidirectional overrides and tags among them), surrogates, line and paragraph separators."""


def printable(text: str) -> str:
    """The text with everything escaped that a terminal would act upon: ``\\x1b[2J`` is shown, not done.

    Line breaks and tabs stay; printable text is returned as it is.
    """
    if text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def one_line(text: str, width: int | None = None) -> str:
    """``printable`` on one line: line breaks become spaces; cut to ``width`` characters where that is given."""
    line = printable(" ".join(text.split()))
    return line if width is None or len(line) <= width else line[: max(0, width - 1)] + "…"


def _escaped(character: str) -> str:
    if character in _PLAIN_CONTROLS or character in _JOINERS or unicodedata.category(character) not in _ACTIVE:
        return character
    return (
        character.encode("ascii", "backslashreplace").decode() if ord(character) > 0x7F else f"\\x{ord(character):02x}"
    )


def indented(text: str, by: int = 4) -> str:
    """``printable`` text, each line moved to the right."""
    return "\n".join(f"{' ' * by}{line}".rstrip() for line in printable(text).splitlines())


def aligned(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Rows as columns two spaces apart; the columns numbered in ``right`` are aligned to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def count(number: int) -> str:
    """``950``, ``48.2k``, ``3.1M``."""
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if number >= size:
            return f"{number / size:.1f}{unit}"
    return str(number)


def seconds(duration: float) -> str:
    """``0.4s``, ``42s``, ``1m42s``, ``2h03m``."""
    if duration < 10:
        return f"{duration:.1f}s"
    whole = round(duration)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def dollars(cost: float | None) -> str:
    """``$0.03``; small amounts keep two digits that tell something; an unknown price is said to be unknown."""
    if cost is None:
        return "price unknown"
    return f"${cost:.2f}" if cost == 0 or cost >= 0.01 else f"${cost:.2g}"


def plural(number: int, noun: str) -> str:
    """``1 task``, ``2 tasks``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
