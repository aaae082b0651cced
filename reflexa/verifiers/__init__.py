"""Verifiers: what judges an attempt."""

from reflexa.verifiers.function import FunctionVerifier, as_verifier
from reflexa.verifiers.unit_tests import HiddenTests, VisibleExamples, WrittenTests

__all__ = ["FunctionVerifier", "HiddenTests", "VisibleExamples", "WrittenTests", "as_verifier"]
