"""Frames between the controller and a child, with a deadline."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

from reflexa.errors import SandboxError
from reflexa.sandbox.deadline import Deadline, OutOfTimeError
from reflexa.sandbox.worker.frames import MAX_FRAME


def send(connection: socket.socket, request: dict[str, Any], deadline: Deadline) -> None:
    """Sends a frame."""
    body = json.dumps(request, ensure_ascii=False).encode("utf-8", "surrogatepass")
    connection.settimeout(deadline.left())
    try:
        connection.sendall(struct.pack("!I", len(body)) + body)
    except TimeoutError as error:
        raise OutOfTimeError from error
    except OSError as error:
        raise SandboxError(f"a sandbox ended before it took its work: {error}") from error


def pass_on(connection: socket.socket, channel: socket.socket, deadline: Deadline) -> None:
    """Hands a socket to the process at the other end."""
    connection.settimeout(deadline.left())
    try:
        socket.send_fds(connection, [b"F"], [channel.fileno()])
    except TimeoutError as error:
        raise OutOfTimeError from error
    except OSError as error:
        raise SandboxError(f"a sandbox ended before it took its work: {error}") from error


def receive(connection: socket.socket, deadline: Deadline) -> Any:
    """The report; None where the process ended without one."""
    frame = receive_frame(connection, deadline)
    if frame is None:
        return None
    if not isinstance(frame, dict) or "report" not in frame:
        raise SandboxError("a report is malformed")
    return frame["report"]


def receive_frame(connection: socket.socket, deadline: Deadline) -> Any:
    """One frame; None where the process ended. Raises ``SandboxError`` for what is no frame."""
    header = _exactly(connection, 4, deadline)
    if header is None:
        return None
    (size,) = struct.unpack("!I", header)
    if size > MAX_FRAME:
        raise SandboxError(f"a frame of {size} bytes was announced, at most {MAX_FRAME} are read")
    body = _exactly(connection, size, deadline)
    try:
        return None if body is None else json.loads(body.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise SandboxError("a frame is no JSON") from error


def _exactly(connection: socket.socket, size: int, deadline: Deadline) -> bytes | None:
    data = bytearray()
    while len(data) < size:
        connection.settimeout(deadline.pause())
        try:
            piece = connection.recv(min(size - len(data), 1 << 16))
        except TimeoutError:
            continue
        except OSError:
            return None
        if not piece:
            return None
        data += piece
    return bytes(data)
