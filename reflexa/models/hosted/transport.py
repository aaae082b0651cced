"""HTTP for hosted models under a deadline by the wall clock.

Timeouts of HTTP clients count from the last byte, so a body that drips outlives them. Here every wait on the
socket (connect, TLS, write, read) is cut at the moment when the running try must end, whatever it is doing, and
closing a policy ends its waits at once. No thread is needed, so none can be left behind.

Each connection stands alone on a stack instead of in one large pool: picking one out of a pool of 64 costs more
than the whole rest of a request.
"""

from __future__ import annotations

import math
import socket
import ssl
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

import httpcore
import httpx

_Options = Iterable[httpcore.SOCKET_OPTION] | None
Stage = Literal["prepared", "connecting", "sent"]
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_IDLE_SECONDS = 30.0
_CONNECT_SECONDS = 10.0


@dataclass
class Try:
    """One HTTP exchange of ours: how long it may take, and what came of it.

    It ends ``seconds`` after its first wait for the network, so that a busy machine's own work does not count, and at
    ``latest`` on ``time.monotonic()``'s scale. ``stage`` is how far it went; ``status`` stays None until the answer's
    headers are in.
    """

    seconds: float
    latest: float = math.inf
    status: int | None = None
    retry_after: str | None = None
    stage: Stage = "prepared"
    aborted: bool = False
    stream: httpcore.NetworkStream | None = field(default=None, repr=False)
    _ends: float | None = None

    def bound(self, timeout: float | None, late: type[Exception]) -> float:
        """Seconds that the next wait may take. Raises ``late`` where the end has come."""
        now = time.monotonic()
        if self._ends is None:
            self._ends = min(self.latest, now + self.seconds)
        left = 0.0 if self.aborted else self._ends - now
        if left <= 0:
            raise late("the try's deadline has passed")
        return left if timeout is None else min(timeout, left)

    def abort(self) -> None:
        """Ends the exchange from another thread: a blocked read or write returns at once."""
        self.aborted = True
        stream = self.stream
        if stream is not None:
            shut(stream)


current_try: ContextVar[Try | None] = ContextVar("current_try", default=None)
"""The try that the calling thread is in; None for HTTP calls that are not ours, which pass through unbounded."""


def shut(stream: httpcore.NetworkStream) -> None:
    """Wakes whoever waits on the stream's socket; closing alone would leave a blocked read waiting."""
    connection = stream.get_extra_info("socket")
    if isinstance(connection, socket.socket):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


class _BoundedStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        running = current_try.get()
        if running is None:
            return self._inner.read(max_bytes, timeout)
        running.stream = self._inner
        return self._inner.read(max_bytes, running.bound(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        running = current_try.get()
        if running is None:
            return self._inner.write(buffer, timeout)
        running.stream, running.stage = self._inner, "sent"
        return self._inner.write(buffer, running.bound(timeout, httpcore.WriteTimeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        running = current_try.get()
        bound = timeout if running is None else running.bound(timeout, httpcore.ConnectTimeout)
        return _BoundedStream(self._inner.start_tls(ssl_context, server_hostname, bound))

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


class _BoundedBackend(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: _Options = None,
    ) -> httpcore.NetworkStream:
        running = current_try.get()
        if running is None:
            return _BoundedStream(self._inner.connect_tcp(host, port, timeout, local_address, socket_options))
        bound = min(_CONNECT_SECONDS, running.bound(timeout, httpcore.ConnectTimeout))
        running.stage = "connecting"
        return _BoundedStream(self._inner.connect_tcp(host, port, bound, local_address, socket_options))


@contextmanager
def _as_httpx() -> Iterator[None]:
    """httpx names its errors as httpcore does, but in a tree of its own, which is the one that callers catch."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.ProxyError,
        httpcore.UnsupportedProtocol,
    ) as error:
        kind: type[httpx.TransportError] = getattr(httpx, type(error).__name__, httpx.TransportError)
        raise kind(str(error)) from error


class _Body(httpx.SyncByteStream):
    """A response's body; its connection goes back on the stack once the body is closed."""

    def __init__(self, response: httpcore.Response, lease: _Lease) -> None:
        self._response = response
        self._lease: _Lease | None = lease

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()
        # Given back twice, a connection would serve two threads.
        lease, self._lease = self._lease, None
        if lease is not None:
            lease.give_back()


@dataclass
class _Lease:
    """A connection that is in use, by the route (scheme and proxy) that it serves."""

    route: str
    pool: httpcore.ConnectionPool
    idle: dict[str, list[httpcore.ConnectionPool]]

    def give_back(self) -> None:
        self.idle.setdefault(self.route, []).append(self.pool)


class DeadlineTransport(httpx.BaseTransport):
    """Sends requests of any thread, each within its ``current_try``; proxies come from the environment."""

    def __init__(self, ssl_context: ssl.SSLContext) -> None:
        self._ssl_context = ssl_context
        self._backend = _BoundedBackend()
        # Appending to and popping from a list is atomic, so the stack needs no lock.
        self._idle: dict[str, list[httpcore.ConnectionPool]] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        lease = self._take(request.url)
        inner = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        try:
            with _as_httpx():
                response = lease.pool.handle_request(inner)
        except BaseException:
            lease.pool.close()
            raise
        running = current_try.get()
        headers = httpx.Headers(response.headers)
        if running is not None:
            running.status, running.retry_after = response.status, headers.get("retry-after")
        return httpx.Response(
            status_code=response.status, headers=headers, stream=_Body(response, lease), extensions=response.extensions
        )

    def close(self) -> None:
        """Closes the idle connections. Those in use end with their calls; the transport stays usable."""
        for stack in list(self._idle.values()):
            while stack:
                stack.pop().close()

    def _take(self, url: httpx.URL) -> _Lease:
        proxy = _proxy_for(str(url))
        route = f"{url.scheme}://{url.netloc.decode('ascii')} {proxy}"
        stack = self._idle.setdefault(route, [])
        try:
            return _Lease(route, stack.pop(), self._idle)
        except IndexError:
            return _Lease(route, self._connection(proxy), self._idle)

    def _connection(self, proxy: str | None) -> httpcore.ConnectionPool:
        if proxy is None:
            return httpcore.ConnectionPool(
                ssl_context=self._ssl_context,
                max_connections=1,
                keepalive_expiry=_IDLE_SECONDS,
                network_backend=self._backend,
            )
        parts = urlsplit(proxy)
        credentials = (parts.username or "", parts.password or "") if parts.username else None
        return httpcore.HTTPProxy(
            proxy_url=httpcore.URL(f"{parts.scheme}://{parts.hostname}:{parts.port or 80}"),
            proxy_auth=credentials,
            ssl_context=self._ssl_context,
            max_connections=1,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=self._backend,
        )


def _proxy_for(url: str) -> str | None:
    """The proxy that the environment asks for (``HTTPS_PROXY``, ``NO_PROXY`` and their kin); loopback needs none."""
    proxies = urllib.request.getproxies()
    if not proxies:
        return None
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in _LOOPBACK or urllib.request.proxy_bypass(host):
        return None
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"
