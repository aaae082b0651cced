"""AI preferences over recorded answers (RLAIF): pairs of one episode's attempts, compared by a constitution.

Bai et al. 2022 (arXiv:2212.08073, section 4.1), Lee et al. 2023 (arXiv:2309.00267): for every pair some principles are
drawn, the judge compares by each of them in both orders, and the mean is the pair's soft label.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from reflexa.agent.workbench import Workbench
from reflexa.errors import UsageError, VerifierError
from reflexa.rows import Comparison, PrincipleLabel
from reflexa.types import Attempt, Episode, Frozen, Task
from reflexa.verifiers import Pairwise, Preference

if TYPE_CHECKING:
    from reflexa.memory.lineage.datasets import AttemptKey

_TRIES = 3
"""Pairs of which none could be labelled after which the judge is given up on."""


class LabelOptions(Frozen):
    """At most ``pairs`` of an episode's attempts, drawn by ``seed``; each by ``principles`` of the constitution (None:
    all), drawn for it alone.
    """

    pairs: int = 1
    principles: int | None = 1
    seed: int = 0


class Labelled(Frozen):
    """What labelling came to, in pairs. ``known`` were labelled before; of ``unlabelled`` ones the judge said nothing
    that can be read; ``retracted`` ones are left out, since one of their answers is. Of those ``made`` some are
    ``undecided`` (as likely as not), some ``inconsistent`` (of the order).
    """

    made: int = 0
    known: int = 0
    unlabelled: int = 0
    retracted: int = 0
    undecided: int = 0
    inconsistent: int = 0


@dataclass(frozen=True)
class _Pair:
    run: str
    task: Task
    a: Attempt
    b: Attempt

    @property
    def keys(self) -> tuple[AttemptKey, AttemptKey]:
        from reflexa.memory.lineage.datasets import AttemptKey

        run, task = self.run, self.task.id
        return AttemptKey(run, task, self.a.index), AttemptKey(run, task, self.b.index)


Watch = Callable[[Iterable["Comparison | VerifierError"], int], Iterable["Comparison | VerifierError"]]
"""Passes on what it is given, and how many there will be: a progress bar, say."""


def label_runs(
    bench: Workbench,
    runs: Sequence[str],
    judge: Pairwise,
    options: LabelOptions,
    watch: Watch = lambda labels, total: labels,
) -> Labelled:
    """Labels pairs of the runs' attempts, and records every label as it is made: what is known is not asked again.

    Raises ``UsageError`` where the runs hold no two different answers to a task, and for a judge that was retracted;
    ``VerifierError`` where the first judgements cannot be had at all.
    """
    _refuse_retracted(bench, judge)
    pairs = [pair for run in runs for episode in bench.store.episodes(run) for pair in _pairs(run, episode, options)]
    if not pairs:
        raise UsageError("the runs hold no two different answers to one task: sample several with --strategy best-of-n")
    known = {
        (found.run, found.task, found.a, found.b)
        for run in runs
        for found in bench.store.comparisons(run)
        if (found.by, found.version) == (judge.name, judge.version)
    }
    sound = _sound(bench, pairs)
    pending = [pair for pair in sound if (pair.run, pair.task.id, pair.a.index, pair.b.index) not in known]
    labelled = Labelled(known=len(sound) - len(pending), retracted=len(pairs) - len(sound))
    with ThreadPoolExecutor(bench.options.tasks_at_once) as pool:
        for found in watch(pool.map(lambda pair: _labelled(bench, pair, judge, options), pending), len(pending)):
            labelled = _counted(labelled, found)
            if isinstance(found, VerifierError) and not labelled.made and labelled.unlabelled >= _TRIES:
                pool.shutdown(cancel_futures=True)
                raise found
    return labelled


def _refuse_retracted(bench: Workbench, judge: Pairwise) -> None:
    from reflexa.memory.lineage.nodes import judges_of

    bench.store.ancestry.renew()
    for model in judges_of(judge.judge):
        mark = bench.store.ancestry.retracted_model(model)
        if mark is not None:
            raise UsageError(f"{model} is not to judge ({mark.words}): name another with --judge-model")


def _sound(bench: Workbench, pairs: Sequence[_Pair]) -> list[_Pair]:
    """The pairs of which neither answer is retracted."""
    bad = bench.store.ancestry.retracted_attempts([key for pair in pairs for key in pair.keys])
    return [pair for pair in pairs if bad.isdisjoint(pair.keys)]


def _pairs(run: str, episode: Episode, options: LabelOptions) -> Iterator[_Pair]:
    """Pairs of different answers. Which ones follows from the seed, the run and the task."""
    different = {attempt.answer: attempt for attempt in reversed(episode.attempts) if attempt.answer.strip()}
    attempts = sorted(different.values(), key=lambda attempt: attempt.index)
    found = list(combinations(attempts, 2))
    draw = random.Random(f"{options.seed} {run} {episode.task.id}")  # noqa: S311  no secret is drawn
    for a, b in sorted(
        draw.sample(found, min(options.pairs, len(found))), key=lambda pair: (pair[0].index, pair[1].index)
    ):
        yield _Pair(run, episode.task, a, b)


def _labelled(bench: Workbench, pair: _Pair, judge: Pairwise, options: LabelOptions) -> Comparison | VerifierError:
    key = f"{options.seed} {pair.run} {pair.a.index} {pair.b.index}"
    try:
        preference = judge.compare(pair.task, pair.a.answer, pair.b.answer, standards=options.principles, key=key)
    except VerifierError as error:
        return error
    comparison = _comparison(pair, judge, preference)
    bench.store.record_comparison(comparison)
    return comparison


def _comparison(pair: _Pair, judge: Pairwise, preference: Preference) -> Comparison:
    labels = [
        PrincipleLabel(principle=vote.standard, probability=vote.share, agrees=vote.agrees)
        for vote in preference.votes
        if vote.standard
    ]
    return Comparison(
        run=pair.run,
        task=pair.task.id,
        a=pair.a.index,
        b=pair.b.index,
        by=judge.name,
        version=judge.version,
        judge=judge.judge,
        probability=preference.probability,
        consistency=preference.consistency,
        principles=tuple(labels),
        created=time.time(),
    )


def _counted(labelled: Labelled, found: Comparison | VerifierError) -> Labelled:
    if isinstance(found, VerifierError):
        return labelled.model_copy(update={"unlabelled": labelled.unlabelled + 1})
    return labelled.model_copy(
        update={
            "made": labelled.made + 1,
            "undecided": labelled.undecided + (found.probability == 0.5),
            "inconsistent": labelled.inconsistent + (found.consistency < 0.5),
        }
    )
