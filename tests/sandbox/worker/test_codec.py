"""Plain data through the codec and JSON comes back as it was, with exactly builtin types."""

from __future__ import annotations

import collections
import enum
import json
import math
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflexa.sandbox.worker.codec import MAX_DEPTH, CodecError, decode, encode

_HASHABLE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.complex_numbers(allow_nan=False),
)
_DATA = st.recursive(
    st.one_of(_HASHABLE, st.just(...), st.builds(range, st.integers(), st.integers())),
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.sets(_HASHABLE),
        st.frozensets(_HASHABLE),
        st.dictionaries(_HASHABLE, inner),
    ),
    max_leaves=20,
)


def _through(value: object) -> Any:
    return decode(json.loads(json.dumps(encode(value))))


def _types(value: Any) -> Any:
    if isinstance(value, dict):
        return dict, [(_types(key), _types(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [_types(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return type(value), sorted(str(_types(item)) for item in value)
    return type(value)


@given(_DATA)
def test_round_trip(value: object) -> None:
    came = _through(value)
    assert came == value
    assert _types(came) == _types(value)


def test_special_numbers() -> None:
    assert math.isnan(_through(float("nan")))
    assert math.copysign(1, _through(-0.0)) == -1
    assert _through(-(1 << 100000)) == -(1 << 100000)
    assert list(_through({"b": 1, "a": 2})) == ["b", "a"]


def test_subclasses_go_by_value() -> None:
    class Colour(enum.IntEnum):
        RED = 3

    class Spoof(int):
        def __eq__(self, other: object) -> bool:
            return True

        def __int__(self) -> int:
            return 99

        __hash__ = int.__hash__

    class Pair(NamedTuple):
        a: int
        b: int

    values = [Colour.RED, Spoof(5), Pair(1, 2), collections.Counter("aab"), collections.OrderedDict(x=1)]
    came = _through(values)
    assert came == [3, 5, (1, 2), {"a": 2, "b": 1}, {"x": 1}]
    assert [type(item) for item in came] == [int, int, tuple, dict, dict]


@pytest.mark.parametrize("value", [object(), len, iter("ab"), [lambda: 1], {"a": {1: open}}])
def test_what_is_no_plain_data_is_refused(value: object) -> None:
    with pytest.raises(CodecError):
        encode(value)


def test_huge_numbers_are_refused() -> None:
    with pytest.raises(CodecError, match="too large"):
        encode(1 << (33 << 20))


def test_depth_is_bounded_both_ways() -> None:
    def nested(depth: int) -> Any:
        value: Any = 1
        for _ in range(depth):
            value = [value]
        return value

    assert _through(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    for convert in (encode, decode):
        with pytest.raises(CodecError, match="nested"):
            convert(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize(
    "forged",
    [
        {},
        {"a": 1, "b": 2},
        {"__reduce__": []},
        {"tuple": 1},
        {"dict": [1]},
        {"dict": [[1], 2]},
        {"set": [[1]]},
        {"bytes": "zz"},
        {"bytes": 5},
        {"int": "x"},
        {"complex": [1]},
        {"complex": "1j"},
        {"range": [1, 2, 0]},
        {"frozenset": {"set": []}},
    ],
)
def test_forged_values_are_refused(forged: object) -> None:
    with pytest.raises(CodecError):
        decode(forged)
