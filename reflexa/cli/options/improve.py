"""What ``reflexa improve`` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.options.shared import DatabaseOption, DataOption, JsonOption, JudgeOption, SandboxOption, WeakOption


@dataclass(frozen=True)
class ImproveOptions:
    """What was asked for; None and empty mean that it was not."""

    task: Annotated[
        str | None, typer.Option("--task", metavar="NAME|FILE", help="The suite; it needs a training split.")
    ] = None
    model: Annotated[
        str | None, typer.Option("--model", metavar="MODEL", help="Where to begin: embedded, a checkpoint, a hub name.")
    ] = None
    method: Annotated[
        str,
        typer.Option(
            "--method", metavar="NAME", help="rest-em, rest, rejection-sampling, reflexion+sft, reflexion+dpo, rlvr, …"
        ),
    ] = "rest-em"
    rounds: Annotated[int, typer.Option("--rounds", min=1, metavar="N", help="Times round (3).")] = 3
    samples: Annotated[int, typer.Option("--samples", min=1, metavar="N", help="Attempts at a training task (8).")] = 8
    cap: Annotated[int, typer.Option("--cap", min=1, metavar="N", help="Rows kept of a task (4).")] = 4
    threshold: Annotated[
        list[float] | None,
        typer.Option("--threshold", metavar="S", help="Score that a round keeps from; once a round. Without: passed."),
    ] = None
    limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="The first N training tasks.")] = None
    held_out_limit: Annotated[
        int | None, typer.Option("--held-out-limit", min=1, metavar="N", help="The first N held-out tasks.")
    ] = None
    split: Annotated[str, typer.Option("--split", metavar="NAME", help="What is learnt from (train).")] = "train"
    held_out: Annotated[str, typer.Option("--held-out", metavar="NAME", help="What is only measured (test).")] = "test"
    temperature: Annotated[
        float, typer.Option("--temperature", min=0.0, metavar="T", help="Of the attempts at training tasks (1).")
    ] = 1.0
    max_new_tokens: Annotated[
        int, typer.Option("--max-new-tokens", min=1, metavar="N", help="Tokens that one answer may have (256).")
    ] = 256
    feedback: Annotated[
        str, typer.Option("--feedback", metavar="SOURCE", help="As for run (auto); oracle is allowed here.")
    ] = "auto"
    verifier: JudgeOption = None
    reward: Annotated[
        str | None,
        typer.Option("--reward", metavar="NAME", help="The verifier that decides what is learnt; else the judge."),
    ] = None
    strict: Annotated[
        bool, typer.Option("--strict", help="Promote only what also beats the champion's best of as many tokens.")
    ] = False
    budget: Annotated[
        int | None, typer.Option("--budget", min=1, metavar="N", help="No further round once N tokens were sampled.")
    ] = None
    hours: Annotated[
        float | None, typer.Option("--hours", min=0.0, metavar="H", help="No further round once H hours were spent.")
    ] = None
    data: DataOption = None
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seeds every call and the training (0).")] = 0
    set: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of the training: optimizer.learning_rate=1e-4."),
    ] = None
    out: Annotated[
        str | None,
        typer.Option("-o", "--out", metavar="FOLDER", help="For rows and checkpoints; else in training/runs/."),
    ] = None
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="ID", help="Go on with a circle that was stopped.")
    ] = None
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, metavar="N", help="Tasks at once (16).")] = 16
    json: JsonOption = False
    sandbox: SandboxOption = None
    allow_weak_sandbox: WeakOption = False
    database: DatabaseOption = None
