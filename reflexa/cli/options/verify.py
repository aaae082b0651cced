"""What ``reflexa verify`` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.options.shared import JsonOption, SandboxOption, WeakOption


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
    verifier: Annotated[
        str | None, typer.Option("--verifier", metavar="NAME", help="The judge, in place of the suite's own.")
    ] = None
    judge_model: Annotated[
        str | None, typer.Option("--judge-model", metavar="MODEL", help="The model, where the judge is one.")
    ] = None
    data: Annotated[
        str | None, typer.Option("--data", metavar="FILE", help="Read a built-in suite's tasks from this file.")
    ] = None
    split: Annotated[str, typer.Option("--split", metavar="NAME", help="The suite's split.")] = "test"
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.1, metavar="S", help="Seconds that the tests of one answer get.")
    ] = None
    json: JsonOption = False
    sandbox: SandboxOption = None
    allow_weak_sandbox: WeakOption = False
