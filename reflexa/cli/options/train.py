"""What ``reflexa train`` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.options.shared import DatabaseOption, JsonOption, OutFolderOption, SandboxOption, WeakOption

ONLINE = "Learning on tasks"


@dataclass(frozen=True)
class TrainOptions:
    """What was asked for; None and empty mean that it was not."""

    what: Annotated[
        str,
        typer.Argument(
            metavar="ALGORITHM|RECIPE",
            help="On rows: sft, cpt, reward, orm, prm, dpo, ipo, kto, orpo, simpo. On tasks: grpo, dr-grpo, dapo, "
            "gspo, rloo, reinforce++, ppo, reflect-retry. Or a recipe (TOML, or its name).",
        ),
    ]
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="MODEL", help="embedded (the default), gguf:FILE, a checkpoint or hub name."),
    ] = None
    data: Annotated[
        list[str] | None,
        typer.Option("--data", metavar="FILE", help="Rows, JSONL or Parquet; may be given several times."),
    ] = None
    held_out: Annotated[
        list[str] | None,
        typer.Option(
            "--held-out", metavar="FILE", help="Rows that are only scored; the best checkpoint is best there."
        ),
    ] = None
    out: OutFolderOption = None
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, metavar="N", help="Times over the rows (1).")] = None
    steps: Annotated[int | None, typer.Option("--steps", min=1, metavar="N", help="End after so many steps.")] = None
    batch: Annotated[int | None, typer.Option("--batch", min=1, metavar="N", help="Rows a step (8).")] = None
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", metavar="X", help="Its highest value (1e-5).")
    ] = None
    lora: Annotated[
        int | None, typer.Option("--lora", min=1, metavar="RANK", help="Train low-rank adapters alone.")
    ] = None
    max_length: Annotated[
        int | None, typer.Option("--max-length", min=2, metavar="N", help="Longest row in tokens (the context).")
    ] = None
    seed: Annotated[int | None, typer.Option("--seed", min=0, metavar="N", help="Orders the rows (0).")] = None
    set: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other setting: options.beta=0.2, optimizer.clip=0.5."),
    ] = None
    track: Annotated[
        str | None,
        typer.Option("--track", metavar="NAME", help="Also tell tensorboard, trackio or wandb, where it is installed."),
    ] = None
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint of the same run.")] = False
    select: Annotated[
        bool,
        typer.Option("--select", help="Leave the model that is best on what is held out, instead of the last one."),
    ] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and stop.")] = False
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            metavar="NAME|FILE",
            help="The suite to learn on; with rows, the one that judges checkpoints.",
            rich_help_panel=ONLINE,
        ),
    ] = None
    split: Annotated[
        str | None,
        typer.Option("--split", metavar="NAME", help="What is learnt from (train).", rich_help_panel=ONLINE),
    ] = None
    held_out_split: Annotated[
        str | None,
        typer.Option(
            "--held-out-split",
            metavar="NAME",
            help="What is measured at each checkpoint; else nothing is (with rows: test).",
            rich_help_panel=ONLINE,
        ),
    ] = None
    verifier: Annotated[
        str | None,
        typer.Option(
            "--verifier",
            metavar="NAME",
            help="The reward; else the suite's own judge (with rows: the proxy; else the objective).",
            rich_help_panel=ONLINE,
        ),
    ] = None
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, metavar="N", help="The first N training tasks.", rich_help_panel=ONLINE),
    ] = None
    held_out_limit: Annotated[
        int | None,
        typer.Option(
            "--held-out-limit", min=1, metavar="N", help="The first N held-out tasks.", rich_help_panel=ONLINE
        ),
    ] = None
    prompts: Annotated[
        int | None, typer.Option("--prompts", min=1, metavar="N", help="Tasks a step (8).", rich_help_panel=ONLINE)
    ] = None
    samples: Annotated[
        int | None,
        typer.Option("--samples", min=1, metavar="N", help="Answers to each task (8).", rich_help_panel=ONLINE),
    ] = None
    max_new_tokens: Annotated[
        int | None,
        typer.Option(
            "--max-new-tokens",
            min=1,
            metavar="N",
            help="Tokens that one answer may have (256).",
            rich_help_panel=ONLINE,
        ),
    ] = None
    sandbox: SandboxOption = None
    allow_weak_sandbox: WeakOption = False
    json: JsonOption = False
    database: DatabaseOption = None
