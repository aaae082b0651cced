"""Frames on a byte stream: a length of four bytes, big-endian, and that many bytes of JSON."""

from __future__ import annotations

import json
import os
import select
import struct
from typing import Any

MAX_FRAME = 8 << 20
"""Bytes. A longer frame is refused before it is read or written."""
_HEADER = struct.Struct("!I")
_CHUNK = 1 << 16


class FrameError(Exception):
    """The other side closed the stream, or sent what is no frame."""


class Stream:
    """Frames over two descriptors, which may be the same socket."""

    def __init__(self, reader: int, writer: int) -> None:
        self._reader = reader
        self._writer = writer
        self._ahead = b""

    def write(self, value: object) -> None:
        """Sends one JSON value. Raises ``FrameError`` where it is too long or nobody listens."""
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        if len(body) > MAX_FRAME:
            raise FrameError(f"{len(body)} bytes, at most {MAX_FRAME} are passed on")
        view = memoryview(_HEADER.pack(len(body)) + body)
        try:
            while view:
                view = view[os.write(self._writer, view) :]
        except OSError as error:
            raise FrameError("the stream is closed") from error

    def read(self) -> Any:
        """Receives one JSON value. Raises ``FrameError``; never holds more than a frame and a chunk."""
        (length,) = _HEADER.unpack(self._take(_HEADER.size))
        if length > MAX_FRAME:
            raise FrameError(f"a frame of {length} bytes was announced, at most {MAX_FRAME} are read")
        body = self._take(length)
        try:
            return json.loads(body.decode("utf-8", "surrogatepass"))
        except (ValueError, RecursionError) as error:
            raise FrameError("the frame is not JSON") from error

    def has_unread(self) -> bool:
        """Whether bytes are waiting that no frame was asked for. Consumes one of them."""
        if self._ahead:
            return True
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        try:
            return bool(poll.poll(0)) and bool(os.read(self._reader, 1))
        except OSError:
            return False

    def close(self) -> None:
        for descriptor in {self._reader, self._writer}:
            os.close(descriptor)

    def _take(self, size: int) -> bytes:
        pieces = [self._ahead]
        missing = size - len(self._ahead)
        while missing > 0:
            try:
                piece = os.read(self._reader, _CHUNK)
            except OSError as error:
                raise FrameError("the stream is closed") from error
            if not piece:
                raise FrameError("the stream is closed")
            pieces.append(piece)
            missing -= len(piece)
        data = b"".join(pieces)
        self._ahead = data[size:]
        return data[:size]
