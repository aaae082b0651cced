"""Whether reflection-token RL makes a small model's reflections worth more: held out, against a frozen reflector.

    python benchmarks/reflecting.py [--seeds 3] [--steps 10] [--folder FOLDER] [--out OUT]

Sums of two numbers from 1 to 30. Two worked examples in the prompt show an attempt, "Wrong, check:", a reflection, and
a retry. 300 pairs are learnt from, 60 are held out. The model that the run starts with attempts each held-out sum once;
each failed attempt is reflected on 4 times, and each reflection followed by one retry, all at temperature 1:

- ``frozen``: reflection and retry by the starting model;
- ``reflector``: reflection by the trained model, retry by the starting model: what the reflections alone are worth;
- ``trained``: reflection and retry by the trained model.

Prints for each seed the share of failed attempts whose retry passes, and the pass rate of attempt or retry; writes
OUT.json and OUT.png (matplotlib).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.online_learning import Result, interval
from reflexa.models.local.dequantised import checkpoint_of
from reflexa.models.local.encoding import Tokens
from reflexa.models.local.sampling import Draw, Sample, TokenSampler
from reflexa.training.config import CheckpointConfig, OptimizerConfig
from reflexa.training.engine.metrics import StepReport
from reflexa.training.online.api import train_online
from reflexa.training.online.config import OnlineConfig, PointConfig
from reflexa.training.online.conversation import between
from reflexa.training.online.rollouts import Answer, OnlinePrompt
from reflexa.training.online.speaking import Speaker

LARGEST, LEARNT, HELD_OUT, REFLECTIONS = 30, 300, 60, 4
REFLECT, RETRY = "\nWrong, check:", "So it is"
SHOTS = f"3 + 4 = 8{REFLECT} 3 + 4 gives 7\n{RETRY} 7\n\n12 + 5 = 27{REFLECT} 12 + 5 gives 17\n{RETRY} 17\n\n"
ANSWER_TOKENS, REFLECTION_TOKENS = 5, 12
ARMS = ("frozen", "reflector", "trained")


def questions() -> tuple[list[OnlinePrompt], list[OnlinePrompt]]:
    """Prompts to learn from, and prompts that are held out: the same for every seed."""
    pairs = [(a, b) for a in range(1, LARGEST + 1) for b in range(1, LARGEST + 1)]
    random.Random(0).shuffle(pairs)
    asked = [OnlinePrompt(id=f"{a}+{b}", prompt=f"{SHOTS}{a} + {b} =") for a, b in pairs]
    return asked[HELD_OUT : HELD_OUT + LEARNT], asked[:HELD_OUT]


def is_right(answer: Answer) -> float:
    """1 where the answer is the sum and nothing else."""
    return float(_is_sum(answer.prompt, answer.text))


def _is_sum(prompt: OnlinePrompt, text: str) -> bool:
    a, b = map(int, prompt.id.split("+"))
    return text.strip() == str(a + b)


def trained(seed: int, steps: int, folder: Path) -> tuple[Path, list[StepReport]]:
    """The model that a run leaves, and its steps."""
    reports: list[StepReport] = []

    def tell(report: StepReport) -> None:
        reports.append(report)
        shown = ("reward/attempt", "reward/retry", "equal_groups", "entropy", "seconds/sampling", "seconds/learning")
        said = " ".join(f"{name} {report.metrics[name]:.3f}" for name in shown)
        sys.stderr.write(f"seed {seed} step {report.step}/{report.steps} {said}\n")

    config = OnlineConfig(
        algorithm="reflect-retry",
        model=checkpoint_of("embedded"),
        output=folder,
        options={"reflect": REFLECT, "retry": RETRY, "reflection_tokens": REFLECTION_TOKENS},
        steps=steps,
        prompts=6,
        samples=8,
        max_new_tokens=ANSWER_TOKENS,
        stop=("\n",),
        seed=seed,
        optimizer=OptimizerConfig(learning_rate=2e-5, schedule="constant", warmup=0.1),
        checkpoints=CheckpointConfig(keep=1),
        points=PointConfig(prompts=0),
        kl_every=steps,
    )
    return train_online(config, questions()[0], is_right, progress=tell).model, reports


@dataclass(frozen=True, eq=False)
class Speaking:
    """A model that samples."""

    sampler: TokenSampler
    speaker: Speaker

    @classmethod
    def of(cls, where: str) -> Speaking:
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(where, dtype=torch.bfloat16)
        speaker = Speaker(model, transformers.AutoTokenizer.from_pretrained(where), ("\n",))
        return cls(TokenSampler(model, speaker.ends), speaker)

    def says(self, contexts: Sequence[Tokens], n: int, tokens: int, seed: int) -> list[list[Sample]]:
        return self.sampler.sample(contexts, n, Draw(max_tokens=tokens, seed=seed))

    def goes_on(self, before: Tokens, prompt: OnlinePrompt, said: Sample, text: str) -> Tokens:
        told = between(self.speaker.encoder, prompt.prompt, said.tokens, text)
        return before + array("i", said.tokens) + told


def measured(start: Speaking, model: Speaking, seed: int) -> dict[str, tuple[float, float]]:
    """By arm: the share of failed attempts whose retry passes, and the pass rate of attempt or retry, in per cent."""
    prompts = questions()[1]
    asked = [start.speaker.prompt(prompt) for prompt in prompts]
    attempts = [each for (each,) in start.says(asked, 1, ANSWER_TOKENS, seed)]
    failed = [
        (prompt, start.goes_on(tokens, prompt, attempt, REFLECT))
        for prompt, tokens, attempt in zip(prompts, asked, attempts, strict=True)
        if not _is_sum(prompt, start.speaker.text(attempt.tokens))
    ]
    found = {}
    for arm, (reflector, retrier) in zip(ARMS, ((start, start), (model, start), (model, model)), strict=True):
        said = reflector.says([stem for _, stem in failed], REFLECTIONS, REFLECTION_TOKENS, seed + 1)
        turns = [
            (prompt, reflector.goes_on(stem, prompt, one, RETRY))
            for (prompt, stem), each in zip(failed, said, strict=True)
            for one in each
        ]
        retries = retrier.says([context for _, context in turns], 1, ANSWER_TOKENS, seed + 2)
        passed = [
            _is_sum(prompt, start.speaker.text(one.tokens)) for (prompt, _), (one,) in zip(turns, retries, strict=True)
        ]
        share = sum(passed) / max(1, len(passed))
        found[arm] = 100 * share, 100 * (len(prompts) - len(failed) + len(failed) * share) / len(prompts)
    return found


def draw(results: Sequence[Result], path: Path) -> None:
    """The share of retries that pass: while training, by step; and held out, by arm."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(8, 3.5), layout="constrained")
    for each in results:
        left.plot([100 * value for value in each["retry"]], linewidth=1, label=f"seed {each['seed']}")
    left.set(title="training: retries that pass", xlabel="step", ylabel="%", ylim=(0, 100))
    left.legend(fontsize=8)
    middle, half = zip(*(interval([each["arms"][arm][0] for each in results]) for arm in ARMS), strict=True)
    right.bar(ARMS, middle, yerr=half if len(results) > 1 else None, capsize=4, color="tab:blue", alpha=0.6)
    right.set(title="held out: retries that pass", ylabel="%", ylim=(0, 100))
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="how many (3)")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="for checkpoints; else a temporary one")
    parser.add_argument("--out", type=Path, help="writes OUT.json and OUT.png")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    folder = asked.folder or Path(tempfile.mkdtemp())
    results: list[Result] = []
    for seed in range(asked.seeds):
        began = time.monotonic()
        model, reports = trained(seed, asked.steps, folder / f"reflect-{seed}")
        arms = measured(Speaking.of(checkpoint_of("embedded")), Speaking.of(str(model)), 1000 * seed)
        found = {"seed": seed, "arms": arms, "seconds": round(time.monotonic() - began)}
        print(json.dumps(found), flush=True)
        results.append({**found, "retry": [report.metrics["reward/retry"] for report in reports]})
        if asked.out:
            asked.out.with_suffix(".json").write_text(json.dumps(results, indent=1), encoding="utf-8")
            draw(results, asked.out.with_suffix(".png"))
    for arm in ARMS[1:]:
        for place, name in enumerate(("retries that pass", "pass rate of attempt or retry")):
            gains = [each["arms"][arm][place] - each["arms"]["frozen"][place] for each in results]
            mean, half = interval(gains)
            print(f"{arm} over frozen, {name}: {mean:+.1f} ± {half:.1f} points over {len(results)} seeds")


if __name__ == "__main__":
    main()
