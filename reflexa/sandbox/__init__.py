"""Runs untrusted code. Knows nothing of tasks.

``Sandbox.open()`` gives the strongest isolation that the machine allows; ``Sandbox.check(program)`` tests a program
in it and says what was found.
"""

from reflexa.sandbox.diagnosis import LevelReport, diagnose
from reflexa.sandbox.launch import install_hint
from reflexa.sandbox.program import CaseResult, Limits, Outcome, Program
from reflexa.sandbox.sandbox import Sandbox
from reflexa.sandbox.selftest import Act

__all__ = ["Act", "CaseResult", "LevelReport", "Limits", "Outcome", "Program", "Sandbox", "diagnose", "install_hint"]
