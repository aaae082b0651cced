"""From what was asked for to what will be run: a new run's configuration, or a recorded one's, unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from reflexa.agent import NO_LESSONS, STRATEGIES, Cluster, Limits, baseline_of, require_ray
from reflexa.cli.failures import DONE
from reflexa.cli.models import resolve_model
from reflexa.cli.output import emit, emit_json
from reflexa.cli.session import Session, suite_reference
from reflexa.cli.text import one_line
from reflexa.errors import ConfigError, UsageError, unknown_name
from reflexa.lessons import TEST_SPLITS
from reflexa.tasks import Suite, select
from reflexa.types import FeedbackSource, MemoryScope, RunConfig, RunRecord, SandboxLevel, ToolForm
from reflexa.verifiers import list_verifiers, load_constitution, own_file

if TYPE_CHECKING:
    from reflexa.cli.options.run import RunOptions
    from reflexa.memory import Store

_FIELDS = {
    "model": "model",
    "reflector": "reflector_model",
    "tester": "tester_model",
    "strategy": "strategy",
    "judge_model": "judge_model",
    "feedback": "feedback",
    "attempts": "attempts",
    "reflections": "reflections",
    "temperature": "temperature",
    "max_new_tokens": "max_new_tokens",
    "tools": "tools",
    "memory": "memory",
    "explore": "explore",
    "lesson_tokens": "lesson_tokens",
    "embedder": "embedder",
    "sandbox": "sandbox",
}
"""Options that settings may give too, and what these and the run's configuration call them."""
_LEVELS: tuple[SandboxLevel, ...] = get_args(SandboxLevel)
"""The strongest first."""


@dataclass(frozen=True)
class Plan:
    """What will be run. ``run`` is the record of a run that is resumed; ``baseline`` what to hold against it; with
    ``distill`` its episodes become lessons."""

    config: RunConfig
    suite: Suite
    run: RunRecord | None = None
    baseline: str | None = None
    distill: bool = False


def flags(options: RunOptions) -> Mapping[str, Any]:
    """The options that are settings, under the settings' names; None was not given."""
    given = {field: getattr(options, option) for option, field in _FIELDS.items()}
    means = ("concurrency", "api_base", "max_cost", "max_tokens", "max_seconds")
    return {
        **given,
        **{name: getattr(options, name) for name in means},
        "allow_weak_sandbox": options.allow_weak_sandbox or None,
        "database_url": options.database,
    }


def check_names(options: RunOptions) -> None:
    """Raises ``UsageError`` before anything is opened: for names that do not exist, with near matches, and for options
    that exclude each other."""
    if options.join is not None and (options.resume is not None or options.baseline is not None or options.distill):
        raise UsageError(
            "--join works on a run together with others: leave out --resume, which wants it alone, and --baseline and "
            "--distill, which are for the one who started it"
        )
    cluster(options)
    known: tuple[tuple[str, str | None, tuple[str, ...]], ...] = (
        ("strategy", options.strategy, tuple(STRATEGIES)),
        ("baseline", options.baseline, (*STRATEGIES, NO_LESSONS)),
        ("sandbox level", options.sandbox, _LEVELS),
        ("form of tool calls", options.tools, get_args(ToolForm)),
        ("memory", options.memory, get_args(MemoryScope)),
    )
    for what, name, names in known:
        if name is not None and name not in names:
            raise unknown_name(what, name, names)


def new_plan(options: RunOptions, session: Session) -> Plan:
    """The plan of a new run. Raises ``UsageError``, with near matches for unknown names."""
    if options.task is None:
        raise UsageError("which tasks? name a suite: reflexa run --task humaneval (`reflexa tasks list` shows all)")
    settings = session.settings
    if settings.strategy not in STRATEGIES:
        raise unknown_name("strategy", settings.strategy, STRATEGIES)
    _check_verifiers(settings.feedback, options.verifier, session)
    _check_memory(options, settings.memory)
    split = options.split or "test"
    whole = session.load_suite(options.task, split, options.data)
    suite = select(whole, limit=options.limit, only=options.only or ())
    values = {field: getattr(settings, field) for field in _FIELDS.values()}
    for field in ("model", "reflector_model", "tester_model", "judge_model"):
        values[field] = values[field] and resolve_model(values[field], session)
    values["attempts"] = STRATEGIES[settings.strategy]().limit(settings.attempts)
    config = RunConfig(
        suite=suite_reference(options.task),
        split=split,
        data=None if options.data is None else str(Path(options.data).expanduser().resolve()),
        judge=options.verifier,
        constitution=_constitution(options.constitution, settings.strategy, session),
        task_ids=tuple(task.id for task in suite.tasks),
        seed=options.seed or 0,
        suite_digest=whole.digest,
        **values,
    )
    return _checked(Plan(config, suite, baseline=options.baseline, distill=options.distill))


def _checked(plan: Plan) -> Plan:
    """The plan. Raises ``UsageError`` for a baseline that is the run itself, and for lessons from a test split."""
    if plan.baseline == NO_LESSONS and not plan.config.recalls_lessons:
        raise UsageError(f"the run recalls no lessons, and neither does its baseline {NO_LESSONS}: add --memory suite")
    if plan.distill and plan.config.split in TEST_SPLITS:
        raise UsageError(
            f"the split {plan.config.split!r} is for measuring, and what was learnt from it measures nothing: leave "
            "--distill out, or run another split, as with --split train"
        )
    return plan


def _check_memory(options: RunOptions, memory: MemoryScope) -> None:
    """Raises ``UsageError`` for options about lessons of other tasks where the run recalls none."""
    asked = {"--explore": options.explore, "--lesson-tokens": options.lesson_tokens}
    given = [flag for flag, value in asked.items() if value]
    if given and memory not in ("suite", "all"):
        raise UsageError(
            f"{' and '.join(given)}: with memory {memory!r} a run has no lessons of other tasks: add --memory suite"
        )


def _check_verifiers(feedback: str, judge: str | None, session: Session) -> None:
    """Raises ``UsageError`` for sources of feedback and verifiers that do not exist."""
    known = {info.name for info in list_verifiers(session.workspace.root)}
    sources = get_args(FeedbackSource)
    if feedback not in sources and feedback.partition(":")[0] not in known and feedback not in known:
        raise unknown_name("feedback", feedback, [*sources, *known])
    if judge is not None and judge.partition(":")[0] not in known and judge not in known:
        raise unknown_name("verifier", judge, known)


def _constitution(name: str | None, strategy: str, session: Session) -> str | None:
    """A constitution as a run records it: a file in full, or a name of the workspace. Raises ``UsageError``."""
    if name is None:
        return None
    if strategy != "constitutional":
        raise UsageError(f"the strategy {strategy} follows no constitution: add --strategy constitutional")
    load_constitution(own_file("constitution", name, session.workspace.root))
    return _recorded(name)


def _recorded(name: str | None) -> str | None:
    """A file's name in full, for runs are resumed from any folder; other names as they are."""
    path = Path(name or "").expanduser()
    return str(path.resolve()) if path.is_file() else name


def resumed_plan(options: RunOptions, session: Session, store: Store) -> Plan:
    """The plan of a recorded run, to be resumed or joined.

    Raises ``ConfigError`` where an option or the suite differs from what it was.
    """
    run = store.find_run(options.known_run or "")
    config = run.config
    whole = session.load_suite(config.suite, config.split, config.data)
    if whole.digest != config.suite_digest:
        raise ConfigError(
            f"the suite {config.suite} has changed since run {run.id} was started (digest {config.suite_digest[:12]}, "
            f"now {whole.digest[:12]}): start a new run, or bring the suite back to what it was"
        )
    differences = _differences(options, run, whole)
    if differences:
        verb = "join" if options.join else "resume"
        raise ConfigError(
            f"run {run.id} was started with another configuration: {'; '.join(differences)}. "
            f"Leave these options out to go on with it, or start a new run without --{verb}"
        )
    chosen = select(whole, only=config.task_ids)
    return _checked(Plan(config, chosen, run=run, baseline=options.baseline, distill=options.distill))


def show_plan(plan: Plan, options: RunOptions) -> int:
    """The resolved configuration, as the run would record it."""
    if options.json:
        emit_json(plan.config)
        return DONE
    shown = plan.config.model_dump(exclude={"task_ids"})
    width = max(len(name) for name in shown)
    emit("\n".join(f"{name.ljust(width)}  {'–' if value is None else value}" for name, value in shown.items()))
    emit(f"{'tasks'.ljust(width)}  {len(plan.suite.tasks)}: {_first_ids(plan)}")
    return DONE


def _first_ids(plan: Plan, shown: int = 5) -> str:
    ids = [one_line(task.id, 40) for task in plan.suite.tasks]
    return ", ".join(ids[:shown]) + (" …" if len(ids) > shown else "")


def baseline_plan(plan: Plan, run: RunRecord, strategy: str, store: Store) -> Plan:
    """The baseline's plan; where ``run`` has one that is not done, or is, that one goes on."""
    steps = max((task.play.steps for task in plan.suite.tasks if task.play is not None), default=1)
    config = baseline_of(run.config, strategy, steps)
    known = (record for record in store.list_runs() if record.baseline_of == run.id and record.config == config)
    return Plan(config, plan.suite, run=next(known, None))


def cluster(options: RunOptions) -> Cluster | None:
    """Where the run is fanned out, if it is. Raises ``UsageError`` for what is no cluster, and without Ray."""
    if options.on is None:
        if options.workers is not None:
            raise UsageError("--workers counts the processes of --on: add --on ray")
        return None
    kind, _, address = options.on.partition(":")
    if kind != "ray":
        raise unknown_name("place to run on", kind, ("ray",))
    require_ray()
    return Cluster(address=address or None, workers=options.workers or 0)


def limits(session: Session) -> Limits:
    settings = session.settings
    return Limits(cost_usd=settings.max_cost, tokens=settings.max_tokens, seconds=settings.max_seconds)


def _differences(options: RunOptions, run: RunRecord, whole: Suite) -> list[str]:
    """What was asked for and is not what the run was started with, each with both values."""
    config = run.config
    asked: dict[str, tuple[object, object]] = {
        f"--{option.replace('_', '-')}": (getattr(config, field), getattr(options, option))
        for option, field in _FIELDS.items()
        if option != "sandbox"
    }
    asked["--task"] = (config.suite, suite_reference(options.task) if options.task else None)
    asked["--split"] = (config.split, options.split)
    asked["--verifier"] = (config.judge, options.verifier)
    asked["--constitution"] = (config.constitution, _recorded(options.constitution))
    asked["--data"] = (config.data, None if options.data is None else str(Path(options.data).expanduser().resolve()))
    asked["--seed"] = (config.seed, options.seed)
    asked["--name"] = (run.name, options.name)
    found = [
        f"{flag} was {'not given' if old is None else old}, now {new}"
        for flag, (old, new) in asked.items()
        if new is not None and new != old
    ]
    if options.limit is not None or options.only:
        chosen = tuple(task.id for task in select(whole, limit=options.limit, only=options.only or ()).tasks)
        if chosen != config.task_ids:
            found.append(
                f"--limit and --only chose {len(config.task_ids)} tasks, now {len(chosen)} that are not the same"
            )
    if options.sandbox is not None and config.sandbox is not None and _stronger(options.sandbox, config.sandbox):
        found.append(f"--sandbox was {config.sandbox}, now {options.sandbox}")
    return found


def _stronger(asked: str, had: str) -> bool:
    names = [str(level) for level in _LEVELS]
    return names.index(asked) < names.index(had)
