"""Whether online training makes a small model better: held out, over several seeds, with intervals and a picture.

    python benchmarks/online_learning.py grpo|ppo [--seeds 3] [--steps 40] [--folder FOLDER] [--out OUT]

Sums of two numbers from 1 to 30, with two worked examples in the prompt: 300 pairs to learn from, 100 that are held
out. Prints a row a seed, and writes OUT.json and OUT.png (matplotlib). Pass rates are of the held-out pairs: greedy,
one likeliest answer each, and sampled, one answer each at temperature 1.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from reflexa.models.local.dequantised import checkpoint_of
from reflexa.rows import CheckpointPoint
from reflexa.training.config import CheckpointConfig, OptimizerConfig
from reflexa.training.engine.metrics import StepReport
from reflexa.training.online.api import OnlineResult, train_online
from reflexa.training.online.config import OnlineConfig, PointConfig
from reflexa.training.online.points import Examination
from reflexa.training.online.rollouts import Answer, OnlinePrompt

LARGEST, LEARNT, HELD_OUT = 30, 300, 100
SHOTS = "3 + 4 = 7\n12 + 5 = 17\n"
_T95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}
"""Student's t for a 95 % interval of a mean, by the number of seeds."""
Result = dict[str, Any]


def questions() -> tuple[list[OnlinePrompt], list[OnlinePrompt]]:
    """Prompts to learn from, and prompts that are held out: the same for every seed."""
    pairs = [(a, b) for a in range(1, LARGEST + 1) for b in range(1, LARGEST + 1)]
    random.Random(0).shuffle(pairs)
    asked = [OnlinePrompt(id=f"{a}+{b}", prompt=f"{SHOTS}{a} + {b} =") for a, b in pairs]
    return asked[HELD_OUT : HELD_OUT + LEARNT], asked[:HELD_OUT]


def is_right(answer: Answer) -> float:
    """1 where the answer is the sum and nothing else."""
    a, b = map(int, answer.prompt.id.split("+"))
    return float(answer.text.strip() == str(a + b))


def settings(seed: int, steps: int, folder: Path) -> dict[str, Any]:
    """What all methods share: 8 prompts of 8 samples a step, at most 4 tokens each."""
    return {
        "model": checkpoint_of("embedded"),
        "output": folder,
        "steps": steps,
        "prompts": 8,
        "samples": 8,
        "max_new_tokens": 4,
        "stop": ("\n",),
        "seed": seed,
        "optimizer": OptimizerConfig(learning_rate=1e-5, schedule="constant", warmup=0.1),
        "checkpoints": CheckpointConfig(every=max(1, steps // 4), keep=1),
        "points": PointConfig(prompts=HELD_OUT),
    }


def grpo(seed: int, steps: int, folder: Path) -> OnlineResult:
    """GRPO with a small KL term."""
    prompts, held_out = questions()
    config = OnlineConfig(algorithm="grpo", options={"kl": 0.02}, **settings(seed, steps, folder))
    return train_online(config, prompts, is_right, held_out=Examination(tuple(held_out), is_right), progress=tell)


def ppo(seed: int, steps: int, folder: Path) -> OnlineResult:
    """PPO at twice the others' rate, with a KL penalty in the reward and a critic that learns as adapters."""
    prompts, held_out = questions()
    options = {"kl_reward": 0.05, "critic_learning_rate": 1e-3, "critic_lora": {"rank": 16}}
    faster = {"optimizer": OptimizerConfig(learning_rate=2e-5, schedule="constant", warmup=0.1)}
    config = OnlineConfig(algorithm="ppo", options=options, **{**settings(seed, steps, folder), **faster})
    return train_online(config, prompts, is_right, held_out=Examination(tuple(held_out), is_right), progress=tell)


METHODS: dict[str, Callable[[int, int, Path], OnlineResult]] = {"grpo": grpo, "ppo": ppo}


def tell(report: StepReport) -> None:
    shown = ("reward", "equal_groups", "kl/sequence", "entropy", "seconds/sampling", "seconds/learning")
    said = " ".join(f"{name} {report.metrics[name]:.3f}" for name in shown if name in report.metrics)
    sys.stderr.write(f"step {report.step}/{report.steps} loss {report.loss:.4f} {said}\n")


def summed_up(points: Sequence[CheckpointPoint]) -> Result:
    """Pass rates before and after, in per cent."""
    first, last = points[0], points[-1]
    return {
        "greedy before": 100 * (first.true or 0.0),
        "greedy after": 100 * (last.true or 0.0),
        "sampled before": 100 * first.proxy,
        "sampled after": 100 * last.proxy,
        "kl": last.kl,
    }


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The mean over seeds, and half the width of its 95 % interval (Student's t; nan for one seed)."""
    if len(values) < 2:
        return values[0], math.nan
    return statistics.mean(values), _T95.get(len(values), 2.6) * statistics.stdev(values) / math.sqrt(len(values))


def gains(results: Sequence[Result]) -> Result:
    """Points gained, as mean and half width over seeds."""
    return {
        kind: interval([each[f"{kind} after"] - each[f"{kind} before"] for each in results])
        for kind in ("greedy", "sampled")
    }


def draw(results: Sequence[Result], title: str, path: Path) -> None:
    """Held-out pass rates by step: each seed's, and their mean with its interval."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.5), layout="constrained")
    for kind, field, colour in (("greedy", "true", "tab:blue"), ("sampled", "proxy", "tab:orange")):
        steps = [point["step"] for point in results[0]["points"]]
        rows = [[100 * point[field] for point in each["points"]] for each in results]
        for row in rows:
            axes.plot(steps, row, color=colour, linewidth=0.6, alpha=0.5)
        middle, half = zip(*(interval(column) for column in zip(*rows, strict=True)), strict=True)
        axes.plot(steps, middle, color=colour, label=f"{kind}, mean of {len(rows)} seeds")
        if len(rows) > 1:
            low, high = ([m + sign * h for m, h in zip(middle, half, strict=True)] for sign in (-1, 1))
            axes.fill_between(steps, low, high, color=colour, alpha=0.15)
    axes.set(title=title, xlabel="step", ylabel="held-out pass rate, %", ylim=(0, 100))
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("--seeds", type=int, default=3, help="how many (3)")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="for checkpoints; else a temporary one")
    parser.add_argument("--out", type=Path, help="writes OUT.json and OUT.png")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    folder = asked.folder or Path(tempfile.mkdtemp())
    results: list[Result] = []
    for seed in range(asked.seeds):
        began = time.monotonic()
        made = METHODS[asked.method](seed, asked.steps, folder / f"{asked.method}-{seed}")
        found = {"seed": seed, **summed_up(made.points), "seconds": round(time.monotonic() - began)}
        print(f"{asked.method}: {json.dumps(found)}", flush=True)
        points = [point.model_dump(include={"step", "kl", "proxy", "true"}) for point in made.points]
        results.append({**found, "points": points})
    gained = gains(results)
    for kind, (mean, half) in gained.items():
        print(f"{asked.method}: {kind} {mean:+.1f} ± {half:.1f} points over {len(results)} seeds")
    if asked.out:
        whole = {"method": asked.method, "steps": asked.steps, "gained": gained, "seeds": results}
        asked.out.with_suffix(".json").write_text(json.dumps(whole, indent=1), encoding="utf-8")
        draw(results, f"{asked.method}: sums of two numbers up to {LARGEST}", asked.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
