"""Removes secrets from text before it is stored: the environment's own, and whatever has a well-known key's shape.

Each is looked for raw, URL-encoded and in base64, and replaced by ``[redacted:NAME]``.
"""

from __future__ import annotations

import base64
import functools
import json
import operator
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, quote_plus, unquote, urlsplit

from pydantic import BaseModel

Value = TypeVar("Value", bound=BaseModel)

SHORTEST = 8
"""Shorter values of environment variables are too common as words to be taken for secrets."""
_NAMES = re.compile(
    r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PAT|CREDENTIALS?)(?:_|$)", re.IGNORECASE
)


SHORTEST_RUN = 20
"""No encoded key is shorter. Most text has few words of this length, so looking into each costs little."""
RECENT = 128
"""Texts to remember as cleaned: an attempt repeats those of its call, and a run its system prompt."""
_KEYS = frozenset({"id", "task_id", "recalled"})
"""Fields that rows are found by: they stay as they are."""


class Shape(NamedTuple):
    """What keys of one kind look like. One of ``marks`` occurs in each: without any there is nothing to search."""

    name: str
    marks: tuple[str, ...]
    pattern: re.Pattern[str]


def _shape(name: str, marks: str, pattern: str) -> Shape:
    return Shape(name, tuple(marks.split("|")), re.compile(pattern))


# Every repetition that another can follow is bounded, so that no text takes more than linear time.
SHAPES = (
    _shape("anthropic-key", "sk-ant-", r"\bsk-ant-[\w-]{20,}"),
    _shape("openai-key", "sk-", r"\bsk-(?!ant-)(?=[\w-]{0,200}\d)[\w-]{20,}"),
    _shape("github-token", "ghp_|gho_|ghu_|ghs_|ghr_", r"\bgh[pousr]_[A-Za-z0-9]{36,}"),
    _shape("github-pat", "github_pat_", r"\bgithub_pat_\w{22,}"),
    _shape("gitlab-token", "glpat-", r"\bglpat-[\w-]{20,}"),
    _shape("huggingface-token", "hf_", r"\bhf_[A-Za-z0-9]{30,}"),
    _shape("aws-key-id", "AKIA|ASIA", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    _shape("google-key", "AIza", r"\bAIza[\w-]{35}"),
    _shape("slack-token", "xox", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    _shape("stripe-key", "k_live_|k_test_", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    _shape("jwt", "eyJ", r"\beyJ[\w-]{10,400}\.eyJ[\w-]{10,4000}\.[\w-]{10,}"),
    _shape(
        "private-key",
        "-----BEGIN ",
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)",
    ),
)
_MARKS = tuple((mark, shape) for shape in SHAPES for mark in shape.marks)
_BASE64_RUN = re.compile(r"[A-Za-z0-9+/_-]{20,}")
_STANDARD_ALPHABET = str.maketrans("-_", "+/")
_PERCENT_RUN = re.compile(r"(?<![\w.~+/-])[\w.~+/-]*%[0-9A-Fa-f]{2}[\w.~+/%-]*", re.ASCII)


class Redactor:
    """Knows the secrets of one environment, which never change. Any number of threads may use it."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        secrets = sorted(_secrets(os.environ if environ is None else environ), key=lambda pair: -len(pair[1]))
        self._known = tuple((form, f"[redacted:{name}]") for name, secret in secrets for form in _forms(secret))
        self._cleared = functools.lru_cache(RECENT)(self._clear)

    def text(self, text: str) -> str:
        """The text without secrets."""
        return text if len(text) < SHORTEST else self._cleared(text)

    def _clear(self, text: str) -> str:
        for form, replacement in self._known:
            if form in text:
                text = text.replace(form, replacement)
        for shape in _shapes_in(text):
            text = shape.pattern.sub(f"[redacted:{shape.name}]", text)
        if len(text) >= SHORTEST_RUN:
            for word in {word for word in text.split() if len(word) >= SHORTEST_RUN}:
                text = _without_encoded(text, word)
        return text

    def clean(self, value: Value) -> Value:
        """The value with every text in it redacted, but not its ids; the very same object where nothing changes."""
        changes = {
            name: cleaned
            for name, field in value
            if name not in _KEYS and (cleaned := self._cleaned(field)) is not field
        }
        return value.model_copy(update=changes) if changes else value

    def _cleaned(self, value: Any) -> Any:
        if isinstance(value, str):
            text = self.text(value)
            return value if text == value else text
        if isinstance(value, BaseModel):
            return self.clean(value)
        if isinstance(value, tuple | list):
            items = [self._cleaned(item) for item in value]
            return value if all(map(operator.is_, items, value)) else type(value)(items)
        if isinstance(value, dict):
            pairs = {self.text(key): self._cleaned(item) for key, item in value.items()}
            return value if pairs == value else pairs
        return value


def _secrets(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The names and values of what in an environment must stay secret, passwords within URLs among them."""
    for name, value in environ.items():
        if _NAMES.search(name):
            yield from ((name, secret) for secret in {value, value.strip()} if len(secret) >= SHORTEST)
        elif "://" in value:
            password = _password(value)
            yield from ((name, secret) for secret in {password, unquote(password)} if len(secret) >= SHORTEST)


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""


def _forms(secret: str) -> list[str]:
    """How a secret may be written: raw, in JSON, in a URL, and in base64 within any longer text."""
    encoded = [quote(secret, safe="", errors="replace"), quote(secret, errors="replace"), quote_plus(secret)]
    lower = [re.sub("%..", lambda code: code[0].lower(), form) for form in encoded]
    shifted = [form for shift in range(3) for form in _base64_forms(secret, shift)]
    return list(dict.fromkeys([secret, json.dumps(secret)[1:-1], *encoded, *lower, *shifted]))


def _base64_forms(secret: str, shift: int) -> tuple[str, str]:
    """The characters that depend on the secret alone where it begins ``shift`` bytes into a group of three."""
    data = b"\0" * shift + secret.encode("utf-8", "surrogateescape")
    first, last = -(-8 * shift // 6), 8 * len(data) // 6
    return base64.b64encode(data)[first:last].decode(), base64.urlsafe_b64encode(data)[first:last].decode()


def _shapes_in(text: str) -> list[Shape]:
    return [shape for mark, shape in _MARKS if mark in text]


def _without_encoded(text: str, word: str) -> str:
    """The text without the keys that stand encoded in one of its words."""
    runs = [(run, _from_base64) for run in _BASE64_RUN.findall(word)]
    if "%" in word:
        runs += [(run, _from_percent) for run in _PERCENT_RUN.findall(word)]
    for run, decodings in runs:
        judged = _judged(run, decodings)
        if judged != run:
            text = text.replace(run, judged)
    return text


def _judged(run: str, decodings: Callable[[str], Iterator[str]]) -> str:
    """An encoded piece of text, or what replaces it where a key hides in it."""
    for decoded in decodings(run):
        for shape in _shapes_in(decoded):
            if shape.pattern.search(decoded):
                return f"[redacted:{shape.name}]"
    return run


def _from_percent(run: str) -> Iterator[str]:
    yield unquote(run, "latin-1")
    if "+" in run:
        yield unquote(run.replace("+", " "), "latin-1")


def _from_base64(run: str) -> Iterator[str]:
    """What a run of base64 characters says, wherever its groups of four begin."""
    standard = run.translate(_STANDARD_ALPHABET)
    for start in range(4):
        tail = standard[start:]
        whole = tail if len(tail) % 4 != 1 else tail[:-1]
        yield base64.b64decode(whole + "=" * (-len(whole) % 4)).decode("latin-1")
