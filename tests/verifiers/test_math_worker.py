"""The processes behind the pool: what they may do, and how references and candidates are read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reflexa.verifiers.math_pool import MathPool, Rules
from reflexa.verifiers.math_worker import COMMAND


@pytest.fixture(scope="module")
def pool() -> Iterator[MathPool]:
    with closing(MathPool()) as opened:
        yield opened


def correct(pool: MathPool, reference: str, candidate: str) -> bool:
    return pool.compare([reference], [candidate], Rules())[0].correct


def test_commands_have_a_fixed_size() -> None:
    assert COMMAND.unpack(COMMAND.pack(b"E", 4_000_000)) == (b"E", 4_000_000)


@pytest.mark.parametrize("reference", ["1,22", "$1.22$", r"\boxed{1.22}", r"\(1.22\)", r"\frac{122}{100}", "1.22"])
def test_a_reference_is_read_with_and_without_marks(pool: MathPool, reference: str) -> None:
    assert correct(pool, reference, "1.22")


def test_a_reference_of_two_values_is_not_one_of_them(pool: MathPool) -> None:
    assert correct(pool, "1,-2", r"\boxed{-2, 1}")
    assert not correct(pool, "1,-2", r"\boxed{1}")
    assert not correct(pool, "12, 13", r"\boxed{12}")


@pytest.mark.parametrize(
    ("chain", "passes"),
    [
        (r"\boxed{x = 3 \cdot 6 = 18}", True),
        (r"\boxed{\frac{36}{2} = 18}", True),
        (r"\boxed{17 = 18}", False),
        (r"\boxed{16 = 17 = 18}", False),
        (r"\boxed{x = 15 = 16 = 17 = 18}", False),
    ],
)
def test_a_chain_of_equalities_is_a_calculation_and_no_list(pool: MathPool, chain: str, passes: bool) -> None:
    assert correct(pool, "18", chain) is passes


@pytest.mark.parametrize(
    "broken", [r"\boxed{\frac{1}{0}}", r"\boxed{\text{nan}}", r"\boxed{}", "\\boxed{\x00}", "\ud800"]
)
def test_what_cannot_be_computed_is_not_equal(pool: MathPool, broken: str) -> None:
    assert not correct(pool, "18", broken)
    assert correct(pool, "18", "18")


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")
def test_evaluators_can_neither_write_nor_start_anything(pool: MathPool) -> None:
    correct(pool, "18", "18")
    processes = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    confined = []
    for process in processes:
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines() if ":" in line
        )
        confined.append((status["Seccomp"].strip(), status["NoNewPrivs"].strip()))
    assert ("2", "1") in confined
