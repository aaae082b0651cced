"""Data that cannot be changed, and takes no field that it does not know."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from reflexa.types import Message, Task, Verdict

TASK = Task(id="t", prompt=(Message(role="user", content="x"),))


def test_data_is_frozen_and_strict() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        TASK.id = "other"  # type: ignore[misc]  # the point of the test
    with pytest.raises(ValidationError, match="extra"):
        Task.model_validate({"id": "t", "prompt": [], "colour": "red"})
    with pytest.raises(ValidationError):
        Verdict(score=1.5, passed=True)
