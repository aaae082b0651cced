"""Takes keys and passwords out of what is said of a hosted model: its address, its server's words."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
_SECRET_SHAPE = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|AIza)[-_]?[A-Za-z0-9*_\-]{12,}|(?i:bearer)\s+\S{8,}|(?<=://)[^/@\s]+@"
)
_SHORTEST_SECRET = 8


def scrub(text: str, environment: Mapping[str, str] | None = None) -> str:
    """``text`` without any value of the environment's key-like variables, key-shaped strings or passwords in URLs."""
    variables = os.environ if environment is None else environment
    secrets = [
        value for name, value in variables.items() if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET
    ]
    for value in sorted(secrets, key=len, reverse=True):
        text = text.replace(value, "[redacted]")
    return _SECRET_SHAPE.sub("[redacted]", text)
