"""Makes text from untrusted programs fit for terminals, databases and prompts."""

from __future__ import annotations

import unicodedata

_KEPT = {"\n", "\t"}
_ESCAPED_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def plain(text: str, limit: int) -> str:
    """``text`` in at most ``limit`` bytes of UTF-8, with control, format and surrogate characters escaped."""
    head = text[: limit + 1]
    if not head.isascii() or not head.isprintable():
        head = "".join(_escaped(character) for character in head)
    data = head.encode()
    if len(data) <= limit and len(text) <= limit:
        return head
    return data[: max(0, limit - 3)].decode(errors="ignore") + "..."


def _escaped(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in _ESCAPED_CATEGORIES:
        return character
    return (
        character.encode("ascii", "backslashreplace").decode() if ord(character) > 127 else f"\\x{ord(character):02x}"
    )
