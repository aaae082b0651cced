"""Errors say what to do."""

from __future__ import annotations

import pytest

from reflexa import errors
from reflexa.errors import MissingExtraError, ReflexaError, UsageError, unknown_name


def test_near_names_are_offered_and_else_all() -> None:
    assert str(unknown_name("suite", "humanevel", ["humaneval", "mbpp"])) == (
        "unknown suite 'humanevel': did you mean humaneval?"
    )
    assert str(unknown_name("suite", "zzz", ["mbpp", "humaneval"])) == "unknown suite 'zzz': known: humaneval, mbpp"


def test_a_missing_extra_names_the_command() -> None:
    error = MissingExtraError("the local engine", "train")
    assert "scripts/reflexa setup train" in str(error)
    assert 'pip install "reflexa[train]"' in str(error)


@pytest.mark.parametrize("name", [name for name in vars(errors) if name.endswith("Error")])
def test_every_error_is_in_the_tree_that_the_module_draws(name: str) -> None:
    error = getattr(errors, name)
    assert issubclass(error, ReflexaError)
    assert name in (errors.__doc__ or "")


def test_configuration_errors_are_usage_errors() -> None:
    assert issubclass(errors.ConfigError, UsageError)
