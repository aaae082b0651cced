"""New tokens per second of whole GRPO steps (sampling, verifying, learning), and peak memory, beside TRL's.

    python benchmarks/rl.py [--case full ...] [--rounds 3] [--steps 5] [--threads 2] [--json]

A Llama of about 30 million random weights (8 layers, hidden 512, vocabulary 8k), 8 prompts of 160 to 224 tokens a step
with 8 samples each. In ``full`` completions have 64 tokens; in ``early`` one token in 40 ends a completion, so that
they have 40 on average, and at most 192.

Every arm is a process of its own; arms take turns. TRL samples with transformers' ``generate`` and has its best
options: bf16, no gradient checkpointing, no KL term, all 64 samples in one batch or in batches of 16. Compared is the
median over rounds of (new tokens per second of an arm / of the fastest of TRL's arms in the same round), by the wall's
clock, and by CPU time, which tells more where other work shares the machine (with --threads 1). The first step of an
arm is left out. Rewards are the same cheap count of words. Reflexa measures no KL to the starting model either, and
reports the rest of its metrics.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.contest import Contest
from benchmarks.rl_arms import Case, Measured, run_ours, run_trl
from benchmarks.train_arms import make_model

ARMS = ("ours", "trl", "trl-16")
CASES = {"full": Case(64, None, 5.0), "early": Case(192, 40, 6.0)}


def make(name: str, steps: int, folder: Path) -> None:
    """The case's model; its generation defaults name the tokens that end a completion."""
    case = CASES[name]
    make_model(case.shape, folder / "model")
    if case.ends is not None:
        path = folder / "model" / "generation_config.json"
        settings = json.loads(path.read_text(encoding="utf-8"))
        ends = random.Random(0).sample(range(case.shape.vocabulary - 3), case.shape.vocabulary // case.ends)
        settings["eos_token_id"] = [settings["eos_token_id"], *ends]
        path.write_text(json.dumps(settings), encoding="utf-8")


def run(name: str, arm: str, steps: int, folder: Path, own: Path) -> Measured:
    """One arm's steps."""
    case, model = CASES[name], folder / "model"
    return run_ours(case, steps, model, own) if arm == "ours" else run_trl(case, arm, steps, model, own)


def table(name: str, results: dict[str, list[Measured]]) -> Iterator[str]:
    peers = [runs for arm, runs in results.items() if arm != "ours"] or list(results.values())
    rounds = range(len(peers[0]))
    fastest = [max(runs[i].tokens_per_second for runs in peers) for i in rounds]
    thriftiest = [max(runs[i].tokens_per_cpu_second for runs in peers) for i in rounds]
    least = min(statistics.median(run.peak_mb for run in runs) for runs in peers)
    for arm, runs in results.items():
        middle = {part: statistics.median(getattr(run, part) for run in runs) for part in asdict(runs[0])}
        ratio = statistics.median(run.tokens_per_second / most for run, most in zip(runs, fastest, strict=True))
        thrift = statistics.median(run.tokens_per_cpu_second / most for run, most in zip(runs, thriftiest, strict=True))
        yield (
            f"| {name} | {arm} | {middle['tokens_per_second']:.0f} | {ratio:.2f} | {thrift:.2f} | "
            f"{middle['peak_mb']:,.0f} | {middle['peak_mb'] / least:.2f} | {middle['length']:.1f} | "
            f"{middle['sampling']:.2f} | {middle['verifying']:.2f} | {middle['learning']:.2f} |"
        )
    if "ours" in results and len(results) > 1:
        yield f"(to be reached in {name}: {CASES[name].target:g} times TRL's)"


CONTEST = Contest(
    script=Path(__file__),
    about=__doc__,
    arms=dict.fromkeys(CASES, ARMS),
    steps=5,
    measured=Measured,
    make=make,
    run=run,
    columns=(
        "case",
        "arm",
        "new tokens/s",
        "of TRL's fastest",
        "the same by CPU time",
        "peak MB",
        "of TRL's least",
        "length",
        "sampling s",
        "verifying s",
        "learning s",
    ),
    table=table,
)

if __name__ == "__main__":
    CONTEST.main()
