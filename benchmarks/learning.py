"""Whether training makes models better: before and after, held out, several seeds, with pictures of the curves.

    python benchmarks/learning.py rest-em|dpo [--seeds 0,1] [--folder FOLDER]

- ``rest-em``: two rounds of ReST-EM on a procedural suite. Its first round is SFT on the model's own passing answers.
- ``dpo``: DPO on failed and passed answers of the same tasks, from the attempts of a run.

Prints a row a seed, and writes OUT.json and OUT.png, which needs matplotlib.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reflexa.agent import BenchOptions, Workbench
from reflexa.evaluation import compare
from reflexa.export import ExportOptions, Measuring, export_rows
from reflexa.improve import Circle, ImproveConfig, Ledger, Suites
from reflexa.memory import Store
from reflexa.models.local.dequantised import checkpoint_of
from reflexa.tasks import Suite, load_suite
from reflexa.training.api import train
from reflexa.training.config import BatchConfig, OptimizerConfig, TrainConfig
from reflexa.types import RunConfig

SUITE = "reasoning-gym:chain_sum,min_terms=2,max_terms=2,min_digits=1,max_digits=2,size={size},shots=2"
TRAIN_TASKS, HELD_OUT_TASKS, SAMPLES, NEW_TOKENS = 500, 300, 4, 8
TEMPERATURE = 0.7
Result = dict[str, Any]


def splits() -> Suites:
    """The training and the held-out split of the procedural suite."""
    return Suites(_suite("train", TRAIN_TASKS), _suite("test", HELD_OUT_TASKS))


def _suite(split: str, size: int) -> Suite:
    return load_suite(SUITE.format(size=size), split=split)


def rest_em(seed: int, folder: Path) -> Result:
    """Held-out pass rate before, after SFT on the model's own passing answers, and after another round."""
    config = ImproveConfig(
        suite=SUITE.format(size=TRAIN_TASKS),
        model=checkpoint_of("embedded"),
        method="rest-em",
        output=folder,
        rounds=2,
        samples=SAMPLES,
        temperature=TEMPERATURE,
        max_new_tokens=NEW_TOKENS,
        seed=seed,
        train={"seed": seed, "epochs": 3, "batch": {"rows": 8}, "optimizer": {"learning_rate": 3e-5}},
    )
    with Store.open(folder / "learning.db") as store:
        circle = Circle(store, splits(), BenchOptions(concurrency=64), lambda ledger: None, note)
        ledger = circle.run(Ledger(id=f"i{seed}", config=config, created=time.time()))
    return {
        "before": ledger.base,
        "rounds": [
            each.model_dump(include={"rows", "grown", "held_out", "difference", "ci95", "p", "promoted"})
            for each in ledger.rounds
        ],
        "curves": {
            f"round {each.number}": losses(folder / f"round-{each.number}") for each in ledger.rounds if each.training
        },
    }


def dpo(seed: int, folder: Path) -> Result:
    """Held-out pass rate before and after DPO on fail and pass pairs of the model's own attempts."""
    model, suites, options = checkpoint_of("embedded"), splits(), BenchOptions(concurrency=64)
    with Store.open(folder / "learning.db") as store, Workbench(store, options) as bench:

        def run(name: str, suite: Suite, attempts: int, temperature: float | None) -> str:
            return recorded_run(bench, suite, run_config(suite, name, attempts, temperature, NEW_TOKENS, seed))

        before = run(model, suites.held_out, 1, None)
        grown = run(model, suites.train, SAMPLES, TEMPERATURE)
        wanted = ExportOptions(kind="preferences", runs=(grown,), split="train", dedupe=True, limit_per_task=8)
        card = export_rows(store, wanted, folder / "pairs.jsonl", measuring=Measuring(suites.held_out.tasks))
        note(f"{card.rows} pairs")
        made = train(
            TrainConfig(
                algorithm="dpo",
                model=model,
                data=(folder / "pairs.jsonl",),
                output=folder / "dpo",
                seed=seed,
                epochs=6,
                batch=BatchConfig(rows=8),
                optimizer=OptimizerConfig(learning_rate=2e-5),
                options={"beta": 0.1},
            ),
            tell,
        )
        after = run(str(made.model), suites.held_out, 1, None)
        records = [(store.find_run(each), list(store.episodes(each))) for each in (before, after)]
        found = compare(*records)
    return {
        "before": found.a.rate,
        "after": found.b.rate,
        "difference": found.difference,
        "ci95": found.ci95,
        "p": found.mcnemar.p,
        "pairs": card.rows,
        "curves": {"dpo": losses(folder / "dpo")},
    }


def recorded_run(bench: Workbench, suite: Suite, config: RunConfig) -> str:
    """The id of a run that has been made."""
    record = bench.store.create_run(config)
    bench.prepare(config, suite)
    bench.execute(record, suite)
    return record.id


def run_config(
    suite: Suite, model: str, attempts: int, temperature: float | None, new_tokens: int, seed: int
) -> RunConfig:
    """One attempt at each task, or several whatever came of the first."""
    return RunConfig(
        suite=suite.name,
        split=suite.split,
        model=model,
        strategy="best-of-n" if attempts > 1 else "none",
        attempts=attempts,
        temperature=temperature,
        max_new_tokens=new_tokens,
        seed=seed,
    )


def losses(folder: Path) -> list[float]:
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["loss"] for line in lines]


def note(words: str) -> None:
    sys.stderr.write(f"{words}\n")


def tell(report: Any) -> None:
    if report.step % 10 == 0 or report.step == report.steps:
        note(f"step {report.step}/{report.steps} loss {report.loss:.4f}")


def draw_curves(results: dict[int, Result], title: str, path: Path) -> None:
    """The training losses of every seed."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.5), layout="constrained")
    for seed, result in results.items():
        for name, losses in result["curves"].items():
            axes.plot(range(1, len(losses) + 1), losses, label=f"{name}, seed {seed}", linewidth=1)
    axes.set(title=title, xlabel="step", ylabel="training loss")
    axes.legend(fontsize=7)
    figure.savefig(path, dpi=150)


EXPERIMENTS: dict[str, Callable[[int, Path], Result]] = {"rest-em": rest_em, "dpo": dpo}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("experiment", choices=EXPERIMENTS)
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--folder", type=Path, required=True, help="for checkpoints, rows and the database")
    parser.add_argument("--out", type=Path, help="writes OUT.json and OUT.png")
    asked = parser.parse_args()
    results: dict[int, Result] = {}
    for seed in map(int, asked.seeds.split(",")):
        folder = asked.folder / asked.experiment / str(seed)
        folder.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        results[seed] = EXPERIMENTS[asked.experiment](seed, folder)
        results[seed]["seconds"] = round(time.monotonic() - began)
        shown = {name: value for name, value in results[seed].items() if name != "curves"}
        print(f"{asked.experiment} seed {seed}: {json.dumps(shown)}", flush=True)
    if asked.out:
        asked.out.with_suffix(".json").write_text(json.dumps(results, indent=1), encoding="utf-8")
        draw_curves(results, asked.experiment, asked.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
