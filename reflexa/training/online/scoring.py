"""Trained scorers as rewards: whole answers by a reward model or two combined, steps by a process reward model."""

from __future__ import annotations

from collections.abc import Sequence

from reflexa.errors import PolicyError, VerifierError
from reflexa.protocols import Scorer
from reflexa.training.online.rollouts import Answer, Reward, StepRewards
from reflexa.verifiers.steps import split_steps


def scored_by(scorer: Scorer) -> Reward:
    """A reward model's raw score of an answer (``reflexa.verifiers.combined_reward`` makes two of them one).

    The reward raises ``VerifierError`` where the scorer cannot score.
    """

    def reward(answer: Answer) -> float:
        try:
            (score,) = scorer.score([(answer.prompt.prompt, answer.text)])
        except PolicyError as error:
            raise VerifierError(f"{scorer.name} cannot score the answer: {error}") from error
        return score

    return reward


def steps_scored_by(scorer: Scorer) -> Reward:
    """A process reward model's probability that each step is right, earned where the step ends.

    Each counts one n-th of an answer of n steps, so that an answer earns no more by being cut into more steps. An empty
    answer earns 0. The reward raises ``VerifierError`` where the scorer cannot score.
    """

    def reward(answer: Answer) -> float | StepRewards:
        steps = split_steps(answer.text)
        if not steps:
            return 0.0
        try:
            return step_rewards(answer.text, steps, scorer.step_scores(answer.prompt.prompt, steps))
        except PolicyError as error:
            raise VerifierError(f"{scorer.name} cannot score the steps: {error}") from error

    return reward


def step_rewards(text: str, steps: Sequence[str], scores: Sequence[float]) -> StepRewards:
    """Scores of an answer's steps, each divided by their number, at the places in ``text`` where the steps end."""
    ends, place = [], 0
    for step in steps:
        found = text.find(step, place)
        # What was tidied on the way (line ends, answers drawn from a box) is not found: it counts from the end.
        place = len(text) if found < 0 else found + len(step)
        ends.append(place)
    return StepRewards(tuple(ends), tuple(score / len(steps) for score in scores))
