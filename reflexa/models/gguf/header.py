"""Reads a GGUF file's header: what llama.cpp does not tell through its bindings.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path

from reflexa.errors import PolicyError
from reflexa.types import Frozen

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_STRING, _ARRAY = 8, 9
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_KEPT_ARRAYS = (".tokens", ".token_type", ".head_count_kv")
_KV_BYTES = 2

Scalar = int | float | bool | str
Value = Scalar | tuple[Scalar, ...]


class TokenType(IntEnum):
    """The kinds of a vocabulary's entries, as GGUF numbers them."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4


class GgufHeader(Frozen):
    """What a GGUF file says of itself. Token ids are indices into ``tokens``."""

    architecture: str
    template: str | None
    context_length: int | None
    tokens: tuple[str, ...]
    token_types: tuple[int, ...]
    bos: int | None
    eos: int | None
    kv_bytes_per_token: int

    def token_text(self, token: int | None) -> str:
        """A token's text; empty for None and for ids outside the vocabulary."""
        return self.tokens[token] if token is not None and 0 <= token < len(self.tokens) else ""


def read_header(path: Path) -> GgufHeader:
    """Reads the header. Raises ``PolicyError`` for a file that is missing, no GGUF, or cut short."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _header(_Reader(data))
    except (OSError, ValueError) as error:
        reason = "the file is empty" if isinstance(error, ValueError) else str(error.strerror)
        raise PolicyError(f"cannot read the model {path}: {reason}; expected a GGUF file") from error
    except (_MalformedError, struct.error, OverflowError) as error:
        raise PolicyError(f"{path} is not a whole GGUF file ({error}): fetch it again, or name another file") from error


class _MalformedError(Exception):
    """The bytes are not GGUF."""


class _Reader:
    """A cursor over the mapped file."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        if count > len(self._data) - self._at:
            raise _MalformedError(f"it ends after {len(self._data)} bytes, inside its header")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, layout: str) -> int | float | bool:
        value: int | float | bool = struct.unpack(layout, self.take(struct.calcsize(layout)))[0]
        return value

    def count(self) -> int:
        return int(self.number("<Q"))

    def text(self) -> str:
        return self.take(self.count()).decode("utf-8", "replace")

    def value(self, kind: int, keep: bool) -> Value:
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            return self._array(keep)
        if kind not in _SCALARS:
            raise _MalformedError(f"unknown value type {kind} in its header")
        return self.number(_SCALARS[kind])

    def _array(self, keep: bool) -> tuple[Scalar, ...]:
        kind, count = int(self.number("<I")), self.count()
        if kind == _STRING:
            texts = (self.text() if keep else self.take(self.count()) for _ in range(count))
            return tuple(text for text in texts if isinstance(text, str))
        if kind not in _SCALARS:
            raise _MalformedError(f"unknown array type {kind} in its header")
        raw = self.take(count * struct.calcsize(_SCALARS[kind]))
        return tuple(item for (item,) in struct.iter_unpack(_SCALARS[kind], raw)) if keep else ()

    def check_tensors(self, count: int, alignment: int) -> None:
        """Raises where the last tensor would begin beyond the end of the file."""
        last = 0
        for _ in range(count):
            self.text()
            self.take(8 * int(self.number("<I")) + 4)
            last = max(last, self.count())
        start = -(-self._at // alignment) * alignment + last
        if count and start >= len(self._data):
            raise _MalformedError(f"it ends after {len(self._data)} bytes, inside its tensors")


def _header(reader: _Reader) -> GgufHeader:
    if reader.take(4) != _MAGIC:
        raise _MalformedError("it does not begin with GGUF")
    version = int(reader.number("<I"))
    if version not in _VERSIONS:
        raise _MalformedError(f"version {version} where 2 or 3 was expected")
    tensors, pairs = reader.count(), reader.count()
    values: dict[str, Value] = {}
    for _ in range(pairs):
        key = reader.text()
        values[key] = reader.value(int(reader.number("<I")), key.endswith(_KEPT_ARRAYS))
    reader.check_tensors(tensors, _whole(values, "general.alignment") or 32)
    architecture = str(values.get("general.architecture", ""))
    template = values.get("tokenizer.chat_template")
    return GgufHeader(
        architecture=architecture,
        template=template if isinstance(template, str) else None,
        context_length=_whole(values, f"{architecture}.context_length"),
        tokens=tuple(str(token) for token in _items(values, "tokenizer.ggml.tokens")),
        token_types=tuple(int(kind) for kind in _items(values, "tokenizer.ggml.token_type")),
        bos=_whole(values, "tokenizer.ggml.bos_token_id"),
        eos=_whole(values, "tokenizer.ggml.eos_token_id"),
        kv_bytes_per_token=_kv_bytes(values, architecture),
    )


def _whole(values: Mapping[str, Value], key: str) -> int | None:
    value = values.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _items(values: Mapping[str, Value], key: str) -> tuple[Scalar, ...]:
    value = values.get(key, ())
    return value if isinstance(value, tuple) else (value,)


def _kv_bytes(values: Mapping[str, Value], architecture: str) -> int:
    """Bytes of keys and values that one token of context costs at 16 bits; 0 where the header does not tell."""
    attention = f"{architecture}.attention"
    heads = _whole(values, f"{attention}.head_count") or 0
    width = (_whole(values, f"{architecture}.embedding_length") or 0) // heads if heads else 0
    key_width = _whole(values, f"{attention}.key_length") or width
    value_width = _whole(values, f"{attention}.value_length") or width
    layers = _whole(values, f"{architecture}.block_count") or 0
    per_layer = [int(count) for count in _items(values, f"{attention}.head_count_kv")] or [heads]
    kv_heads = per_layer[0] * layers if len(per_layer) == 1 else sum(per_layer)
    return kv_heads * (key_width + value_width) * _KV_BYTES
