"""The built-in suites, by name. A suite is one entry here and one module that reads its data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reflexa.tasks import (
    bbh,
    codefiles,
    evalplus,
    gymnasium,
    harmlessness,
    hotpotqa,
    hotpotqa_react,
    humaneval,
    inspect_suite,
    leetcode,
    math_suites,
    mbpp,
    procedural,
    textworld,
    verifiers_suite,
)
from reflexa.tasks.sourcing import Request
from reflexa.tasks.suite import Suite


@dataclass(frozen=True)
class Builtin:
    """A built-in suite. ``n`` counts its test split; empty ``splits`` are whatever the loader accepts.

    ``argument`` says what may follow the name and a colon, in the form in which help shows it.
    """

    summary: str
    source: str
    load: Callable[[Request], Suite]
    n: int | None = None
    splits: tuple[str, ...] = ("test",)
    argument: str = ""


BUILTINS: dict[str, Builtin] = {
    "gsm8k": Builtin(
        math_suites.GSM8K, math_suites.GSM8K_SOURCE, math_suites.load_gsm8k, n=1319, splits=("train", "test")
    ),
    "math500": Builtin(math_suites.MATH500, math_suites.MATH500_SOURCE, math_suites.load_math500, n=500),
    "svamp": Builtin(math_suites.SVAMP, math_suites.SVAMP_SOURCE, math_suites.load_svamp, n=1000),
    "bbh": Builtin(bbh.DESCRIPTION, bbh.SOURCE, bbh.load, n=None, argument="TASK"),
    "hotpotqa": Builtin(hotpotqa.DESCRIPTION, hotpotqa.SOURCE, hotpotqa.load, n=7405),
    "hh-rlhf": Builtin(harmlessness.DESCRIPTION, harmlessness.SOURCE, harmlessness.load, splits=harmlessness.SPLITS),
    "hotpotqa-react": Builtin(hotpotqa_react.DESCRIPTION, hotpotqa_react.SOURCE, hotpotqa_react.load, n=7405),
    "gymnasium": Builtin(
        gymnasium.DESCRIPTION, gymnasium.SOURCE, gymnasium.load, splits=gymnasium.SPLITS, argument="WORLD[,KEY=VALUE…]"
    ),
    "mbpp": Builtin(mbpp.SANITIZED, mbpp.SOURCE, mbpp.load, n=257, splits=mbpp.SPLITS),
    "mbpp-full": Builtin(mbpp.FULL, mbpp.SOURCE, mbpp.load_full, n=500, splits=mbpp.SPLITS),
    "humaneval-plus": Builtin(evalplus.HUMANEVAL, evalplus.SOURCE, evalplus.load_humaneval, n=164),
    "mbpp-plus": Builtin(evalplus.MBPP, evalplus.SOURCE, evalplus.load_mbpp, n=378),
    "leetcode": Builtin(leetcode.DESCRIPTION, leetcode.SOURCE, leetcode.load, splits=()),
    "programs": Builtin(codefiles.PROGRAMS, codefiles.SOURCE, codefiles.load_programs, splits=()),
    "unit-tests": Builtin(codefiles.UNIT_TESTS, codefiles.SOURCE, codefiles.load_unit_tests, splits=()),
    "reasoning-gym": Builtin(
        procedural.DESCRIPTION,
        procedural.SOURCE,
        procedural.load,
        splits=procedural.SPLITS,
        argument="GENERATOR[,KEY=VALUE…]",
    ),
    "textworld": Builtin(
        textworld.DESCRIPTION, textworld.SOURCE, textworld.load, splits=textworld.SPLITS, argument="GAME[,KEY=VALUE…]"
    ),
    "inspect": Builtin(
        inspect_suite.DESCRIPTION,
        inspect_suite.SOURCE,
        inspect_suite.load,
        splits=(),
        argument="FILE.py@TASK|PACKAGE/TASK",
    ),
    "verifiers": Builtin(
        verifiers_suite.DESCRIPTION, verifiers_suite.SOURCE, verifiers_suite.load, splits=(), argument="ENV_ID"
    ),
    "humaneval": Builtin(humaneval.DESCRIPTION, humaneval.SOURCE, humaneval.load, n=164),
}
"""By name. Each entry's loader imports what it needs when it is called."""
