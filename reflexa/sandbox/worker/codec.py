"""Plain data as JSON, without losing what JSON does not know: tuples, sets, bytes, big and special numbers.

A list is a JSON array. Everything else that JSON lacks is an object with one key, its type's name. Decoding
yields values of exactly these builtin types, so nothing that a candidate sends can carry behaviour.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MAX_DEPTH = 150
_NATIVE_INT = 1 << 63
_MAX_INT_BITS = 32 << 20


class CodecError(Exception):
    """A value is not plain data, or is nested too deeply."""


def encode(value: object, depth: int = MAX_DEPTH) -> Any:
    """A value as what ``json.dumps`` takes. Subclasses of builtins go by value, as their builtin type.

    Raises ``CodecError`` for what is not plain data, or is nested more than ``depth`` deep.
    """
    if value is None or value is True or value is False:
        return value
    kind = type(value)
    if kind is str or kind is float:
        return value
    if kind is int:
        return _encode_int(value)  # type: ignore[arg-type]  # the exact type was compared
    if depth <= 0:
        raise CodecError(f"nested more than {MAX_DEPTH} deep")
    if kind is list:
        return [encode(item, depth - 1) for item in value]  # type: ignore[attr-defined]
    for base, convert in _ENCODERS.items():
        if issubclass(kind, base):
            return convert(value, depth - 1)
    raise CodecError(f"a value of type {kind.__name__!r} is not plain data")


def _encode_int(value: int) -> Any:
    if -_NATIVE_INT < value < _NATIVE_INT:
        return value
    if value.bit_length() > _MAX_INT_BITS:
        raise CodecError(f"an int of {value.bit_length()} bits is too large")
    return {"int": hex(value)}


def _encode_dict(value: dict[object, object], depth: int) -> Any:
    flat: list[Any] = []
    for key, item in dict.items(value):
        flat.append(encode(key, depth))
        flat.append(encode(item, depth))
    return {"dict": flat}


_ENCODERS: dict[type, Callable[[Any, int], Any]] = {
    dict: _encode_dict,
    tuple: lambda value, depth: {"tuple": [encode(item, depth) for item in tuple.__iter__(value)]},
    list: lambda value, depth: [encode(item, depth) for item in list.__iter__(value)],
    set: lambda value, depth: {"set": [encode(item, depth) for item in set.__iter__(value)]},
    frozenset: lambda value, depth: {"frozenset": [encode(item, depth) for item in frozenset.__iter__(value)]},
    bytes: lambda value, depth: {"bytes": bytes.hex(value)},
    bytearray: lambda value, depth: {"bytearray": bytearray.hex(value)},
    complex: lambda value, depth: {"complex": [complex.real.__get__(value), complex.imag.__get__(value)]},
    range: lambda value, depth: {"range": [_encode_int(part) for part in (value.start, value.stop, value.step)]},
    str: lambda value, depth: str.__str__(value),
    int: lambda value, depth: _encode_int(int.__int__(value)),
    float: lambda value, depth: float.__float__(value),
    type(Ellipsis): lambda value, depth: {"ellipsis": None},
}


def decode(value: Any, depth: int = MAX_DEPTH) -> Any:
    """The value that ``encode`` was given. Raises ``CodecError`` for anything that it cannot have made."""
    if not isinstance(value, (list, dict)):
        return value
    if depth <= 0:
        raise CodecError(f"nested more than {MAX_DEPTH} deep")
    if isinstance(value, list):
        return [decode(item, depth - 1) for item in value]
    if len(value) != 1:
        raise CodecError("an encoded value has one tag")
    ((tag, content),) = value.items()
    if tag not in _DECODERS:
        raise CodecError("an encoded value has an unknown tag")
    try:
        return _DECODERS[tag](content, depth - 1)
    except (TypeError, ValueError, AttributeError, LookupError, OverflowError) as error:
        raise CodecError(f"a malformed {tag}") from error


def _decode_items(content: Any, depth: int) -> list[Any]:
    if not isinstance(content, list):
        raise CodecError("a container's items are a list")
    return [decode(item, depth) for item in content]


def _decode_dict(content: Any, depth: int) -> dict[Any, Any]:
    flat = _decode_items(content, depth)
    if len(flat) % 2:
        raise CodecError("a dict has a value for each key")
    return dict(zip(flat[::2], flat[1::2], strict=True))


_DECODERS: dict[str, Callable[[Any, int], Any]] = {
    "dict": _decode_dict,
    "tuple": lambda content, depth: tuple(_decode_items(content, depth)),
    "set": lambda content, depth: set(_decode_items(content, depth)),
    "frozenset": lambda content, depth: frozenset(_decode_items(content, depth)),
    "bytes": lambda content, depth: bytes.fromhex(content),
    "bytearray": lambda content, depth: bytearray.fromhex(content),
    "complex": lambda content, depth: complex(float(content[0]), float(content[1])),
    "range": lambda content, depth: range(*_decode_items(content, depth)),
    "int": lambda content, depth: int(content, 16),
    "ellipsis": lambda content, depth: ...,
}
