"""Frames over real sockets."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from reflexa.sandbox.worker.frames import MAX_FRAME, FrameError, Stream

Pair = tuple[Stream, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Stream(ours.fileno(), ours.fileno()), theirs


def test_values_cross(pair: Pair) -> None:
    stream, other = pair
    peer = Stream(other.fileno(), other.fileno())
    values: list[object] = [{"a": [1, None, "é\ud800"]}, [], 0]
    for value in values:
        peer.write(value)
    assert [stream.read() for _ in range(3)] == values


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "closed"),
        (b"\0\0", "closed"),
        (struct.pack("!I", 10) + b"{", "closed"),
        (struct.pack("!I", MAX_FRAME + 1), "announced"),
        (struct.pack("!I", 4) + b"nope", "not JSON"),
        (struct.pack("!I", 2) + b"\xff\xfe", "not JSON"),
        (struct.pack("!I", 100000) + b"[" * 50000 + b"]" * 50000, "not JSON"),
    ],
)
def test_what_is_no_frame_is_refused(pair: Pair, data: bytes, words: str) -> None:
    stream, other = pair
    other.sendall(data)
    other.shutdown(socket.SHUT_WR)
    with pytest.raises(FrameError, match=words):
        stream.read()


def test_bytes_that_nobody_asked_for_are_seen(pair: Pair) -> None:
    stream, other = pair
    assert not stream.has_unread()
    frame = struct.pack("!I", 1) + b"1"
    other.sendall(frame + b"x")
    assert stream.read() == 1
    assert stream.has_unread()


def test_bytes_that_come_later_are_seen_and_an_end_is_none(pair: Pair) -> None:
    stream, other = pair
    other.sendall(b"x")
    assert stream.has_unread()
    other.close()
    assert not stream.has_unread()


def test_writing_too_much_or_to_nobody_is_an_error(pair: Pair) -> None:
    stream, other = pair
    with pytest.raises(FrameError, match="at most"):
        stream.write("x" * MAX_FRAME)
    other.close()
    with pytest.raises(FrameError, match="closed"):
        stream.write(1)


def test_close_closes_each_descriptor_once() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        descriptor = ours.detach()
        Stream(descriptor, descriptor).close()
        assert theirs.recv(1) == b""
