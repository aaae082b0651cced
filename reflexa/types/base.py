"""What all of the vocabulary is made from."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Base of all vocabulary types: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
