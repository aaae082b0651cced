"""Options of policies."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from reflexa.models.options import PolicyOptions


@pytest.mark.parametrize("wrong", [{"slots": 0}, {"context": 0}, {"threads": 0}, {"timeout": 0}, {"slot": 1}])
def test_impossible_options_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        PolicyOptions.model_validate(wrong)
