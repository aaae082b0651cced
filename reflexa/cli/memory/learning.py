"""What is learnt across tasks: lessons made of a run, what they were worth, whether memory helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reflexa.agent import NO_LESSONS, BenchOptions, Limits, Workbench
from reflexa.agent.budget import Budget
from reflexa.agent.distilling import DistillConfig, Distiller
from reflexa.cli.failures import DONE
from reflexa.cli.options.run import RunOptions
from reflexa.cli.output import emit, emit_json
from reflexa.cli.runs.ended import distilled_lines
from reflexa.cli.runs.running import start
from reflexa.cli.session import Session, open_store
from reflexa.cli.text import aligned, one_line
from reflexa.errors import unknown_name
from reflexa.evaluation.worth import Share, Worth, worth

if TYPE_CHECKING:
    from reflexa.cli.options.learning import AuditOptions, DistillOptions, UtilityOptions
    from reflexa.memory import Store

ALLOWANCES = ("test-split",)


def distil(options: DistillOptions) -> int:
    """``reflexa memory distill``."""
    for name in options.allow or ():
        if name not in ALLOWANCES:
            raise unknown_name("allowance", name, ALLOWANCES)
    session = Session.here(
        {
            "database_url": options.database,
            "api_base": options.api_base,
            "max_tokens": options.max_tokens,
            "max_cost": options.max_cost,
        }
    )
    settings = session.settings
    given = BenchOptions(concurrency=1, api_base=settings.api_base)
    if options.context is not None:
        given = given.model_copy(update={"context": options.context})
    with session.open_store() as store, Workbench(store, given) as bench:
        run = store.find_run(options.run)
        policy = bench.policy(options.model or run.config.reflector_model or run.config.model)
        config = DistillConfig(groups=options.limit, test_split="test-split" in (options.allow or ()))
        budget = Budget(Limits(cost_usd=settings.max_cost, tokens=settings.max_tokens, seconds=settings.max_seconds))
        found = Distiller(store, policy, config, budget).distill(run)
        made = [store.find_lesson(lesson_id) for lesson_id in found.tally.lessons]
    if options.json:
        emit_json({**found.model_dump(), "made": [lesson.model_dump() for lesson in made]})
        return DONE
    emit(distilled_lines(found))
    for lesson in made:
        emit(f"  {lesson.id}  {one_line(lesson.text, 120)}")
    return DONE


def show_worth(options: UtilityOptions) -> int:
    """``reflexa memory utility``."""
    with open_store(options.database) as store:
        found = _worth(store, options.suite)[: options.limit]
    if options.json:
        emit_json([each.model_dump() for each in found])
        return DONE
    if not found:
        emit("no lesson was recalled yet: reflexa run --memory suite --explore 0.1 shows some, and leaves a share out")
        return DONE
    rows: list[tuple[str, ...]] = [
        ("lesson", "status", "runs", "solved with it", "without it", "difference", "odds ratio", "P(helps)", "text")
    ]
    rows += [(each.id[:9], each.status, *_figures(each), one_line(each.text, 60)) for each in found]
    emit(aligned(rows, right=(2, 5, 7)))
    return DONE


def _worth(store: Store, suite: str | None) -> list[Worth]:
    """The lessons that were ever recalled, those first of which most is known."""
    lessons = store.recalled_lessons(suite=suite)
    outcomes = store.lesson_trials([lesson.id for lesson in lessons])
    found = [worth(lesson, outcomes[lesson.id]) for lesson in lessons]
    return sorted(found, key=lambda each: (-min(each.shown.n, each.left_out.n), -each.shown.n, each.id))


def _figures(found: Worth) -> tuple[str, ...]:
    """What was counted, and what follows; no more than dashes where nothing was left out by lot."""
    if not found.runs:
        return ("0", *["–"] * 5)
    low, high = found.ci95
    return (
        str(found.runs),
        _share(found.shown),
        _share(found.left_out),
        f"{100 * found.difference:+.0f}",
        f"{found.odds_ratio:.3g} [{low:.3g}–{high:.3g}]",
        f"{found.helps:.3f}",
    )


def _share(share: Share) -> str:
    """``12/20, 59 %``: what was counted, and the rate that the runs average to."""
    return f"{share.solved}/{share.n}, {100 * share.rate:.0f} %"


def audit(options: AuditOptions) -> int:
    """``reflexa memory audit``: a run with lessons of other tasks, and the same one without."""
    if options.memory not in ("suite", "all"):
        raise unknown_name("memory", options.memory, ("suite", "all"))
    return start(RunOptions(**vars(options), baseline=NO_LESSONS))
