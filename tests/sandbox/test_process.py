"""Starting sandboxed interpreters, and what is said where that fails."""

from __future__ import annotations

import sys

import pytest

from reflexa.errors import SandboxError
from reflexa.sandbox.process import SandboxProcess

_CONFIG = {"readable": ["/"], "required": False, "tasks": 1 << 15}


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(SandboxError, match="cannot be started"):
        SandboxProcess(["/nonexistent/program"], _CONFIG)


def test_a_command_that_fails_is_quoted() -> None:
    with pytest.raises(SandboxError, match="did not start: no such luck"):
        SandboxProcess([sys.executable, "-c", "import sys; sys.exit('no such luck')"], _CONFIG)
