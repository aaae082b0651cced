from __future__ import annotations

import subprocess
import sys

import pytest

import reflexa.memory


def test_the_package_exports_the_store_and_the_redactor() -> None:
    from reflexa.memory.redaction import Redactor
    from reflexa.memory.store import Store

    assert reflexa.memory.Store is Store
    assert reflexa.memory.Redactor is Redactor
    assert sorted(reflexa.memory.__all__) == ["RecallQuery", "Redactor", "Store"]


def test_importing_the_package_loads_no_database_library() -> None:
    code = "import sys, reflexa.memory; print('sqlalchemy' in sys.modules, 'sqlite3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_what_it_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Shop'"):
        _ = reflexa.memory.Shop
