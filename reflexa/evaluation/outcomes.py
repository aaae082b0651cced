"""What an episode would have handed in, had it stopped earlier: the base of every curve over attempts or tokens."""

from __future__ import annotations

from itertools import accumulate

from reflexa.types import Episode, Graded, choose_submitted


def failed(episode: Episode) -> bool:
    """Whether the episode broke: it counts as unsolved, and as an error."""
    return episode.stop_reason == "error" or episode.error is not None


def solved(episode: Episode) -> bool:
    """Whether the episode's submitted attempt passed the judge; never where the episode broke."""
    return episode.solved and not failed(episode)


def solved_after(episode: Episode, attempts: int) -> bool:
    """Whether the attempt that would be handed in after at most ``attempts`` attempts passes the judge."""
    if attempts >= len(episode.tries):
        return solved(episode)
    chosen = choose_submitted([graded.feedback for graded in episode.tries[:attempts]])
    return not failed(episode) and chosen is not None and _passed(episode.tries[chosen])


def tokens_by_attempt(episode: Episode) -> tuple[int, ...]:
    """Tokens spent in the episode by the end of each attempt.

    Calls that are no attempts (self-written tests, critiques, reflections) happen between attempts, and an episode
    records just their sum: it is spread evenly over the retries, or put on the one attempt.
    """
    own = [graded.attempt.completion.usage.tokens if graded.attempt.completion else 0 for graded in episode.tries]
    if not own:
        return ()
    rest = max(0, episode.usage.tokens - sum(own))
    retries = max(1, len(own) - 1)
    first = len(own) - retries
    extra = [0] * first + [rest * (i + 1) // retries - rest * i // retries for i in range(retries)]
    return tuple(accumulate(tokens + more for tokens, more in zip(own, extra, strict=True)))


def _passed(graded: Graded) -> bool:
    verdict = graded.judged or graded.feedback
    return verdict is not None and verdict.passed
