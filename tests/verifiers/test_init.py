"""What ``reflexa.verifiers`` offers."""

from reflexa import verifiers


def test_exported_names() -> None:
    assert verifiers.__all__ == [
        "Constitution",
        "FunctionVerifier",
        "HiddenTests",
        "Means",
        "Pairwise",
        "Persistent",
        "Preference",
        "Principle",
        "VerifierInfo",
        "VisibleExamples",
        "WrittenTests",
        "as_verifier",
        "list_verifiers",
        "load_constitution",
        "open_comparison",
        "open_verifier",
        "own_file",
        "sampled_principle",
        "steps_of",
    ]
    assert all(hasattr(verifiers, name) for name in verifiers.__all__)
