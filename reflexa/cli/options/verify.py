"""What ``reflexa verify`` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.options.shared import DataOption, JsonOption, JudgeOption, SandboxOption, SplitOption, WeakOption


@dataclass(frozen=True)
class VerifyOptions:
    """Which answers to which tasks."""

    file: Annotated[
        str, typer.Argument(metavar="FILE", help='JSONL rows {"task_id", "completion"} or {"task_id", "solution"}.')
    ]
    task: Annotated[
        str | None,
        typer.Option("--task", metavar="NAME|FILE", help="The suite, or a JSONL file in HumanEval's columns."),
    ] = None
    verifier: JudgeOption = None
    judge_model: Annotated[
        str | None, typer.Option("--judge-model", metavar="MODEL", help="The model, where the judge is one.")
    ] = None
    data: DataOption = None
    split: SplitOption = "test"
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.1, metavar="S", help="Seconds that the tests of one answer get.")
    ] = None
    json: JsonOption = False
    sandbox: SandboxOption = None
    allow_weak_sandbox: WeakOption = False
