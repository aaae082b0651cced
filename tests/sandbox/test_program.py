"""The data types refuse what makes no sense."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from reflexa.sandbox import Limits, Program


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"memory_bytes": 1}, {"processes": 0}, {"files": 1}])
def test_limits(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Limits.model_validate(wrong)


def test_programs_are_frozen() -> None:
    program = Program(source="", entry_point="f")
    with pytest.raises(ValidationError):
        program.source = "x"  # type: ignore[misc]  # what must not be possible
