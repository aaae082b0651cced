"""What ``reflexa label`` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.options.shared import DatabaseOption, JsonOption


@dataclass(frozen=True)
class LabelVerbOptions:
    """Which answers, compared by what and by whom."""

    run: Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs with several attempts at a task.")]
    constitution: Annotated[
        str | None,
        typer.Option(
            "--constitution", metavar="FILE", help="A constitution or rubric, or the name of one in the workspace."
        ),
    ] = None
    judge_model: Annotated[
        str | None, typer.Option("--judge-model", metavar="MODEL", help="The model that compares, where it is another.")
    ] = None
    likelihoods: Annotated[
        bool,
        typer.Option(
            "--likelihoods", help="Ask a local judge how likely it is to choose either answer, in place of a reply."
        ),
    ] = False
    principles: Annotated[
        int, typer.Option("--principles", min=1, metavar="N", help="Principles drawn for each pair.")
    ] = 1
    pairs: Annotated[int, typer.Option("--pairs", min=1, metavar="N", help="Pairs of answers to each task.")] = 1
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Draws pairs and principles.")] = 0
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", min=1, metavar="N", help="Comparisons under way at once.")
    ] = None
    json: JsonOption = False
    database: DatabaseOption = None
