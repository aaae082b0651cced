"""What a study of over-optimisation is asked to do."""

from __future__ import annotations

from pydantic import Field

from reflexa.types import Frozen


class Size(Frozen):
    """A transformer's width and depth."""

    width: int = Field(gt=0, multiple_of=8)
    layers: int = Field(gt=0)

    def __str__(self) -> str:
        return f"{self.width}x{self.layers}"


class RewardTraining(Frozen):
    """How each proxy learns its pairs: so many steps of so many pairs, however few different ones there are."""

    steps: int = Field(default=120, gt=0)
    rows: int = Field(default=32, gt=0)
    learning_rate: float = Field(default=3e-3, gt=0)


class PolicyTraining(Frozen):
    """How the policy is optimised against each proxy, with a checkpoint every ``every`` steps."""

    algorithm: str = "rloo"
    steps: int = Field(default=96, gt=0)
    prompts: int = Field(default=16, gt=0)
    samples: int = Field(default=8, gt=1)
    every: int = Field(default=6, gt=0)
    learning_rate: float = Field(default=1e-3, gt=0)


class StudyConfig(Frozen):
    """A study: proxies of every size trained on every amount of labels, and two ways to optimise against each.

    Prompts are strings of ``prompt_letters`` letters, answers of up to ``answer_letters``. The gold reward stands for
    what is truly wanted. ``held_out`` prompts measure everything; best of n is estimated from ``samples`` answers to
    each.
    """

    policy: Size = Size(width=32, layers=2)
    gold: Size = Size(width=64, layers=3)
    proxies: tuple[Size, ...] = (Size(width=8, layers=1), Size(width=16, layers=1), Size(width=32, layers=1))
    labels: tuple[int, ...] = (30, 200, 1600)
    prompt_letters: int = Field(default=4, gt=0)
    answer_letters: int = Field(default=12, gt=0)
    held_out: int = Field(default=96, gt=1)
    samples: int = Field(default=512, gt=1)
    reward: RewardTraining = RewardTraining()
    rl: PolicyTraining = PolicyTraining()
    seed: int = Field(default=0, ge=0)


STUDY = StudyConfig()
QUICK = StudyConfig(
    proxies=(Size(width=8, layers=1),),
    labels=(30, 800),
    held_out=48,
    samples=128,
    rl=PolicyTraining(steps=60, every=6),
)
"""Under a minute of one CPU: two proxies, wider intervals."""
