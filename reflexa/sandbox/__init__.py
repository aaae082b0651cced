"""Runs untrusted code. Knows nothing of tasks.

``Sandbox.open()`` gives the strongest isolation that the machine allows; ``Sandbox.check(program)`` tests a program
in it and says what was found.
"""

from reflexa.sandbox.launch import install_hint
from reflexa.sandbox.program import CaseResult, Limits, Outcome, Program
from reflexa.sandbox.sandbox import Sandbox

__all__ = ["CaseResult", "Limits", "Outcome", "Program", "Sandbox", "install_hint"]
