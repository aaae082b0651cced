"""What is proved of a new model: its held-out score, against the champion and against the champion's best of several
answers, and that it does not game its verifier.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reflexa.evaluation import RunSummary, compare
from reflexa.improve.canary import watch
from reflexa.improve.config import ImproveConfig, Ledger, Rival, Round
from reflexa.improve.workshop import Workshop
from reflexa.types import Episode, RunConfig
from reflexa.verifiers import list_verifiers

LEAST_SAMPLES = 2
"""A best of one would be the champion itself."""


def measure_first(shop: Workshop, ledger: Ledger) -> Ledger:
    """The held-out score of the first model."""
    if ledger.base is not None:
        return ledger
    config = ledger.config
    run = shop.recorded(ledger.base_run, f"{ledger.id}-before", _config(shop, config, config.model, "none", 1))
    ledger = shop.saved(ledger.model_copy(update={"base_run": run.id}))
    summary = shop.carry_out(run, shop.held_out_suite(config))
    shop.say(f"before: {config.model} solves {100 * _rate(summary):.1f} % of the held-out tasks")
    return shop.saved(ledger.model_copy(update={"base": _rate(summary), "base_tokens": summary.tokens}))


def measure(shop: Workshop, ledger: Ledger) -> Ledger:
    """The held-out score of the round's model."""
    current = ledger.rounds[-1]
    if current.held_out is not None or current.checkpoint is None:
        return ledger
    asked = _config(shop, ledger.config, current.checkpoint, "none", 1)
    run = shop.recorded(current.held_out_run, f"{ledger.id}-{current.number}-held-out", asked)
    ledger = shop.with_round(ledger, current.with_(held_out_run=run.id))
    summary = shop.carry_out(run, shop.held_out_suite(ledger.config))
    current = ledger.rounds[-1].with_(held_out=_rate(summary)).with_costs(measured=summary.tokens)
    return shop.with_round(ledger, current)


def measure_rival(shop: Workshop, ledger: Ledger) -> Ledger:
    """The champion's best of as many answers as the new model's tokens pay for, at least two."""
    current, config = ledger.rounds[-1], ledger.config
    if current.held_out is None or (current.rival is not None and current.rival.rate is not None):
        return ledger
    if ledger.champion_run is None or current.held_out_run is None:
        return ledger
    before = sum(episode.usage.tokens for episode in shop.store.episodes(ledger.champion_run))
    samples = max(LEAST_SAMPLES, round(current.costs.measured / max(1, before)))
    rival = current.rival or _known_rival(ledger, samples)
    asked = _config(shop, config, ledger.champion, "best-of-n", samples)
    run = shop.recorded(None if rival is None else rival.run, f"{ledger.id}-{current.number}-rival", asked)
    ledger = shop.with_round(ledger, current.with_(rival=Rival(run=run.id, samples=samples)))
    summary = shop.carry_out(run, shop.held_out_suite(config))
    record, episodes = shop.with_episodes(run.id)
    chosen, how = choose(episodes)
    found = compare((record, chosen), shop.with_episodes(current.held_out_run))
    spent = current.costs.sampled + current.costs.measured
    rival = Rival(
        run=run.id,
        samples=samples,
        chosen=how,
        rate=found.a.rate,
        tokens=summary.tokens,
        difference=found.difference,
        ci95=found.ci95,
        p=found.mcnemar.p,
        affordable=max(samples, spent // max(1, before)),
    )
    shop.say(f"round {current.number}: the champion's best of {samples} solves {100 * found.a.rate:.1f} % ({how})")
    return shop.with_round(ledger, ledger.rounds[-1].with_(rival=rival))


def decide(shop: Workshop, ledger: Ledger) -> Ledger:
    """Promotes what the paired test proves better than the champion, where nothing speaks against it."""
    current, level = ledger.rounds[-1], ledger.config.level
    if current.held_out_run is None or ledger.champion_run is None:
        return ledger
    before, now = shop.with_episodes(ledger.champion_run), shop.with_episodes(current.held_out_run)
    found = compare(before, now)
    current = current.with_(
        difference=found.difference,
        ci95=found.ci95,
        p=found.mcnemar.p,
        canary=watch(before[1], now[1], level),
        why=found.conclusion,
    )
    better = found.difference > 0 and found.mcnemar.p < level
    objection = _objection(shop, ledger, current) if better else None
    current = current.with_(promoted=better and objection is None, why=objection or current.why)
    shop.say(
        f"round {current.number}: held out {100 * (current.held_out or 0):.1f} %, "
        f"{'promoted' if current.promoted else 'not promoted'}: {current.why}"
    )
    return shop.with_round(ledger, current)


def choose(episodes: Sequence[Episode]) -> tuple[list[Episode], str]:
    """The episodes of a best-of-n run with the answer that stands, and by what it was chosen.

    By the feedback, where there was any, else by the vote of the answers, of equals the first; never by the judge.
    """
    heard = {graded.feedback.verifier for each in episodes for graded in each.tries if graded.feedback is not None}
    if heard:
        return list(episodes), f"chosen by {', '.join(sorted(heard))}"
    if any(each.task.play is not None or each.task.answer_kind == "python" for each in episodes):
        first = [each.model_copy(update={"submitted": 0}) for each in episodes if each.tries]
        return first, "nothing can choose without a judge: the first answer stands"
    return [_voted(each) for each in episodes], "chosen by the vote of the answers"


def _voted(episode: Episode) -> Episode:
    answers = [" ".join(attempt.answer.split()) for attempt in episode.attempts]
    votes = Counter(answers)
    most = max(votes.values(), default=0)
    chosen = next((index for index, answer in enumerate(answers) if votes[answer] == most), None)
    return episode.model_copy(update={"submitted": chosen})


def _objection(shop: Workshop, ledger: Ledger, current: Round) -> str | None:
    """What speaks against a model that solves more than the champion."""
    if current.canary is not None and current.canary.tripped:
        return f"its gain is not to be trusted: {current.canary.words}"
    rival, level = current.rival, ledger.config.level
    if ledger.config.strict and rival is not None and not _is_better(rival, level):
        return (
            f"not shown to solve more than the champion's best of {rival.samples} "
            f"({100 * (rival.rate or 0):.1f} %, p = {rival.p:.3g})"
        )
    shop.store.ancestry.renew()
    mark = None if current.checkpoint is None else shop.store.ancestry.retracted_model(current.checkpoint)
    return None if mark is None else f"it {mark.words}"


def _is_better(rival: Rival, level: float) -> bool:
    return rival.difference is not None and rival.p is not None and rival.difference > 0 and rival.p < level


def _known_rival(ledger: Ledger, samples: int) -> Rival | None:
    """The same run of the same champion, made in an earlier round."""
    since = [each for each in ledger.rounds if each.promoted is False]
    last = max((each.number for each in ledger.rounds if each.promoted), default=0)
    fits = (each.rival for each in since if each.number > last and each.rival is not None)
    return next((rival for rival in fits if rival.samples == samples), None)


def _config(shop: Workshop, config: ImproveConfig, model: str, strategy: str, attempts: int) -> RunConfig:
    """A held-out run, with the same seed for every model: what differs is the model.

    Its feedback is the verifier that stands for the judge in what is learnt, never the judge.
    """
    usual = "auto" if config.feedback == "oracle" else config.feedback
    proxy = usual if config.reward is None or _reads_answers(shop, config.reward) else config.reward
    return shop.run_config(
        config,
        shop.held_out_suite(config),
        model=model,
        strategy=strategy,
        attempts=attempts,
        feedback=proxy,
        seed=config.seed,
    )


def _rate(summary: RunSummary) -> float:
    return summary.solved / max(1, summary.n_tasks)


def _reads_answers(shop: Workshop, spec: str) -> bool:
    """Whether a verifier knows the reference answers, as a judge does: it stands for nothing, and is no feedback."""
    name = spec.partition(":")[0]
    return any(known.private and known.name == name for known in list_verifiers(shop.options.workspace))
