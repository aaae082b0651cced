"""What ``reflexa run`` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from reflexa.cli.options.shared import (
    BOUNDS,
    MEANS,
    ApiOption,
    AttemptsOption,
    ConcurrencyOption,
    ContextOption,
    DatabaseOption,
    DataOption,
    JsonOption,
    JudgeOption,
    RangeOption,
    SandboxOption,
    WeakOption,
)

_MODELS = "Models and prompts"


def _models(flag: str, help_text: str, **more: Any) -> Any:
    return typer.Option(flag, help=help_text, rich_help_panel=_MODELS, **more)


def _bounds(flag: str, help_text: str, **more: Any) -> Any:
    return typer.Option(flag, help=help_text, rich_help_panel=BOUNDS, **more)


def _means(flag: str, help_text: str, **more: Any) -> Any:
    return typer.Option(flag, help=help_text, rich_help_panel=MEANS, **more)


@dataclass(frozen=True)
class RunOptions:
    """What was asked for; None and empty mean that it was not."""

    task: Annotated[
        str | None,
        typer.Option("--task", metavar="NAME|FILE", help="The suite, or a JSONL file in HumanEval's columns."),
    ] = None
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="embedded (the default), gguf:FILE, hf:REPO, any litellm name, scripted:FILE, replay:RUN.",
        ),
    ] = None
    strategy: Annotated[
        str | None,
        typer.Option(
            "--strategy",
            metavar="NAME",
            help="reflexion (the default), retry, none, last-attempt, last-attempt+reflexion, best-of-n, refine, "
            "constitutional.",
        ),
    ] = None
    attempts: AttemptsOption = None
    limit: RangeOption = None
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ID", help="This task; may be given several times.")
    ] = None
    feedback: Annotated[
        str | None,
        typer.Option(
            "--feedback",
            metavar="SOURCE",
            help="What the agent sees: auto, visible, self-tests, oracle, or a verifier's name.",
        ),
    ] = None
    verifier: JudgeOption = None
    data: DataOption = None
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="NAME",
            help="Then run this strategy with as many calls, or the same one with no-lessons, and compare.",
        ),
    ] = None
    distill: Annotated[
        bool, typer.Option("--distill", help="In the end make lessons of it, for other tasks of the suite.")
    ] = False
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Go on with a run that was stopped.")
    ] = None
    join: Annotated[
        str | None,
        typer.Option("--join", metavar="RUN", help="Work on a run together with others, on this or other machines."),
    ] = None
    name: Annotated[str | None, typer.Option("--name", metavar="TEXT", help="A name for the run.")] = None
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be run, and stop.")] = False
    json: JsonOption = False

    split: Annotated[str | None, _models("--split", "The suite's split (test).", metavar="NAME")] = None
    reflector: Annotated[
        str | None, _models("--reflector", "The model that reflects, where it is another.", metavar="MODEL")
    ] = None
    tester: Annotated[
        str | None, _models("--tester", "The model that writes tests, where it is another.", metavar="MODEL")
    ] = None
    judge_model: Annotated[
        str | None,
        _models("--judge-model", "The model of verifiers that are models, where it is another.", metavar="MODEL"),
    ] = None
    constitution: Annotated[
        str | None,
        _models("--constitution", "What the strategy constitutional follows, where it is another.", metavar="FILE"),
    ] = None
    reflections: Annotated[
        int | None, _models("--reflections", "Reflections kept in the prompt (3).", min=0, metavar="N")
    ] = None
    temperature: Annotated[
        float | None,
        _models(
            "--temperature", "For all calls; else the strategy's own: 0 first, 0.8 for retries.", min=0, metavar="T"
        ),
    ] = None
    max_new_tokens: Annotated[
        int | None, _models("--max-new-tokens", "Tokens that one answer may have (512).", min=1, metavar="N")
    ] = None
    tools: Annotated[
        str | None,
        _models("--tools", "How tools are called: natively where the model can (auto), native, text.", metavar="FORM"),
    ] = None
    memory: Annotated[
        str | None,
        _models(
            "--memory",
            "What prompts remember: none, the episode's own reflections (episode), and the suite's lessons (suite), "
            "or all lessons (all).",
            metavar="SCOPE",
        ),
    ] = None
    explore: Annotated[
        float | None,
        _models("--explore", "Leave out this share of the lessons, to learn their worth (0).", min=0, metavar="SHARE"),
    ] = None
    lesson_tokens: Annotated[
        int | None, _models("--lesson-tokens", "Tokens that a prompt's lessons may take (400).", min=1, metavar="N")
    ] = None
    embedder: Annotated[
        str | None,
        _models(
            "--embedder", "Find lessons by vectors too: none, wordllama, litellm:MODEL or st:MODEL.", metavar="NAME"
        ),
    ] = None
    seed: Annotated[int | None, _models("--seed", "Seeds every call (0).", metavar="N")] = None

    max_cost: Annotated[float | None, _bounds("--max-cost", "Dollars for the whole run.", metavar="USD")] = None
    max_tokens: Annotated[
        int | None, _bounds("--max-tokens", "Tokens for the whole run, prompts and answers.", metavar="N")
    ] = None
    max_seconds: Annotated[float | None, _bounds("--max-seconds", "Time for the whole run.", metavar="S")] = None

    on: Annotated[
        str | None,
        _means(
            "--on", "Fan out over a Ray cluster: one on this machine, or one at this address.", metavar="ray[:ADDRESS]"
        ),
    ] = None
    workers: Annotated[
        int | None, _means("--workers", "Processes of --on (2; of a cluster, one a machine).", min=1, metavar="N")
    ] = None
    concurrency: ConcurrencyOption = None
    sandbox: SandboxOption = None
    allow_weak_sandbox: WeakOption = False
    api_base: ApiOption = None
    context: ContextOption = None
    database: DatabaseOption = None

    @property
    def known_run(self) -> str | None:
        """The run to go on with; None where a new one is asked for."""
        return self.resume or self.join
