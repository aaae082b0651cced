"""How the checkpoints of a run on rows are measured: on which held-out prompts, and by which reward."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reflexa.errors import ConfigError, UsageError
from reflexa.rows import Text
from reflexa.training.algorithms.algorithm import Algorithm
from reflexa.training.config import TrainConfig
from reflexa.training.data import load_rows
from reflexa.training.online.playing import Played
from reflexa.training.online.points import Examination, some_of
from reflexa.training.online.rollouts import Answer, OnlinePrompt, Reward
from reflexa.training.online.speaking import Speaker


@dataclass(frozen=True)
class HeldOutTasks:
    """What the checkpoints of a run on rows are judged by: held-out prompts with their true reward, and a ``proxy``,
    which is the reward that the rows are to teach (None: the objective itself stands for it).
    """

    examination: Examination
    proxy: Reward | Played | None = None


@dataclass(frozen=True)
class Measures:
    """What each checkpoint of a run is measured by. ``prompts`` are sampled, ``tasks`` judge."""

    prompts: tuple[OnlinePrompt, ...]
    speaker: Speaker
    tasks: HeldOutTasks | None

    @property
    def examination(self) -> Examination | None:
        """How answers are truly judged, where they are."""
        return None if self.tasks is None else self.tasks.examination

    @property
    def proxy(self) -> Reward | Played | None:
        """What samples are rewarded by, where something else than the objective stands for the reward."""
        return None if self.tasks is None else self.tasks.proxy

    @property
    def reward(self) -> Reward | Played:
        """What is asked about every sample. Prompts that are played are played, whether or not the reward counts."""
        if self.proxy is not None:
            return self.proxy
        played = self.examination is not None and isinstance(self.examination.reward, Played)
        return self.examination.reward if self.examination is not None and played else _nothing


def measures_of(
    config: TrainConfig, algorithm: Algorithm, speaker: Speaker, tasks: HeldOutTasks | None, processes: int
) -> Measures | None:
    """What a run's checkpoints are measured by: held-out tasks, else the prompts of held-out rows; None where there are
    neither, or models that judge are trained, which do not answer.

    Raises ``UsageError`` where tasks were given that this run cannot be measured on.
    """
    why = _unmeasured(config, algorithm, processes)
    if why and tasks is not None:
        raise ConfigError(why)
    if why:
        return None
    room = speaker.context - config.points.max_new_tokens
    if tasks is not None:
        _check_room(tasks.examination, speaker, room)
        return Measures(tuple(some_of(tasks.examination.prompts, config.points.prompts)), speaker, tasks)
    fitting = [prompt for prompt in _row_prompts(config, algorithm) if 0 < _length(prompt, speaker) <= room]
    prompts = some_of(fitting, config.points.prompts)
    return Measures(tuple(prompts), speaker, None) if prompts else None


def longest_prompt(measures: Measures) -> int:
    """Tokens of the longest prompt that is answered when checkpoints are measured."""
    held_out = () if measures.examination is None else measures.examination.prompts
    return max(_length(prompt, measures.speaker) for prompt in (*measures.prompts, *held_out))


def _unmeasured(config: TrainConfig, algorithm: Algorithm, processes: int) -> str:
    """Why checkpoints cannot be measured; empty where they can be."""
    if algorithm.head != "language":
        return f"{algorithm.name} trains a model that judges answers: it answers no held-out task"
    if config.distribution == "sharded" and processes > 1:
        return "weights that are shared out over processes cannot be sampled: choose distribution = replicated"
    if not config.points.prompts:
        return "points.prompts is 0, so that no checkpoint is measured: raise it, or leave the held-out tasks out"
    return ""


def _row_prompts(config: TrainConfig, algorithm: Algorithm) -> list[OnlinePrompt]:
    """The prompts of the held-out rows, each once."""
    rows = load_rows(config.held_out, algorithm.rows)
    return [
        OnlinePrompt(id=f"row {number}", prompt=prompt)
        for number, prompt in enumerate(_each_once(getattr(row, "prompt", None) for row in rows), start=1)
    ]


def _each_once(prompts: Iterable[Text | None]) -> Iterable[Text]:
    return list({repr(prompt): prompt for prompt in prompts if prompt is not None}.values())


def _length(prompt: OnlinePrompt, speaker: Speaker) -> int:
    return len(speaker.encoder.exchange(prompt.prompt, ())[0])


def _check_room(examination: Examination, speaker: Speaker, room: int) -> None:
    for prompt in examination.prompts:
        length = _length(prompt, speaker)
        if length > room:
            raise UsageError(
                f"held-out prompt {prompt.id} has {length} tokens, which with {speaker.context - room} new ones is "
                f"more than the model's context of {speaker.context}: lower points.max_new_tokens, or leave it out"
            )


def _nothing(answer: Answer) -> float:
    return 0.0
