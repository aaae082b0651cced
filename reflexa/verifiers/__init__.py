"""Verifiers: what judges an attempt."""

from reflexa.verifiers.constitution import Constitution, Principle, load_constitution, sampled_principle
from reflexa.verifiers.function import FunctionVerifier, as_verifier
from reflexa.verifiers.means import Means, own_file
from reflexa.verifiers.pairwise import Pairwise, Preference, open_comparison
from reflexa.verifiers.persistent import Persistent
from reflexa.verifiers.registry import VerifierInfo, list_verifiers, open_verifier
from reflexa.verifiers.steps import steps_of
from reflexa.verifiers.unit_tests import HiddenTests, VisibleExamples, WrittenTests

__all__ = [
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
