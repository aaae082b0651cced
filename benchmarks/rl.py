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

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.rl_arms import Case, Measured, run_ours, run_trl
from benchmarks.train import ROOT, make_model

ARMS = ("ours", "trl", "trl-16")
CASES = {"full": Case(64, None, 5.0), "early": Case(192, 40, 6.0)}


def make_case(case: Case, folder: Path) -> Path:
    """The case's model; its generation defaults name the tokens that end a completion."""
    make_model(case.shape, folder)
    if case.ends is not None:
        path = folder / "generation_config.json"
        settings = json.loads(path.read_text(encoding="utf-8"))
        ends = random.Random(0).sample(range(case.shape.vocabulary - 3), case.shape.vocabulary // case.ends)
        settings["eos_token_id"] = [settings["eos_token_id"], *ends]
        path.write_text(json.dumps(settings), encoding="utf-8")
    return folder


def arm_process(name: str, arm: str, threads: int, steps: int, folder: Path) -> Measured:
    """Runs one arm in a process of its own."""
    command = [sys.executable, __file__, "--arm", arm, "--case", name, "--steps", str(steps), "--folder", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} {arm} failed:\n{done.stderr[-3000:]}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def measure(name: str, arms: list[str], rounds: int, steps: int, threads: int) -> dict[str, list[Measured]]:
    """All arms of a case in turn, ``rounds`` times."""
    results: dict[str, list[Measured]] = {arm: [] for arm in arms}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_case(CASES[name], folder / "model")
        for _ in range(rounds):
            for arm in arms:
                results[arm].append(arm_process(name, arm, threads, steps, folder))
                print(f"{name} {arm}: {results[arm][-1]}", file=sys.stderr)
    return results


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


def one_arm(name: str, arm: str, steps: int, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as own:
        case, model = CASES[name], folder / "model"
        measured = (
            run_ours(case, steps, model, Path(own)) if arm == "ours" else run_trl(case, arm, steps, model, Path(own))
        )
    print(json.dumps(asdict(measured)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=CASES)
    parser.add_argument("--arms", action="append", choices=ARMS, help="only these")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--arm", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    names = args.case or list(CASES)
    if args.arm:
        one_arm(names[0], args.arm, args.steps, args.folder)
        return
    arms = args.arms or list(ARMS)
    results = {name: measure(name, arms, args.rounds, args.steps, args.threads) for name in names}
    if args.json:
        print(
            json.dumps({name: {a: [asdict(r) for r in rs] for a, rs in arms.items()} for name, arms in results.items()})
        )
        return
    print(
        "| case | arm | new tokens/s | of TRL's fastest | the same by CPU time | peak MB | of TRL's least | length "
        "| sampling s | verifying s | learning s |"
    )
    print("| --- " * 11 + "|")
    for name, found in results.items():
        print("\n".join(table(name, found)))
        if "ours" in found and len(found) > 1:
            print(f"(to be reached in {name}: {CASES[name].target:g} times TRL's)")


if __name__ == "__main__":
    main()
