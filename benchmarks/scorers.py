"""What trained scorers learn: which step of a sum is the first wrong one, and which of two sums is right.

    python benchmarks/scorers.py [--seeds 3] [--rows 3000] [--json]

A tiny Llama first reads right sums (continued pre-training): a first number, then five steps like ``7+3=0``, additions
modulo 10 of 1, 2 or 3. On it a process reward model learns from sums labelled up to their first wrong step, and a
reward model from pairs of a right sum and one with a wrong step. Both are saved, loaded back and asked about sums drawn
anew. Chance is one in six for the first wrong step (five steps, or none), and one in two for a pair.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

STEPS = 5
ASKED = 300


@dataclass(frozen=True)
class Learnt:
    """How many of those asked a seed's scorers told right, and the seconds of its three trainings."""

    seed: int
    first_wrong: int
    pairs: int
    asked: int
    seconds: float


def make_sum(draw: random.Random, wrong: int | None) -> tuple[str, list[str]]:
    """A prompt and its steps, of which ``wrong`` (from 0) is the wrong one; what follows goes on from its result."""
    total = draw.randrange(10)
    prompt, steps = f"Add up from {total}:\n", []
    for index in range(STEPS):
        digit = draw.randrange(1, 4)
        result = (total + digit + (draw.randrange(1, 10) if index == wrong else 0)) % 10
        steps.append(f"{total}+{digit}={result}")
        total = result
    return prompt, steps


def make_base(folder: Path, seed: int) -> Path:
    """A Llama of 0.8 million random weights that reads bytes."""
    import torch
    import transformers

    from tests.support.tiny_models import make_checkpoint, vocabulary

    make_checkpoint(folder)
    torch.manual_seed(seed)
    hf: Any = transformers
    config = hf.LlamaConfig(
        vocab_size=len(vocabulary()),
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        eos_token_id=2,
        bos_token_id=1,
        pad_token_id=0,
    )
    hf.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def texts(draw: random.Random, count: int) -> list[dict[str, Any]]:
    sums = (make_sum(draw, None) for _ in range(count))
    return [{"text": prompt + "\n".join(steps)} for prompt, steps in sums]


def labelled(draw: random.Random, count: int) -> list[dict[str, Any]]:
    """Sums up to their first wrong step, as people label them: what follows it is neither right nor wrong."""
    rows = []
    for _ in range(count):
        wrong = draw.choice([None, *range(STEPS)])
        prompt, steps = make_sum(draw, wrong)
        seen = STEPS if wrong is None else wrong + 1
        labels = [index != wrong for index in range(seen)]
        rows.append({"prompt": prompt, "completions": steps[:seen], "labels": labels})
    return rows


def pairs(draw: random.Random, count: int) -> list[dict[str, Any]]:
    """A right sum and a wrong one from the same number."""
    rows = []
    for _ in range(count):
        prompt, right = make_sum(draw, None)
        while True:
            other, wrong = make_sum(draw, draw.randrange(STEPS))
            if other == prompt:
                break
        rows.append({"prompt": prompt, "chosen": "\n".join(right), "rejected": "\n".join(wrong)})
    return rows


def trained(algorithm: str, base: Path, rows: Sequence[dict[str, Any]], epochs: int, seed: int) -> Path:
    """The model that the rows make of the base."""
    from reflexa.training.api import train
    from reflexa.training.config import BatchConfig, OptimizerConfig, TrainConfig

    folder = Path(tempfile.mkdtemp(dir=base.parent))
    data = folder / "rows.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    config = TrainConfig(
        algorithm=algorithm,
        model=str(base),
        data=(data,),
        output=folder / "out",
        epochs=epochs,
        seed=seed,
        batch=BatchConfig(rows=32),
        optimizer=OptimizerConfig(learning_rate=3e-3 if algorithm == "cpt" else 1e-3),
    )
    return train(config).model


def learn(seed: int, rows: int, folder: Path) -> Learnt:
    from reflexa.models.local.scorer import LocalScorer

    draw, began = random.Random(seed), time.monotonic()
    base = trained("cpt", make_base(folder / "base", seed), texts(draw, 2 * rows), 5, seed)
    process = LocalScorer(str(trained("prm", base, labelled(draw, rows), 5, seed)))
    reward = LocalScorer(str(trained("reward", base, pairs(draw, rows), 5, seed)))
    seconds = time.monotonic() - began
    found = 0
    for _ in range(ASKED):
        wrong = draw.choice([None, *range(STEPS)])
        scores = process.step_scores(*make_sum(draw, wrong))
        found += wrong == next((index for index, score in enumerate(scores) if score < 0.5), None)
    unseen = pairs(draw, ASKED)
    chosen = reward.score([(row["prompt"], row["chosen"]) for row in unseen])
    rejected = reward.score([(row["prompt"], row["rejected"]) for row in unseen])
    told = sum(better > worse for better, worse in zip(chosen, rejected, strict=True))
    return Learnt(seed, found, told, ASKED, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    from reflexa.evaluation.statistics import wilson

    results = []
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            results.append(learn(seed, options.rows, Path(folder)))
        last = results[-1]
        if not options.json:
            for what, right in (("first wrong step", last.first_wrong), ("pairs", last.pairs)):
                low, high = wilson(right, last.asked)
                print(f"seed {seed}: {what} {right / last.asked:.3f} [{low:.3f}, {high:.3f}] of {last.asked}")
            print(f"seed {seed}: trained in {last.seconds:.0f} s")
    if options.json:
        print(json.dumps([asdict(result) for result in results]))


if __name__ == "__main__":
    main()
