"""One arm of ``benchmarks/train.py``: Reflexa's or TRL's trainer on a case, with what its steps took."""

from __future__ import annotations

import json
import random
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROWS = 8
PROMPT, COMPLETION = (160, 224), (32, 96)


@dataclass(frozen=True)
class Shape:
    """A Llama's size."""

    layers: int
    hidden: int
    vocabulary: int


@dataclass(frozen=True)
class Case:
    """What is trained on what, and the arms that take part. An arm's name is ``ours``, or TRL's with what it differs
    in.
    """

    algorithm: str
    shape: Shape
    arms: tuple[str, ...]


SHAPES = {"30m": Shape(8, 512, 8192), "tiny": Shape(4, 256, 32768)}


@dataclass(frozen=True)
class Measured:
    """One arm's run: rows per second by the wall and by the processor's clock, the process's peak memory, and its
    first step's loss.
    """

    rows_per_second: float
    rows_per_cpu_second: float
    peak_mb: float
    first_loss: float


@dataclass
class Clock:
    """Notes the ends of steps, by the wall's and by the processor's clock."""

    ends: list[tuple[float, float]] = field(default_factory=list)

    def tick(self) -> None:
        self.ends.append((time.perf_counter(), time.process_time()))

    def measured(self, rows: float, first_loss: float) -> Measured:
        """What steps of so many ``rows`` measured."""
        steps = [
            (wall - before[0], cpu - before[1]) for before, (wall, cpu) in zip(self.ends, self.ends[1:], strict=False)
        ]
        wall, cpu = (rows / statistics.median(step[index] for step in steps) for index in (0, 1))
        return Measured(wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, first_loss)


def make_model(shape: Shape, folder: Path) -> Path:
    """A Llama with random weights, and a tokenizer that reads one token a word."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {f"w{index}": index for index in range(shape.vocabulary - 3)}
    for special in ("<unk>", "<pad>", "<eos>"):
        words[special] = len(words)
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    hf: Any = transformers
    fast = hf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", eos_token="<eos>"
    )
    torch.manual_seed(0)
    config = hf.LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=3 * shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.hidden // 64,
        num_key_value_heads=shape.hidden // 64,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=words["<eos>"],
        pad_token_id=words["<pad>"],
    )
    hf.LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def make_rows(case: Case, rows: int, path: Path) -> Path:
    """Rows of random words. Words join their neighbours with a space, so that both sides read the same tokens."""
    draw = random.Random(0)

    def text(lengths: tuple[int, int]) -> str:
        return "".join(f"w{draw.randrange(case.shape.vocabulary - 3)} " for _ in range(draw.randint(*lengths)))

    with path.open("w", encoding="utf-8") as file:
        for _ in range(rows):
            row = {"prompt": text(PROMPT)}
            if case.algorithm == "sft":
                row["completion"] = text(COMPLETION)
            else:
                row |= {"chosen": text(COMPLETION), "rejected": text(COMPLETION)}
            file.write(json.dumps(row) + "\n")
    return path


def run_ours(case: Case, model: Path, data: Path, folder: Path) -> Measured:
    from reflexa.training.api import train
    from reflexa.training.config import BatchConfig, OptimizerConfig, TrainConfig

    clock = Clock()
    losses: list[float] = []

    def note(report: Any) -> None:
        clock.tick()
        losses.append(report.loss)

    config = TrainConfig(
        algorithm=case.algorithm,
        model=str(model),
        data=(data,),
        output=folder / "out",
        batch=BatchConfig(rows=ROWS),
        optimizer=OptimizerConfig(learning_rate=1e-6),
    )
    train(config, note)
    # The last step's time holds the checkpoint.
    clock.ends.pop()
    return clock.measured(ROWS, losses[0])


def run_trl(case: Case, arm: str, model: Path, data: Path, folder: Path) -> Measured:
    import datasets
    import transformers

    hf: Any = transformers
    trainer_type, settings = _trl(case.algorithm, arm)
    clock = Clock()
    losses: list[float] = []

    class Note(hf.TrainerCallback):  # type: ignore[misc]  # transformers is untyped
        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.tick()

        def on_log(self, _: Any, __: Any, ___: Any, logs: dict[str, float], **____: Any) -> None:
            losses.extend([logs["loss"]] if "loss" in logs else [])

    rows = datasets.load_dataset("json", data_files=str(data), split="train", cache_dir=str(folder / "cache"))
    args = settings(
        output_dir=str(folder / "out"),
        learning_rate=1e-6,
        num_train_epochs=1,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )
    network = str(model)
    trainer = trainer_type(model=network, args=args, train_dataset=rows, callbacks=[Note()])
    trainer.train()
    # Packed rows: as many rows went through a step as there are rows per step.
    return clock.measured(len(rows) / len(clock.ends), losses[0])


def _trl(algorithm: str, arm: str) -> tuple[Any, Callable[..., Any]]:
    """A trainer's type, and its configuration's with this arm's options."""
    import trl as library

    trl: Any = library

    defaults = {"per_device_train_batch_size": ROWS}
    best = {**defaults, "bf16": True, "gradient_checkpointing": False}
    options: dict[str, Any] = defaults if arm == "trl-defaults" else best
    if algorithm == "dpo":
        if arm != "trl-defaults":
            options |= {"precompute_ref_log_probs": True, "precompute_ref_batch_size": ROWS}
        options |= {"padding_free": True} if arm == "trl-unpadded" else {}
        return trl.DPOTrainer, lambda **more: trl.DPOConfig(**options, **more)
    if algorithm == "sft":
        if arm == "trl-packed":
            options |= {"packing": True, "max_length": 512, "per_device_train_batch_size": ROWS // 2}
        return trl.SFTTrainer, lambda **more: trl.SFTConfig(**options, **more)
    return trl.RewardTrainer, lambda **more: trl.RewardConfig(**options, **more)
