"""Rows per second of a training step, and peak memory, beside TRL's, on models with random weights.

    python benchmarks/train.py [--case dpo-30m ...] [--rounds 3] [--steps 6] [--threads 2] [--json]

Every arm is a process of its own; arms take turns, and what is compared is the median over rounds of (rows per second
of an arm / of the fastest of TRL's arms in the same round), by the wall's clock, and by CPU time, which tells more
where other work shares the machine (with --threads 1). TRL's arms with the best options have bf16, no gradient
checkpointing and references precomputed, padded and unpadded; the defaults are its own but for the batch. The first
step of an arm is left out; a step's time holds everything from one step's end to the next one's.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.contest import Contest
from benchmarks.train_arms import ROWS, SHAPES, Case, Measured, make_model, make_rows, run_ours, run_trl

DPO_ARMS = ("ours", "trl", "trl-unpadded", "trl-defaults")
CASES = {
    "dpo-30m": Case("dpo", SHAPES["30m"], DPO_ARMS),
    "dpo-tiny": Case("dpo", SHAPES["tiny"], DPO_ARMS),
    "sft-30m": Case("sft", SHAPES["30m"], ("ours", "trl", "trl-packed")),
    "reward-30m": Case("reward", SHAPES["30m"], ("ours", "trl")),
}


def make(name: str, steps: int, folder: Path) -> None:
    """The case's model and rows."""
    make_model(CASES[name].shape, folder / "model")
    make_rows(CASES[name], ROWS * steps, folder / "rows.jsonl")


def run(name: str, arm: str, steps: int, folder: Path, own: Path) -> Measured:
    """One arm, on all rows that were made."""
    case, model, rows = CASES[name], folder / "model", folder / "rows.jsonl"
    return run_ours(case, model, rows, own) if arm == "ours" else run_trl(case, arm, model, rows, own)


def table(name: str, results: dict[str, list[Measured]]) -> Iterator[str]:
    best = [arm for arm in results if arm not in ("ours", "trl-defaults")] or list(results)
    peak = min(statistics.median(run.peak_mb for run in results[arm]) for arm in best)
    rounds = range(len(results[best[0]]))
    fastest = [max(results[arm][i].rows_per_second for arm in best) for i in rounds]
    thriftiest = [max(results[arm][i].rows_per_cpu_second for arm in best) for i in rounds]
    for arm, runs in results.items():
        speed = statistics.median(run.rows_per_second for run in runs)
        ratio = statistics.median(run.rows_per_second / fast for run, fast in zip(runs, fastest, strict=True))
        thrift = statistics.median(run.rows_per_cpu_second / most for run, most in zip(runs, thriftiest, strict=True))
        memory = statistics.median(run.peak_mb for run in runs)
        yield (
            f"| {name} | {arm} | {speed:.2f} | {ratio:.2f} | {thrift:.2f} | {memory:,.0f} | {memory / peak:.2f} | "
            f"{runs[0].first_loss:.4f} |"
        )


CONTEST = Contest(
    script=Path(__file__),
    about=__doc__,
    arms={name: case.arms for name, case in CASES.items()},
    steps=6,
    measured=Measured,
    make=make,
    run=run,
    columns=(
        "case",
        "arm",
        "rows/s",
        "of TRL's fastest",
        "the same by CPU time",
        "peak MB",
        "of TRL's least",
        "first loss",
    ),
    table=table,
)

if __name__ == "__main__":
    CONTEST.main()
