"""One sandbox of each level for a whole session, since starting one is the dear part."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reflexa.errors import SandboxError
from reflexa.sandbox import Sandbox
from reflexa.types import SandboxLevel


def _open(level: SandboxLevel) -> Sandbox:
    try:
        return Sandbox.exactly(level)
    except SandboxError as error:
        pytest.skip(f"the level {level!r} is not to be had here: {error}")


@pytest.fixture(scope="session", params=["double", "strong"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Each level that isolates, where this machine has it."""
    with _open(request.param) as opened:
        yield opened


@pytest.fixture(scope="session")
def strong() -> Iterator[Sandbox]:
    with _open("strong") as opened:
        yield opened
