"""The exported names."""

from __future__ import annotations

import reflexa.verifiers


def test_exported_names() -> None:
    assert reflexa.verifiers.__all__ == [
        "FunctionVerifier",
        "HiddenTests",
        "VisibleExamples",
        "WrittenTests",
        "as_verifier",
    ]
    assert all(hasattr(reflexa.verifiers, name) for name in reflexa.verifiers.__all__)
