"""Hostile programs never pass, controls always do, and the check after each is still right."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from reflexa.errors import VerifierError
from reflexa.sandbox import Limits, Program, Sandbox
from tests.sandbox.programs import BAD, GOOD, HOSTILE, TESTS

_SHARED = Path(__file__).parents[3] / "shared" / "hostile"
_HURRIED = Limits(seconds=0.8, memory_bytes=256 << 20)
_PATIENT = Limits(seconds=20)
_BATCHES = 4


def _verdict(sandbox: Sandbox, program: Program, limits: Limits) -> str:
    try:
        return sandbox.check(program, limits).status
    except VerifierError:
        return "error"


def _next_is_right(sandbox: Sandbox) -> bool:
    return [
        _verdict(sandbox, Program(source=source, entry_point="solve", tests=TESTS), _PATIENT) for source in (GOOD, BAD)
    ] == [
        "passed",
        "failed",
    ]


def _end_of(sandbox: Sandbox, source: str, tests: str = TESTS) -> tuple[str, bool]:
    verdict = _verdict(sandbox, Program(source=source, entry_point="solve", tests=tests), _HURRIED)
    return verdict, _next_is_right(sandbox)


@pytest.mark.parametrize("batch", range(_BATCHES))
def test_our_own_hostile_programs(sandbox: Sandbox, batch: int) -> None:
    programs = list(HOSTILE.items())[batch::_BATCHES]
    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(lambda item: (item[0], *_end_of(sandbox, item[1])), programs))
    assert [(name, verdict) for name, verdict, _ in ends if verdict == "passed"] == []
    assert [name for name, _, right in ends if not right] == []


def _manifest(control: bool) -> list[dict[str, Any]]:
    if not _SHARED.exists():
        pytest.skip("the shared hostile programs are not beside the repository")
    entries = json.loads((_SHARED / "manifest.json").read_text())
    return [entry for entry in entries if (entry["category"] == "control") is control]


def _source(entry: dict[str, Any]) -> str:
    path: Path = _SHARED / entry["file"]
    return path.read_bytes().decode("utf-8", "surrogateescape")


@pytest.mark.parametrize("batch", range(_BATCHES))
def test_shared_hostile_programs(sandbox: Sandbox, batch: int) -> None:
    entries = _manifest(control=False)[batch::_BATCHES]
    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(lambda entry: (entry["name"], *_end_of(sandbox, _source(entry), entry["tests"])), entries))
    assert [(name, verdict) for name, verdict, _ in ends if verdict == "passed"] == []
    assert [name for name, _, right in ends if not right] == []


def test_shared_controls_pass(sandbox: Sandbox) -> None:
    for entry in _manifest(control=True):
        program = Program(source=_source(entry), entry_point=entry["entry_point"], tests=entry["tests"])
        outcome = sandbox.check(program, _PATIENT)
        assert (entry["name"], outcome.status, outcome.detail) == (entry["name"], "passed", "")
