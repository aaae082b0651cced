"""Every method of rows keeps rows of the kind that its algorithm reads."""

from __future__ import annotations

import pytest

from reflexa.agent import STRATEGIES
from reflexa.improve import METHODS, RowMethod
from reflexa.rows import PreferenceRow, SFTRow
from reflexa.training.algorithms import find_algorithm

ROWS = {"sft": SFTRow, "preferences": PreferenceRow}
ROW_METHODS = {name: method for name, method in METHODS.items() if isinstance(method, RowMethod)}


@pytest.mark.parametrize("method", ROW_METHODS.values(), ids=ROW_METHODS)
def test_a_method_fits_together(method: RowMethod) -> None:
    assert method.strategy in STRATEGIES
    assert ROWS[method.kind] in find_algorithm(method.algorithm).rows


def test_what_is_kept_of_a_run() -> None:
    kept = ROW_METHODS["rest"].export("r1", "train", 0.7, 4)
    assert (kept.kind, kept.runs, kept.split, kept.min_score, kept.limit_per_task) == ("sft", ("r1",), "train", 0.7, 4)
    assert ROW_METHODS["rejection-sampling"].export("r1", "train", None, 4).limit_per_task == 1
    assert ROW_METHODS["reflexion+sft"].export("r1", "train", None, 4).without_memory
