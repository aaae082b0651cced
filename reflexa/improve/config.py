"""What a circle is asked to do, and what each of its rounds came to: the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, JsonValue

from reflexa.types import Frozen


class ImproveConfig(Frozen):
    """A circle over one suite.

    Each of ``rounds`` learns from ``samples`` attempts at a task of the training split, at ``temperature``. Methods
    that learn rows keep those from ``thresholds`` on (the round's own, the last one for those after; empty: what
    passed), at most ``cap`` a task. ``reward`` is the verifier that decides what is learnt, the judge where it is None;
    what is measured, the judge decides alone. ``train`` are settings of the training (as ``TrainConfig`` or
    ``OnlineConfig`` takes them).

    ``level`` is the significance at which a model counts as better; with ``strict`` it has to be better than the best
    of several answers of its champion too. ``limit`` and ``held_out_limit`` take the first tasks of the splits alone.
    No further round is begun once ``budget`` tokens were sampled, or ``hours`` have been spent.
    """

    suite: str
    model: str
    method: str
    output: Path
    rounds: int = Field(default=3, ge=1)
    samples: int = Field(default=8, ge=1)
    temperature: float = Field(default=1.0, ge=0.0)
    thresholds: tuple[float, ...] = ()
    cap: int | None = Field(default=4, ge=1)
    train: dict[str, JsonValue] = Field(default_factory=dict)
    train_split: str = "train"
    held_out_split: str = "test"
    limit: int | None = Field(default=None, ge=1)
    held_out_limit: int | None = Field(default=None, ge=1)
    feedback: str = "auto"
    reward: str | None = None
    judge: str | None = None
    data: str | None = None
    max_new_tokens: int = Field(default=256, gt=0)
    level: float = Field(default=0.05, gt=0.0, lt=1.0)
    strict: bool = False
    budget: int | None = Field(default=None, ge=1)
    hours: float | None = Field(default=None, gt=0)
    seed: int = 0

    def threshold(self, number: int) -> float | None:
        """The lowest score that a round, counted from 1, keeps; None keeps what passed."""
        return self.thresholds[min(number, len(self.thresholds)) - 1] if self.thresholds else None


class Costs(Frozen):
    """Tokens, prompts included: ``sampled`` to learn from, ``learnt`` by the training's steps, ``measured`` to answer
    the held-out tasks.
    """

    sampled: int = 0
    learnt: int = 0
    measured: int = 0


class Rival(Frozen):
    """The champion with the tokens that the new model took: the best of ``samples`` answers to each held-out task.

    ``chosen`` says by what an answer was chosen, never the judge. ``difference`` is the new model's rate less ``rate``,
    with its 95 % interval and McNemar's p. ``affordable`` is how many samples a task the champion could have drawn with
    all that the round sampled and measured.
    """

    run: str
    samples: int
    chosen: str = ""
    rate: float | None = None
    tokens: int = 0
    difference: float | None = None
    ci95: tuple[float, float] | None = None
    p: float | None = None
    affordable: int = 0


class Canary(Frozen):
    """Whether the new model games what it learnt from: held-out tasks that the proxy passes and the judge fails.

    ``proxy`` is the verifier that stands for the judge where attempts are chosen or rewarded; None: there was none, and
    ``words`` say why. ``tripped``: it was fooled on more of the same ``tasks`` than by the champion, beyond chance.
    """

    proxy: str | None = None
    tasks: int = 0
    fooled: int = 0
    champion_fooled: int = 0
    p: float | None = None
    tripped: bool = False
    words: str = ""


class Round(Frozen):
    """One round, as far as it has come: each field is set when its step has ended.

    ``sampler`` made the attempts of ``grow_run``, ``learner`` is what was fine-tuned. ``difference`` is the held-out
    rate less the champion's, with its 95 % interval and McNemar's p. Methods that learn while they sample have neither
    run nor data set, and ``grown`` is the mean reward at their best checkpoint.
    """

    number: int
    sampler: str
    learner: str
    grow_run: str | None = None
    grown: float | None = None
    dataset: str | None = None
    rows: int | None = None
    training: str | None = None
    checkpoint: str | None = None
    held_out_run: str | None = None
    held_out: float | None = None
    difference: float | None = None
    ci95: tuple[float, float] | None = None
    p: float | None = None
    rival: Rival | None = None
    canary: Canary | None = None
    costs: Costs = Costs()
    promoted: bool | None = None
    why: str = ""

    def with_(self, **changes: Any) -> Round:
        return self.model_copy(update=changes)

    def with_costs(self, **tokens: int) -> Round:
        return self.with_(costs=self.costs.model_copy(update=tokens))


class Ledger(Frozen):
    """A circle's story: the first model's held-out score, then round after round. ``base_tokens`` are what that score
    took, ``seconds`` the time that was worked on it all.
    """

    id: str
    config: ImproveConfig
    base_run: str | None = None
    base: float | None = None
    base_tokens: int = 0
    rounds: tuple[Round, ...] = ()
    status: str = "running"
    created: float = 0.0
    seconds: float = 0.0

    @property
    def champion(self) -> str:
        """The model that was proved best so far."""
        promoted = [each.checkpoint for each in self.rounds if each.promoted and each.checkpoint]
        return promoted[-1] if promoted else self.config.model

    @property
    def champion_run(self) -> str | None:
        """The held-out run of the champion."""
        promoted = [each.held_out_run for each in self.rounds if each.promoted]
        return promoted[-1] if promoted else self.base_run

    @property
    def sampled(self) -> int:
        """The tokens that models have read and written so far, the trainer's aside."""
        rivals = {each.rival.run: each.rival.tokens for each in self.rounds if each.rival is not None}
        return (
            self.base_tokens
            + sum(rivals.values())
            + sum(each.costs.sampled + each.costs.measured for each in self.rounds)
        )
