"""Carries out ``reflexa improve``: sets the circle up, shows its steps, prints its ledger."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from reflexa.agent import BenchOptions
from reflexa.cli.failures import BUDGET, DONE
from reflexa.cli.models import resolve_model
from reflexa.cli.output import emit, emit_json, note
from reflexa.cli.session import Session, suite_reference
from reflexa.cli.text import aligned, count, one_line, plural, seconds
from reflexa.cli.training.recipes import assigned, explain
from reflexa.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from reflexa.cli.options.improve import ImproveOptions
    from reflexa.improve import ImproveConfig, Ledger, Round
    from reflexa.memory import Store


def start(options: ImproveOptions) -> int:
    """Goes round the circle, or on with one. Returns the exit code."""
    weak = options.allow_weak_sandbox or None
    session = Session.here({"database_url": options.database, "sandbox": options.sandbox, "allow_weak_sandbox": weak})
    try:
        from reflexa.improve import Circle, Ledger, Suites
    except ModuleNotFoundError as error:
        raise MissingExtraError("improving a model", "train") from error
    with session.open_store() as store:
        if options.resume is not None:
            ledger = _with_budget(Ledger.model_validate(store.find_improvement(options.resume)), options)
        else:
            ledger = Ledger(id=f"i{secrets.token_hex(4)}", config=_config(options, session), created=time.time())
        config = ledger.config
        suites = Suites(
            session.load_suite(config.suite, config.train_split, config.data),
            session.load_suite(config.suite, config.held_out_split, config.data),
        )
        circle = Circle(store, suites, _bench(options, session), lambda now: _save(store, now), note)
        try:
            ledger = circle.run(ledger)
        except BaseException:
            note(f"what was done is kept; to go on: reflexa improve --resume {ledger.id}")
            raise
    if options.json:
        emit_json(ledger)
    else:
        emit(_table(ledger))
    if ledger.status == "budget":
        note(f"to go on: reflexa improve --resume {ledger.id}, with more of --budget or --hours")
        return BUDGET
    return DONE


def _with_budget(ledger: Ledger, options: ImproveOptions) -> Ledger:
    """The ledger of a circle that goes on, with the budget that is given now."""
    given = {"budget": options.budget, "hours": options.hours}
    update = {name: value for name, value in given.items() if value is not None}
    return ledger.model_copy(update={"config": ledger.config.model_copy(update=update)})


def _config(options: ImproveOptions, session: Session) -> ImproveConfig:
    from reflexa.improve import ImproveConfig, find_method
    from reflexa.models.local.dequantised import checkpoint_of

    if options.task is None:
        raise UsageError("which tasks? name a suite with a training split: reflexa improve --task gsm8k")
    method = find_method(options.method)
    folder = session.workspace.root / "training" / "runs"
    output = Path(options.out) if options.out else folder / f"{method.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    settings: dict[str, Any] = {"seed": options.seed, **assigned(options.set or ())}
    try:
        return ImproveConfig(
            suite=suite_reference(options.task),
            model=checkpoint_of(resolve_model(options.model or session.settings.model, session)),
            method=method.name,
            output=output.expanduser().resolve(),
            rounds=options.rounds,
            samples=options.samples,
            temperature=options.temperature,
            thresholds=tuple(options.threshold or ()),
            cap=options.cap,
            train=settings,
            train_split=options.split,
            held_out_split=options.held_out,
            limit=options.limit,
            held_out_limit=options.held_out_limit,
            feedback=options.feedback,
            reward=options.reward,
            judge=options.verifier,
            data=None if options.data is None else str(Path(options.data).expanduser().resolve()),
            max_new_tokens=options.max_new_tokens,
            strict=options.strict,
            budget=options.budget,
            hours=options.hours,
            seed=options.seed,
        )
    except ValidationError as error:
        raise explain(error) from None


def _bench(options: ImproveOptions, session: Session) -> BenchOptions:
    return BenchOptions(
        concurrency=options.concurrency,
        sandbox=session.settings.sandbox,
        allow_weak_sandbox=session.settings.allow_weak_sandbox,
        sandbox_prefix=session.sandbox_prefix,
        workspace=session.workspace.root,
    )


def _save(store: Store, ledger: Ledger) -> None:
    store.record_improvement(ledger.id, ledger.created, ledger.model_dump(mode="json"))


_HEAD = ("round", "learnt from", "held out", "difference", "p", "best of n", "p", "canary", "")


def _table(ledger: Ledger) -> str:
    """The ledger: each round beside the champion of then, and beside its best of n answers at equal tokens."""
    rows: list[tuple[str, ...]] = [_HEAD, ("0", "", _percent(ledger.base), "", "", "", "", "", "the first model")]
    rows += [_row(each) for each in ledger.rounds]
    lines = [
        f"improvement {ledger.id}: {ledger.config.suite} · {ledger.config.method}",
        aligned(rows, right=(0, 1, 2, 3, 4, 5, 6)),
    ]
    lines += [f"round {each.number}: {one_line(each.why)}" for each in ledger.rounds if not each.promoted and each.why]
    last = ledger.rounds[-1] if ledger.rounds else None
    if last is not None and last.rival is not None and last.rival.rate is not None:
        lines.append(
            f"best of {last.rival.samples}: the champion with the new model's tokens, {last.rival.chosen}; all that "
            f"round {last.number} sampled would have paid for the best of {last.rival.affordable:,}"
        )
    if last is not None and last.canary is not None and last.canary.proxy is None:
        lines.append(last.canary.words)
    lines.append(f"{count(ledger.sampled)} tokens sampled in {seconds(ledger.seconds)}")
    lines.append(f"champion: {ledger.champion}")
    return "\n".join(lines)


def _row(each: Round) -> tuple[str, ...]:
    rival = each.rival
    return (
        str(each.number),
        _learnt(each),
        _percent(each.held_out),
        "" if each.difference is None else f"{100 * each.difference:+.1f} points",
        _p(each.p),
        "" if rival is None or rival.rate is None else f"{_percent(rival.rate)} (n = {rival.samples})",
        "" if rival is None else _p(rival.p),
        _canary(each),
        "promoted" if each.promoted else "not promoted",
    )


def _canary(each: Round) -> str:
    if each.canary is None:
        return ""
    if each.canary.tripped:
        return "TRIPPED"
    return "quiet" if each.canary.proxy else "none"


def _learnt(each: Round) -> str:
    if each.rows is not None:
        return plural(each.rows, "row")
    return "" if each.grown is None else f"reward {each.grown:.2f}"


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"
