"""Whether lessons of other tasks help a small model: first attempts with and without, several seeds, intervals.

    python benchmarks/memory_helps.py sums|mbpp|humaneval [--seeds 0,1,2] [--tasks 30] [--folder FOLDER]

The arms differ in nothing but their lessons:

- ``without``: none;
- ``own``: those that the model distilled by itself from a run of the training split (where it made any); HumanEval has
  none, so its lessons come from MBPP's;
- ``written``: a few written by hand, of the kind that a person would add with ``reflexa memory add``;
- ``placebo``: as many of about the same length, on matters that have nothing to do with the tasks. It spends the same
  tokens as ``written``, so that what these two differ by is what the lessons say.

Prints a row an arm, pooled over the seeds, with the paired difference to ``without`` and, for ``written``, to
``placebo`` at equal tokens; ``--output`` writes all of it as JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from reflexa.agent import BenchOptions, Workbench
from reflexa.agent.distilling import DistillConfig, Distiller
from reflexa.evaluation import paired_bootstrap, wilson
from reflexa.evaluation.statistics import mcnemar
from reflexa.lessons import Lesson, new_lesson_id
from reflexa.memory import Store
from reflexa.tasks import Suite, load_suite, select
from reflexa.types import MemoryScope, RunConfig

SUMS = "reasoning-gym:chain_sum,min_terms=2,max_terms=2,min_digits=1,max_digits=2,size=500,shots=2"
TRAIN_TASKS, CALLS = 16, 2
TEMPERATURE = 0.7
NEW_TOKENS = {"sums": 8, "mbpp": 160, "humaneval": 200}
WRITTEN = {
    "sums": (
        "State the final answer of an arithmetic problem as one number, and add no words to it.",
        "In an arithmetic problem add the tens first, then the ones, and carry.",
        "When a problem has a minus, the answer is smaller than its first number.",
    ),
    "mbpp": (
        "Write the Python function with exactly the name that the tests call.",
        "A Python function that is to give a result must return it: printing is not enough.",
        "Think of the empty list and of the first and the last element when you write a Python function.",
    ),
}
WRITTEN["humaneval"] = WRITTEN["mbpp"]
PLACEBO = {
    "sums": (
        "State the final stop of a train journey as one place, and pack no more than it needs.",
        "In a winter garden plant the bulbs first, then the seeds, and cover.",
        "When a problem has a river, the bridge is nearer than its first ford.",
    ),
    "mbpp": (
        "Write the letter to the council with exactly the title that the form asks.",
        "A garden party function that is to please guests must serve tea: biscuits are not enough.",
        "Think of the empty chair and of the first and the last guest when you set a table.",
    ),
}
PLACEBO["humaneval"] = PLACEBO["mbpp"]
Result = dict[str, Any]


def held_out_suite(kind: str, mbpp: Path | None) -> Suite:
    named = {"sums": SUMS, "mbpp": "mbpp", "humaneval": "humaneval"}[kind]
    return load_suite(named, split="test", data=mbpp if kind == "mbpp" else None)


def training_suite(kind: str, mbpp: Path | None) -> Suite:
    return load_suite(SUMS, split="train") if kind == "sums" else load_suite("mbpp", split="train", data=mbpp)


def written(texts: Iterable[str], name: str) -> list[Lesson]:
    return [Lesson(id=new_lesson_id(), text=text, suite=name, trust="checked", policy="a person") for text in texts]


def config(of: Suite, seed: int, memory: MemoryScope, new_tokens: int) -> RunConfig:
    return RunConfig(
        suite=of.name,
        split=of.split,
        model="embedded",
        strategy="none",
        attempts=1,
        temperature=TEMPERATURE,
        max_new_tokens=new_tokens,
        seed=seed,
        memory=memory,
        task_ids=tuple(task.id for task in of.tasks),
        suite_digest=of.digest,
    )


def solved(bench: Workbench, of: Suite, asked: RunConfig) -> tuple[list[bool], int]:
    """Which tasks a run solves, in the suite's order, and the tokens that it takes."""
    run = bench.store.create_run(asked)
    outcome = bench.execute(run, of)
    if outcome.status != "finished":
        raise SystemExit(f"the run ended as {outcome.status}: {outcome.detail}")
    by_id = {episode.task.id: episode for episode in bench.store.episodes(run.id)}
    episodes = [by_id[task.id] for task in of.tasks]
    return [episode.solved for episode in episodes], sum(episode.usage.tokens for episode in episodes)


def distilled(bench: Workbench, train: Suite, seed: int, new_tokens: int) -> Result:
    """Lessons that the model makes of its own run; they stay in the store. Returns what became of its replies."""
    asked = config(train, seed, "episode", new_tokens)
    run = bench.store.create_run(asked)
    bench.execute(run, train)
    policy = bench.policy("embedded")
    found = Distiller(bench.store, policy, DistillConfig(groups=CALLS, max_new_tokens=120)).distill(run)
    texts = [bench.store.find_lesson(lesson_id).text for lesson_id in found.tally.lessons]
    return {"calls": found.calls, **found.tally.model_dump(exclude={"lessons"}), "lessons": texts}


def arm(database: Path, of: Suite, seed: int, lessons: list[Lesson], new_tokens: int) -> tuple[list[bool], int]:
    """One run in a database of its own, with these lessons."""
    memory: MemoryScope = "all" if lessons else "episode"
    with Store.open(database) as store, Workbench(store, BenchOptions(concurrency=4, context=2048)) as bench:
        store.add_lessons(lessons)
        return solved(bench, of, config(of, seed, memory, new_tokens))


def measure(kind: str, seeds: list[int], tasks: int, data: Path | None, folder: Path) -> Result:
    held_out = select(held_out_suite(kind, data), limit=str(tasks))
    train = select(training_suite(kind, data), limit=str(TRAIN_TASKS))
    task_suite = held_out.tasks[0].suite
    with Store.open(folder / f"{kind}-train.db") as store:
        with Workbench(store, BenchOptions(concurrency=4, context=2048)) as bench:
            learnt = distilled(bench, train, seeds[0], NEW_TOKENS[kind])
        own = store.lessons(status="active")
    note(f"distilled: {learnt}")
    arms = {"without": [], "own": own, "written": written(WRITTEN[kind], task_suite)}
    arms["placebo"] = written(PLACEBO[kind], task_suite)
    outcomes: dict[str, list[bool]] = {}
    tokens: dict[str, int] = {}
    for name, lessons in arms.items():
        if name == "own" and not own:
            continue
        outcomes[name], tokens[name] = [], 0
        for seed in seeds:
            database = folder / f"{kind}-{name}-{seed}.db"
            right, spent = arm(database, held_out, seed, lessons, NEW_TOKENS[kind])
            outcomes[name] += right
            tokens[name] += spent
            note(f"{kind}, {name}, seed {seed}: {sum(right)}/{len(right)}, {spent} tokens")
    return {
        "suite": task_suite,
        "tasks": tasks,
        "seeds": seeds,
        "distilled": learnt,
        "arms": {name: row(outcomes, tokens, name) for name in outcomes},
    }


def row(outcomes: dict[str, list[bool]], tokens: dict[str, int], name: str) -> Result:
    right = outcomes[name]
    found: Result = {
        "solved": sum(right),
        "n": len(right),
        "ci95": wilson(sum(right), len(right)),
        "tokens": tokens[name],
    }
    for other in ("without", "placebo"):
        if name not in ("without", "placebo") or (name == "placebo" and other == "without"):
            found[f"against {other}"] = held_against(outcomes[other], right)
    return found


def held_against(before: list[bool], after: list[bool]) -> Result:
    pairs = list(zip(before, after, strict=True))
    differences = [float(b) - float(a) for a, b in pairs]
    test = mcnemar(pairs.count((True, False)), pairs.count((False, True)))
    return {
        "difference": sum(differences) / len(differences),
        "ci95": paired_bootstrap(differences),
        "mcnemar_p": test.p,
    }


def note(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def show(found: Result) -> None:
    print(f"{found['suite']}: {found['tasks']} held-out tasks, seeds {found['seeds']}, first attempts")
    print(f"distilled by the model itself: {len(found['distilled']['lessons'])} lessons")
    for name, each in found["arms"].items():
        low, high = each["ci95"]
        said = [f"{each['solved']}/{each['n']}", f"[{100 * low:.0f}–{100 * high:.0f}] %", f"{each['tokens']:,} tokens"]
        for other in ("without", "placebo"):
            if held := each.get(f"against {other}"):
                low, high = held["ci95"]
                said.append(
                    f"{100 * held['difference']:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}] against {other}, "
                    f"p = {held['mcnemar_p']:.3g}"
                )
        print(f"{name:9} {' · '.join(said)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", choices=tuple(NEW_TOKENS))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--tasks", type=int, default=30, help="held-out tasks")
    parser.add_argument("--data", type=Path, help="where mbpp is read from")
    parser.add_argument("--folder", type=Path, default=Path("memory-helps"))
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    seeds = [int(seed) for seed in given.seeds.split(",")]
    found = measure(given.suite, seeds, given.tasks, given.data, given.folder)
    show(found)
    if given.output is not None:
        given.output.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
