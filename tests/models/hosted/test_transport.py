from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from reflexa.models.hosted.transport import DeadlineTransport, Try, current_try
from tests.support.faulty_server import FaultyServer, Received, Reply, Script, answer, dripping, error, hang, reset

BODY = {"messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(transport=DeadlineTransport(httpx.create_ssl_context()), timeout=10.0) as opened:
        yield opened


@contextmanager
def trying(seconds: float) -> Iterator[Try]:
    running = Try(seconds)
    token = current_try.set(running)
    try:
        yield running
    finally:
        current_try.reset(token)


def test_a_try_learns_what_came_of_it(client: httpx.Client) -> None:
    with FaultyServer(Script(error(429, "slow", retry_after="12"))) as server, trying(10) as running:
        assert running.stage == "prepared"
        assert client.post(f"{server.url}/x", json=BODY).status_code == 429
        assert (running.stage, running.status, running.retry_after) == ("sent", 429, "12")


@pytest.mark.parametrize("reply", [hang(), dripping("slow", 0.05), dripping("slow", 0.05, headers=True)])
def test_waits_end_with_the_try(client: httpx.Client, reply: Reply) -> None:
    started = time.monotonic()
    with FaultyServer(Script(reply)) as server, trying(0.3), pytest.raises(httpx.ReadTimeout):
        client.post(f"{server.url}/x", json=BODY)
    assert time.monotonic() - started >= 0.3


def test_the_clock_of_a_try_starts_with_its_first_wait(client: httpx.Client) -> None:
    with FaultyServer(Script(answer("hi"))) as server, trying(0.2):
        time.sleep(0.3)
        assert client.post(f"{server.url}/x", json=BODY).status_code == 200


def test_no_try_goes_beyond_its_latest_end(client: httpx.Client) -> None:
    running = Try(60, latest=time.monotonic() + 0.2)
    current_try.set(running)
    try:
        with FaultyServer(Script(hang())) as server, pytest.raises(httpx.ReadTimeout):
            client.post(f"{server.url}/x", json=BODY)
    finally:
        current_try.set(None)


def test_other_calls_are_left_alone_and_may_stream(client: httpx.Client) -> None:
    """An application's own calls through litellm share the transport: no deadline, and bodies as they come."""
    with FaultyServer(Script(dripping("slow", 0.001))) as server:
        with client.stream("POST", f"{server.url}/x", json=BODY) as response:
            pieces = list(response.iter_raw())
        assert b"".join(pieces) == answer("slow").body
        assert len(pieces) > 1


@pytest.mark.parametrize("reply", [hang(), dripping("slow", 0.05)], ids=["silent", "dripping"])
def test_aborting_ends_a_blocked_read(client: httpx.Client, reply: Reply) -> None:
    arrived = threading.Event()
    running = Try(60)

    def respond(received: Received) -> Reply:
        arrived.set()
        return reply

    def call(url: str) -> None:
        current_try.set(running)
        client.post(url, json=BODY)

    with FaultyServer(respond) as server, ThreadPoolExecutor(1) as pool:
        future = pool.submit(call, f"{server.url}/x")
        assert arrived.wait(10)
        running.abort()
        with pytest.raises(httpx.TransportError):
            future.result(10)


def test_a_connection_that_broke_is_not_used_again(client: httpx.Client) -> None:
    with FaultyServer(Script(answer("one"), reset(), answer("three"))) as server:
        assert client.post(f"{server.url}/x", json=BODY).status_code == 200
        with pytest.raises(httpx.TransportError):
            client.post(f"{server.url}/x", json=BODY)
        assert client.post(f"{server.url}/x", json=BODY).status_code == 200
        assert server.connections == 2


def test_threads_share_connections_that_are_idle(client: httpx.Client) -> None:
    with FaultyServer(Script(answer("hi", after=0.02))) as server, ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: client.post(f"{server.url}/x", json=BODY).status_code, range(64)))
        assert statuses == [200] * 64
        assert server.connections <= 8


def test_a_refused_connection_stops_at_connecting(client: httpx.Client) -> None:
    with FaultyServer(Script(answer("hi"))) as server:
        url = server.url
    with trying(5) as running:
        with pytest.raises(httpx.ConnectError):
            client.post(f"{url}/x", json=BODY)
        assert (running.stage, running.status) == ("connecting", None)


def test_no_connection_is_opened_after_the_end(client: httpx.Client) -> None:
    with FaultyServer(Script(answer("hi"))) as server, trying(0.0):
        with pytest.raises(httpx.TimeoutException):
            client.post(f"{server.url}/x", json=BODY)
        assert server.connections == 0


def test_the_environments_proxy_is_used_but_not_for_loopback(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultyServer(Script(answer("through the proxy"))) as proxy, FaultyServer(Script(answer("direct"))) as server:
        address = proxy.url.removesuffix("/v1").removeprefix("http://")
        monkeypatch.setenv("http_proxy", f"http://user:word@{address}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert "through the proxy" in client.post("http://models.example/v1/x", json=BODY).text
        assert "direct" in client.post(f"{server.url}/x", json=BODY).text
        assert proxy.requests[0].path == "http://models.example/v1/x"
        assert proxy.requests[0].headers["proxy-authorization"].startswith("Basic ")
        monkeypatch.setenv("no_proxy", "models.example")
        with trying(2), pytest.raises(httpx.TransportError):
            client.post("http://models.example/v1/x", json=BODY)
        assert len(proxy.requests) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    paths = (folder / "certificate.pem", folder / "key.pem")
    options = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    command = ["openssl", *options.split(), "-out", str(paths[0]), "-keyout", str(paths[1])]
    subprocess.run(command, check=True, capture_output=True)
    return paths


def test_tls_is_bounded_too(certificate: tuple[Path, Path]) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    transport = DeadlineTransport(ssl.create_default_context(cafile=certificate[0]))
    replies = Script(answer("hi"), answer("hi"), dripping("slow", 0.05))
    with httpx.Client(transport=transport) as client, FaultyServer(replies, tls) as server:
        for _ in range(2):
            assert client.post(f"{server.url}/x", json=BODY).status_code == 200
        assert server.connections == 1
        with trying(0.3) as running, pytest.raises(httpx.ReadTimeout):
            client.post(f"{server.url}/x", json=BODY)
        assert running.stage == "sent"


def test_a_certificate_that_nobody_vouches_for_is_refused(client: httpx.Client, certificate: tuple[Path, Path]) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    with FaultyServer(Script(answer("hi")), tls) as server, trying(5) as running:
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            client.post(f"{server.url}/x", json=BODY)
        assert running.stage == "connecting"
        assert server.requests == []


def test_aborting_ends_a_blocked_read_under_tls(certificate: tuple[Path, Path]) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    transport = DeadlineTransport(ssl.create_default_context(cafile=certificate[0]))
    arrived = threading.Event()
    running = Try(60)

    def respond(received: Received) -> Reply:
        arrived.set()
        return hang()

    def call(url: str) -> None:
        current_try.set(running)
        with httpx.Client(transport=transport) as client:
            client.post(url, json=BODY)

    with FaultyServer(respond, tls) as server, ThreadPoolExecutor(1) as pool:
        future = pool.submit(call, f"{server.url}/x")
        assert arrived.wait(10)
        running.abort()
        assert future.exception(10) is not None


def test_a_closed_transport_has_no_idle_connections_and_still_works() -> None:
    transport = DeadlineTransport(httpx.create_ssl_context())
    with FaultyServer(Script(answer("hi"))) as server:
        request = httpx.Request("POST", f"{server.url}/x", json=BODY)
        for expected in (1, 2):
            transport.handle_request(request).read()
            assert server.connections == expected
            transport.close()
