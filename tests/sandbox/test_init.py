"""The exported names."""

from __future__ import annotations

import reflexa.sandbox


def test_exported_names() -> None:
    assert reflexa.sandbox.__all__ == [
        "Act",
        "CaseResult",
        "LevelReport",
        "Limits",
        "Outcome",
        "Program",
        "Sandbox",
        "diagnose",
        "install_hint",
    ]
    assert all(hasattr(reflexa.sandbox, name) for name in reflexa.sandbox.__all__)
