"""What ``reflexa export`` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.options.shared import DatabaseOption, JsonOption


@dataclass(frozen=True)
class ExportVerbOptions:
    """Which rows, of what, in which form."""

    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", help="sft, reflections, hindsight, preferences, unpaired, steps or rankings."),
    ]
    run: Annotated[
        list[str] | None,
        typer.Option("--run", metavar="RUN", help="Attempts of this run; may be given several times. Without: all."),
    ] = None
    suite: Annotated[str | None, typer.Option("--suite", metavar="NAME", help="Attempts at this suite's tasks.")] = None
    split: Annotated[str, typer.Option("--split", metavar="NAME", help="Attempts at tasks of this split.")] = "train"
    min_score: Annotated[
        float | None,
        typer.Option("--min-score", min=0.0, max=1.0, metavar="S", help="An answer is good from this score on."),
    ] = None
    without_memory: Annotated[
        bool, typer.Option("--without-memory", help="Write the task's own prompt: no reflection stands in it.")
    ] = False
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels", metavar="all|NAME", help="Order answers by AI preferences (`reflexa label`): preferences."
        ),
    ] = None
    dedupe: Annotated[bool, typer.Option("--dedupe", help="Write equal rows once.")] = False
    limit_per_task: Annotated[
        int | None, typer.Option("--limit-per-task", min=1, metavar="N", help="At most N rows a task, the best ones.")
    ] = None
    format: Annotated[
        str, typer.Option("--format", metavar="NAME", help="trl, openai, or reflexa: with the lineage in each row.")
    ] = "trl"
    plain: Annotated[bool, typer.Option("--plain", help="Plain text in place of chat messages.")] = False
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            metavar="NAME",
            help="Write what is refused otherwise: test-split, contamination, oracle, gameable, weak-sandbox, broken, "
            "secrets; may be given several times.",
        ),
    ] = None
    held_out: Annotated[
        list[str] | None,
        typer.Option(
            "--held-out",
            metavar="NAME|FILE",
            help="No row may resemble this suite's test prompts, nor those of the runs' suites and of the database.",
        ),
    ] = None
    out: Annotated[
        str | None,
        typer.Option("-o", "--out", metavar="FILE", help="A .jsonl or .parquet file. Without: KIND.jsonl."),
    ] = None
    json: JsonOption = False
    database: DatabaseOption = None
