"""All tables, as the newest migration leaves them: those of the rooms beside this module."""

from __future__ import annotations

from reflexa.memory.columns import metadata as metadata

HEAD = "0010"
"""The newest migration: a database at it needs no alembic."""
