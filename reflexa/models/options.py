"""What every policy may be opened with."""

from __future__ import annotations

from pydantic import Field

from reflexa.types import Frozen


class PolicyOptions(Frozen):
    """How a policy runs.

    ``slots`` is the number of calls under way at once in a local engine and ``context`` the tokens each of them may
    hold, prompt and answer together. ``threads`` None means the cores this process may use. ``timeout`` is in seconds
    per hosted call.
    """

    slots: int = Field(default=4, ge=1)
    context: int = Field(default=4096, ge=16)
    threads: int | None = Field(default=None, ge=1)
    api_base: str | None = None
    timeout: float = Field(default=120.0, gt=0)
