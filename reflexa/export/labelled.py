"""Pairs that an AI judge ordered (RLAIF). Their prompt is always the task's own."""

from __future__ import annotations

from collections.abc import Iterator

from reflexa.export.candidates import Candidate, TaskCandidates, lineage
from reflexa.export.made import Made, Making, spoken
from reflexa.rows import Comparison, PreferenceRow, Source, strength


def labelled(making: Making, task: TaskCandidates) -> Iterator[Made]:
    """The pairs of answers that were compared, the better one chosen, with how sure the label is.

    A pair that is as likely the one way as the other orders nothing, nor does one whose order in the prompt decided.
    Labels that were retracted are left out, as those of a judge that was.
    """
    attempts = {(each.story.run, each.attempt.index): each for each in making.spoken(task)}
    by = making.options.labelled_by
    for run in dict.fromkeys(story.run for story in task.stories):
        labels = making.find_labels(run, task.task.id)
        bad = making.bad_labels(labels)
        for comparison in labels:
            a, b = attempts.get((run, comparison.a)), attempts.get((run, comparison.b))
            if by not in (None, comparison.by) or a is None or b is None or a.text == b.text:
                continue
            if comparison in bad:
                making.dropped["retracted"] += 1
            elif comparison.probability == 0.5:
                making.dropped["undecided"] += 1
            elif comparison.consistency == 0:
                making.dropped["decided by the order"] += 1
            else:
                yield _pair(task, comparison, a, b)


def _pair(task: TaskCandidates, comparison: Comparison, a: Candidate, b: Candidate) -> Made:
    chosen, rejected = (a, b) if comparison.probability > 0.5 else (b, a)
    sure = max(comparison.probability, 1 - comparison.probability)
    lead = 2 * sure - 1
    row = PreferenceRow(
        prompt=task.task.prompt,
        chosen=spoken(chosen.text),
        rejected=spoken(rejected.text),
        margin=lead,
        strength=strength(lead),
        probability=sure,
    )
    origin = lineage(chosen.story.oracle or rejected.story.oracle, task.task, chosen, rejected).model_copy(
        update={
            "sources": (_source(chosen, comparison, sure), _source(rejected, comparison, 1 - sure)),
            "principles": tuple(label.principle for label in comparison.principles),
        }
    )
    return Made(row, origin, (-sure,))


def _source(candidate: Candidate, comparison: Comparison, score: float) -> Source:
    """The attempt, with the judge that preferred it in place of what verified it."""
    return candidate.source.model_copy(
        update={
            "verifier": comparison.by,
            "verifier_version": comparison.version,
            "score": score,
            "role": "feedback",
            "gameable": False,
        }
    )
