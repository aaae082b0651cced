"""Reversible escaping of the characters that some database cannot hold as text.

PostgreSQL refuses NUL, SQL functions of SQLite stop at it, and neither can hold lone surrogates, which a model's
broken bytes or a program's output may carry. Such a character is written as SUBSTITUTE (U+001A) and four
hexadecimal digits; SUBSTITUTE itself likewise. All other text is stored as it is.
"""

from __future__ import annotations

import re

SUBSTITUTE = "\x1a"
_UNSAFE = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")


def escape(text: str) -> str:
    """The text as every database can hold it: without NULs and lone surrogates."""
    if "\x00" not in text and SUBSTITUTE not in text and _is_unicode(text):
        return text
    return _UNSAFE.sub(lambda match: f"{SUBSTITUTE}{ord(match[0]):04x}", text)


def unescape(text: str) -> str:
    """The text that ``escape`` was given."""
    if SUBSTITUTE not in text:
        return text
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
