"""Reflexa makes an LLM agent better at its tasks: attempt, verify, reflect, remember, retry."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"
