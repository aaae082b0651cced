"""Makes text from untrusted programs fit for terminals, databases and prompts."""

from __future__ import annotations

_KEPT = {"\n", "\t"}


def plain(text: str, limit: int) -> str:
    """``text`` in at most ``limit`` bytes of UTF-8, with everything escaped that is not printable."""
    head = text[: limit + 1]
    if not head.isascii() or not head.isprintable():
        head = "".join(_escaped(character) for character in head)
    data = head.encode()
    if len(data) <= limit and len(text) <= limit:
        return head
    return data[: max(0, limit - 3)].decode(errors="ignore") + "..."


def _escaped(character: str) -> str:
    if character in _KEPT or character.isprintable():
        return character
    return (
        character.encode("ascii", "backslashreplace").decode() if ord(character) > 127 else f"\\x{ord(character):02x}"
    )
