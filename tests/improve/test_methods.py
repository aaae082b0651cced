"""The methods have names, and every one of them fits together."""

from __future__ import annotations

import pytest

from reflexa.errors import UsageError
from reflexa.improve import METHODS, Method, find_method
from reflexa.training.algorithms import list_algorithms, list_online


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_method_is_found_by_its_name_and_learns_by_an_algorithm_that_exists(method: Method) -> None:
    assert find_method(method.name) is method
    assert method.algorithm in [*(each.name for each in list_algorithms()), *(each.name for each in list_online())]
    assert method.steps


def test_an_unknown_method_gets_near_matches() -> None:
    with pytest.raises(UsageError, match="unknown method 'rest-me': did you mean rest-em"):
        find_method("rest-me")
