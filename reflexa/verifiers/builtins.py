"""The verifiers that Reflexa brings, by name. Each is imported when it is first opened."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from reflexa.protocols import Verifier
from reflexa.verifiers.choice import MultipleChoice
from reflexa.verifiers.means import Means, checkpoint_or_file, own_file, schema_file
from reflexa.verifiers.text import ExactMatch, F1Match
from reflexa.verifiers.unit_tests import HiddenTests, VisibleExamples


@dataclass(frozen=True)
class Builtin:
    """A verifier that Reflexa brings. ``private`` ones read ``Task.check``: as feedback they would be an oracle."""

    summary: str
    open: Callable[[str, Means], Verifier]
    argument: str = ""
    private: bool = False


def _hidden_tests(argument: str, means: Means) -> Verifier:
    return HiddenTests(means.sandbox(), means.limits)


def _visible_examples(argument: str, means: Means) -> Verifier:
    return VisibleExamples(means.sandbox(), means.limits)


def _critic(argument: str, means: Means) -> Verifier:
    from reflexa.verifiers.critic import open_critic

    return open_critic(own_file("rubric", argument, means.workspace) if argument else None, means)


def _pairwise(argument: str, means: Means) -> Verifier:
    from reflexa.verifiers.pairwise import open_pairwise

    return open_pairwise(own_file("rubric", argument, means.workspace) if argument else None, means)


def _constitution(argument: str, means: Means) -> Verifier:
    from reflexa.verifiers.constitution import open_constitution

    return open_constitution(own_file("constitution", argument, means.workspace) if argument else None, means)


def _process(argument: str, means: Means) -> Verifier:
    from reflexa.verifiers.process import open_process

    return open_process(checkpoint_or_file("process rubric", argument, means) if argument else None, means)


def _reward(argument: str, means: Means) -> Verifier:
    from reflexa.verifiers.reward import open_reward

    return open_reward(checkpoint_or_file("reward", argument, means), means)


def _math(argument: str, means: Means) -> Verifier:
    from reflexa.verifiers.math import MathVerifier

    return means.resources.enter_context(closing(MathVerifier()))


def _goal(argument: str, means: Means) -> Verifier:
    from reflexa.verifiers.goal import Goal

    return Goal()


def _trajectory(argument: str, means: Means) -> Verifier:
    from reflexa.verifiers.goal import Trajectory

    return Trajectory()


def _programs(argument: str, means: Means) -> Verifier:
    from reflexa.verifiers.programs import Programs

    return Programs(means.sandbox(), means.limits)


def _generated(argument: str, means: Means) -> Verifier:
    from reflexa.verifiers.generated import Generated

    return means.resources.enter_context(closing(Generated()))


def _inspect(argument: str, means: Means) -> Verifier:
    from reflexa.verifiers.foreign import ForeignScorers

    return means.resources.enter_context(closing(ForeignScorers("inspect", argument)))


def _verifiers(argument: str, means: Means) -> Verifier:
    from reflexa.verifiers.foreign import ForeignScorers

    return means.resources.enter_context(closing(ForeignScorers("verifiers", argument)))


def _regex(argument: str, means: Means) -> Verifier:
    from reflexa.verifiers.pattern import PatternMatch

    return PatternMatch(argument)


def _json_schema(argument: str, means: Means) -> Verifier:
    from reflexa.verifiers.json_schema import JsonSchema

    return JsonSchema.from_file(schema_file(argument, means.workspace))


BUILTINS: dict[str, Builtin] = {
    "math": Builtin("a mathematical answer against the reference answer, by value", _math, private=True),
    "hidden-tests": Builtin("the task's hidden tests, in the sandbox", _hidden_tests, private=True),
    "exact": Builtin("the reference answer or an alias, to the letter", lambda *_: ExactMatch(), private=True),
    "f1": Builtin(
        "words shared with the reference answer (HotPotQA's F1); passes at 1, or at the threshold",
        lambda argument, means: F1Match.from_argument(argument),
        argument="[THRESHOLD]",
        private=True,
    ),
    "choice": Builtin("the right option of a multiple choice", lambda *_: MultipleChoice(), private=True),
    "regex": Builtin("a regular expression found in the answer", _regex, argument="PATTERN"),
    "json-schema": Builtin("JSON that a schema allows", _json_schema, argument="SCHEMA"),
    "programs": Builtin("what a whole program prints for hidden inputs, in the sandbox", _programs, private=True),
    "visible-examples": Builtin("the examples that the task's prompt shows, in the sandbox", _visible_examples),
    "generated": Builtin("the scorer of the generator that made the task", _generated, private=True),
    "inspect": Builtin(
        "the scorers of a task of Inspect", _inspect, argument="FILE.py@TASK|PACKAGE/TASK", private=True
    ),
    "verifiers": Builtin(
        "the rewards of an environment of the package verifiers", _verifiers, argument="ENV_ID", private=True
    ),
    "goal": Builtin("the rewards of a played attempt against the goal", _goal, private=True),
    "trajectory": Builtin("what a played attempt saw: its rewards, or whether it gave an answer", _trajectory),
    "critic": Builtin("a model grades by a rubric, or by Reflexa's own", _critic, argument="[RUBRIC_FILE]"),
    "pairwise": Builtin(
        "a model compares with the reference answer, in both orders", _pairwise, argument="[RUBRIC_FILE]", private=True
    ),
    "constitution": Builtin("a model holds the answer against principles", _constitution, argument="[FILE]"),
    "process": Builtin(
        "a model, or a trained one, scores each step of a solution", _process, argument="[CHECKPOINT|RUBRIC_FILE]"
    ),
    "reward": Builtin("a trained reward model", _reward, argument="CHECKPOINT|FILE"),
}
"""By name. Each entry's function imports what it needs when called. An argument that may be a TOML file says FILE."""
