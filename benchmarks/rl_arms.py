"""One arm of ``benchmarks/rl.py``: Reflexa's or TRL's GRPO on a case, with what its steps took."""

from __future__ import annotations

import random
import resource
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.train_arms import SHAPES, Shape

PROMPTS, SAMPLES = 8, 8
PROMPT = (160, 224)
LEARNING_RATE = 1e-6


@dataclass(frozen=True)
class Case:
    """Completions of at most ``limit`` tokens, of which one in ``ends`` (None: hardly any) ends its completion.

    ``target`` is how many times TRL's new tokens per second are to be reached.
    """

    limit: int
    ends: int | None
    target: float
    shape: Shape = SHAPES["30m"]


@dataclass(frozen=True)
class Measured:
    """One arm's run: new tokens per second by the wall and by the processor's clock, the process's peak memory, the
    mean length of a completion, and the seconds of a step's parts.
    """

    tokens_per_second: float
    tokens_per_cpu_second: float
    peak_mb: float
    length: float
    sampling: float
    verifying: float
    learning: float


@dataclass
class Step:
    """What is noted of one step."""

    wall: float
    cpu: float
    tokens: int
    sampling: float
    verifying: float


@dataclass
class Notes:
    """Notes what steps took. ``tokens``, ``sampling`` and ``verifying`` add up until the step ends."""

    steps: list[Step] = field(default_factory=list)
    tokens: int = 0
    sampling: float = 0.0
    verifying: float = 0.0
    began: tuple[float, float] = (0.0, 0.0)

    def start(self) -> None:
        self.began = (time.perf_counter(), time.process_time())
        self.tokens, self.sampling, self.verifying = 0, 0.0, 0.0

    def end(self) -> None:
        wall, cpu = time.perf_counter() - self.began[0], time.process_time() - self.began[1]
        self.steps.append(Step(wall, cpu, self.tokens, self.sampling, self.verifying))
        self.start()

    def measured(self) -> Measured:
        """All steps but the first."""
        steps = self.steps[1:]
        tokens, wall, cpu, sampling, verifying = (
            sum(getattr(step, name) for step in steps) for name in ("tokens", "wall", "cpu", "sampling", "verifying")
        )
        return Measured(
            tokens_per_second=tokens / wall,
            tokens_per_cpu_second=tokens / cpu,
            peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            length=tokens / len(steps) / PROMPTS / SAMPLES,
            sampling=sampling / len(steps),
            verifying=verifying / len(steps),
            learning=(wall - sampling - verifying) / len(steps),
        )


def prompts_of(case: Case, steps: int) -> list[str]:
    """Prompts of random words, each a token."""
    draw = random.Random(0)
    words = case.shape.vocabulary - 3
    return [" ".join(f"w{draw.randrange(words)}" for _ in range(draw.randint(*PROMPT))) for _ in range(PROMPTS * steps)]


def reward_of(text: str) -> float:
    """The share of words with an even number."""
    words = text.split()
    return sum(word[-1] in "02468" for word in words) / max(1, len(words))


def run_ours(case: Case, steps: int, model: Path, folder: Path) -> Measured:
    from reflexa.training.config import OptimizerConfig
    from reflexa.training.engine.metrics import StepReport
    from reflexa.training.online.api import train_online
    from reflexa.training.online.config import OnlineConfig, PointConfig
    from reflexa.training.online.rollouts import Answer, OnlinePrompt

    notes = Notes()

    def reward(answer: Answer) -> float:
        notes.tokens += answer.tokens
        return reward_of(answer.text)

    def note(report: StepReport) -> None:
        notes.sampling, notes.verifying = (report.metrics[f"seconds/{part}"] for part in ("sampling", "verifying"))
        notes.end()

    config = OnlineConfig(
        algorithm="grpo",
        model=str(model),
        output=folder / "out",
        steps=steps,
        prompts=PROMPTS,
        samples=SAMPLES,
        max_new_tokens=case.limit,
        workers=1,
        kl_every=10**6,
        points=PointConfig(prompts=0),
        optimizer=OptimizerConfig(learning_rate=LEARNING_RATE),
    )
    prompts = [OnlinePrompt(id=str(index), prompt=text) for index, text in enumerate(prompts_of(case, steps))]
    notes.start()
    train_online(config, prompts, reward, progress=note)
    return notes.measured()


def run_trl(case: Case, arm: str, steps: int, model: Path, folder: Path) -> Measured:
    import datasets
    import transformers
    import trl as library

    hf: Any = transformers
    trl: Any = library
    notes = Notes()

    class Timed(trl.GRPOTrainer):  # type: ignore[misc]  # trl is untyped
        def _generate_single_turn(self, *given: Any, **named: Any) -> Any:
            began = time.perf_counter()
            made = super()._generate_single_turn(*given, **named)
            notes.sampling += time.perf_counter() - began
            return made

        def _calculate_rewards(self, *given: Any, **named: Any) -> Any:
            began = time.perf_counter()
            made = super()._calculate_rewards(*given, **named)
            notes.verifying += time.perf_counter() - began
            return made

    class Note(hf.TrainerCallback):  # type: ignore[misc]  # transformers is untyped
        def on_step_end(self, *_: Any, **__: Any) -> None:
            notes.end()

    def reward(completions: list[str], completion_ids: list[list[int]], **_: Any) -> list[float]:
        notes.tokens += sum(map(len, completion_ids))
        return [reward_of(text) for text in completions]

    batch = 16 if arm == "trl-16" else PROMPTS * SAMPLES
    args = trl.GRPOConfig(
        output_dir=str(folder / "out"),
        learning_rate=LEARNING_RATE,
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=PROMPTS * SAMPLES // batch,
        num_generations=SAMPLES,
        max_completion_length=case.limit,
        max_steps=steps,
        loss_type="grpo",
        beta=0.0,
        bf16=True,
        gradient_checkpointing=False,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )
    rows = datasets.Dataset.from_dict({"prompt": prompts_of(case, steps)})
    trainer = Timed(model=str(model), reward_funcs=reward, args=args, train_dataset=rows, callbacks=[Note()])
    notes.start()
    trainer.train()
    return notes.measured()
