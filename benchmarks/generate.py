"""Tokens per CPU-second of the local engines, against transformers' ``generate`` on the same weights.

    python benchmarks/generate.py [--checkpoint] [--rounds 3] [--new-tokens 64] [--json]

The embedded model on llama.cpp: both engines answer the same chat prompts with 1, 8 and 16 tasks under way. With
``--checkpoint`` instead the local engine for checkpoints, on the GGUF's weights dequantised once into safetensors in
the user's cache: 96 calls, 32 under way, with prompts and answers of unequal length; transformers takes them in batches
of 32, padded, and a batch ends when its last row does. The tokens counted are those of the answers alone.

Engines run in processes of their own, in turn; CPU time is that of all threads, prompts included. llama.cpp and the
local engine run as ``--model`` runs them, called from as many threads as there are tasks; transformers runs in bf16
with its default threads.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from reflexa.models.embedded import embedded_path
from reflexa.models.gguf.policy import GgufPolicy
from reflexa.models.local.dequantised import dequantised
from reflexa.models.options import PolicyOptions
from reflexa.types import Message, Sampling

TASKS = (1, 8, 16)
TARGETS = {1: 5.0, 32: 2.0}
"""Times transformers' tokens per CPU-second that are to be reached, by tasks under way."""
UNDER_WAY, CALLS = 32, 96
WORDS = (5, 120)


def messages(task: int) -> list[Message]:
    return [Message(role="user", content=f"Write a long story about a fox and its {task + 2} friends.")]


def measure_gguf(new_tokens: int) -> dict[int, float]:
    """Tokens per CPU-second by number of tasks under way."""
    rates = {}
    for tasks in TASKS:
        policy = GgufPolicy(embedded_path(), PolicyOptions(slots=tasks, context=512))
        sampling = Sampling(max_tokens=new_tokens)

        def ask(task: int, policy: GgufPolicy = policy, sampling: Sampling = sampling) -> int:
            return policy.generate(messages(task), sampling)[0].usage.output_tokens

        began = time.process_time()
        with ThreadPoolExecutor(tasks) as pool:
            made = sum(pool.map(ask, range(tasks)))
        rates[tasks] = made / (time.process_time() - began)
        policy.close()
    return rates


def measure_transformers(new_tokens: int) -> dict[int, float]:
    """The same of plain ``generate``, one padded batch of all tasks."""
    import torch
    import transformers

    hf: Any = transformers
    folder = dequantised(embedded_path())
    tokenizer = hf.AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = hf.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    rates = {}
    for tasks in (TASKS[0], *TASKS):
        chats = [[message.model_dump() for message in messages(task)] for task in range(tasks)]
        texts = [tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) for chat in chats]
        batch = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
        began = time.process_time()
        # Equal lengths are the best case for a padded batch: no finished row is carried along.
        model.generate(**batch, do_sample=False, min_new_tokens=new_tokens, max_new_tokens=new_tokens)
        rates[tasks] = tasks * new_tokens / (time.process_time() - began)
    return rates


def unequal(new_tokens: int) -> list[tuple[list[Message], int]]:
    """Calls with the most tokens of their answers: from an eighth of ``new_tokens`` to twice as many."""
    draw = random.Random(0)
    calls = []
    for _ in range(CALLS):
        names = " ".join(draw.choice(("fox", "owl", "hare", "wolf", "mole")) for _ in range(draw.randint(*WORDS)))
        asked = Message(role="user", content=f"Write a long story about these friends: {names}.")
        calls.append(([asked], draw.randint(new_tokens // 8, 2 * new_tokens)))
    return calls


def measure_local(new_tokens: int) -> dict[int, float]:
    """Tokens per CPU-second of calls of unequal length."""
    from reflexa.models.local.policy import LocalPolicy

    policy = LocalPolicy(str(dequantised(embedded_path())), PolicyOptions(slots=UNDER_WAY, context=1024))

    def ask(call: tuple[list[Message], int]) -> int:
        return policy.generate(call[0], Sampling(max_tokens=call[1]))[0].usage.output_tokens

    calls = unequal(new_tokens)
    ask((calls[0][0], 2))
    began = time.process_time()
    with ThreadPoolExecutor(UNDER_WAY) as pool:
        made = sum(pool.map(ask, calls))
    rate = made / (time.process_time() - began)
    policy.close()
    return {UNDER_WAY: rate}


def measure_batches(new_tokens: int) -> dict[int, float]:
    """The same of plain ``generate``, in padded batches; a row's answer ends at its own limit or with its end."""
    import torch
    import transformers

    hf: Any = transformers
    folder = dequantised(embedded_path())
    tokenizer = hf.AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = hf.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()

    def answered(calls: list[tuple[list[Message], int]]) -> int:
        chats = [[message.model_dump() for message in asked] for asked, _ in calls]
        texts = [tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) for chat in chats]
        batch = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
        start, limits = batch["input_ids"].shape[1], torch.tensor([limit for _, limit in calls])

        def ended(ids: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
            return torch.le(limits, ids.shape[1] - start)

        made = model.generate(
            **batch,
            do_sample=False,
            max_new_tokens=int(limits.max()),
            stopping_criteria=hf.StoppingCriteriaList([ended]),
        )[:, start:]
        ends = (made == tokenizer.eos_token_id).int()
        lengths = torch.where(ends.any(1), ends.argmax(1) + 1, made.shape[1])
        return int(torch.minimum(lengths, limits).sum())

    calls = unequal(new_tokens)
    answered([(calls[0][0], 2)])
    began = time.process_time()
    made = sum(answered(calls[start : start + UNDER_WAY]) for start in range(0, CALLS, UNDER_WAY))
    return {UNDER_WAY: made / (time.process_time() - began)}


Engine = Callable[[int], dict[int, float]]
PEER = "transformers"
ENGINES: dict[str, Engine] = {"llama.cpp": measure_gguf, PEER: measure_transformers}
CHECKPOINT_ENGINES: dict[str, Engine] = {"local": measure_local, PEER: measure_batches}


def in_a_process(engine: str, options: argparse.Namespace) -> dict[int, float]:
    command = [sys.executable, __file__, "--engine", engine, "--new-tokens", str(options.new_tokens)]
    command += ["--checkpoint"] if options.checkpoint else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{engine} failed:\n{done.stderr}")
    rates: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {int(tasks): rate for tasks, rate in rates.items()}


def report(rounds: list[dict[str, dict[int, float]]], engine: str) -> list[dict[str, float]]:
    """A row for each number of tasks: median rates and the median of the rounds' ratios."""
    rows = []
    for tasks in rounds[0][engine]:
        ours, theirs = ([one[name][tasks] for one in rounds] for name in (engine, PEER))
        rows.append(
            {
                "tasks": tasks,
                engine: round(statistics.median(ours), 1),
                PEER: round(statistics.median(theirs), 1),
                "ratio": round(statistics.median(one / other for one, other in zip(ours, theirs, strict=True)), 2),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", action="store_true", help="the engine for checkpoints instead of llama.cpp")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--engine", choices={*ENGINES, *CHECKPOINT_ENGINES}, help="measure one once, in this process")
    options = parser.parse_args()
    engines = CHECKPOINT_ENGINES if options.checkpoint else ENGINES
    if options.engine:
        print(json.dumps(engines[options.engine](options.new_tokens)))
        return
    rounds = [{engine: in_a_process(engine, options) for engine in engines} for _ in range(options.rounds)]
    engine = next(iter(engines))
    rows = report(rounds, engine)
    if options.json:
        print(json.dumps({"rounds": options.rounds, "targets": TARGETS, "tokens_per_cpu_second": rows}))
        return
    print(f"tasks  {engine:>9}  {PEER}  ratio   (tokens per CPU-second)")
    for row in rows:
        print(f"{row['tasks']:5.0f}  {row[engine]:9.1f}  {row[PEER]:12.1f}  {row['ratio']:5.2f}")


if __name__ == "__main__":
    main()
