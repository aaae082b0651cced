"""Frames with deadlines."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from reflexa.errors import SandboxError
from reflexa.sandbox.deadline import Deadline, OutOfTimeError
from reflexa.sandbox.wire import pass_on, receive, receive_frame, send

Sockets = tuple[socket.socket, socket.socket]


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def _soon() -> Deadline:
    return Deadline(5)


def test_frames_cross(sockets: Sockets) -> None:
    send(sockets[0], {"a": "\ud800é"}, _soon())
    assert receive_frame(sockets[1], _soon()) == {"a": "\ud800é"}


def test_descriptors_cross(sockets: Sockets) -> None:
    one, other = socket.socketpair()
    with one:
        with other:
            pass_on(sockets[0], other, _soon())
        _, descriptors, _, _ = socket.recv_fds(sockets[1], 1, 1)
        with socket.socket(fileno=descriptors[0]) as received:
            received.sendall(b"x")
        assert one.recv(1) == b"x"


def test_the_deadline_holds(sockets: Sockets) -> None:
    with pytest.raises(OutOfTimeError):
        receive_frame(sockets[0], Deadline(0.05))
    sockets[1].sendall(struct.pack("!I", 10) + b"{")
    with pytest.raises(OutOfTimeError):
        receive_frame(sockets[0], Deadline(0.05))
    with pytest.raises(OutOfTimeError):
        send(sockets[0], {"a": "x" * (8 << 20)}, Deadline(0.05))


@pytest.mark.parametrize("data", [struct.pack("!I", 1 << 31), struct.pack("!I", 2) + b"{{"])
def test_what_is_no_frame_is_an_error(sockets: Sockets, data: bytes) -> None:
    sockets[1].sendall(data)
    with pytest.raises(SandboxError):
        receive_frame(sockets[0], _soon())


def test_an_end_is_none_and_a_report_is_unwrapped(sockets: Sockets) -> None:
    send(sockets[1], {"report": [1]}, _soon())
    assert receive(sockets[0], _soon()) == [1]
    send(sockets[1], {"other": 1}, _soon())
    with pytest.raises(SandboxError, match="malformed"):
        receive(sockets[0], _soon())
    sockets[1].close()
    assert receive(sockets[0], _soon()) is None
    with pytest.raises(SandboxError, match="ended"):
        send(sockets[0], {}, _soon())
