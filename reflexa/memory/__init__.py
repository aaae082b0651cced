"""The SQL store. SQLAlchemy is imported when a ``Store`` is first asked for, not before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reflexa.lessons import RecallQuery

if TYPE_CHECKING:
    from reflexa.memory.redaction import Redactor
    from reflexa.memory.store import Store

__all__ = ["RecallQuery", "Redactor", "Store"]


def __getattr__(name: str) -> Any:
    if name == "Store":
        from reflexa.memory.store import Store

        return Store
    if name == "Redactor":
        from reflexa.memory.redaction import Redactor

        return Redactor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
