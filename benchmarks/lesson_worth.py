"""How often a lesson that does nothing is called harmful, or helpful, by chance: run by run, and by all counts.

    python benchmarks/lesson_worth.py [--sets N] [--json]

Each set of runs is simulated anew: an episode is solved with the run's own probability, whether it was shown the lesson
or not, and the lesson is left out of each by lot, with the run's own share.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

sys.path.insert(0, str(Path(__file__).parents[1]))

from reflexa.lessons import LessonOutcomes, LessonTrials
from reflexa.memory.lessons.utility import HARMFUL, harmful, help_probability


@dataclass(frozen=True)
class Run:
    """So many episodes, the share that the lesson is left out of, and the probability that one is solved."""

    episodes: int
    left_out: float
    solved: float

    def outcomes(self, draw: random.Random) -> LessonOutcomes:
        counts: Counter[str] = Counter()
        for _ in range(self.episodes):
            kind = "left_out" if draw.random() < self.left_out else "shown"
            counts[kind] += 1
            counts[f"{kind}_solved"] += draw.random() < self.solved
        return LessonOutcomes.model_validate(counts)


@dataclass(frozen=True)
class Figures:
    """Shares of the simulated sets."""

    name: str
    harmful: float
    helpful: float
    harmful_together: float


CASES: Mapping[str, Sequence[Run]] = MappingProxyType(
    {
        "one run of 200, a tenth left out": [Run(200, 0.1, 0.5)],
        "ten runs of 20, of every difficulty": [Run(20, 0.1, number / 10) for number in range(10)],
        "forty runs of 5, three tenths left out": [Run(5, 0.3, 0.5)] * 40,
        "a strong model's run, left out of nine tenths; a weak one's, of a tenth": [
            Run(100, 0.9, 0.9),
            Run(100, 0.1, 0.2),
        ],
    }
)


def measure(name: str, runs: Sequence[Run], sets: int) -> Figures:
    draw = random.Random(name)
    counts: Counter[str] = Counter()
    for _ in range(sets):
        found = [run.outcomes(draw) for run in runs]
        trials = LessonTrials.of(found)
        counts["harmful"] += harmful(trials)
        counts["helpful"] += help_probability(trials) >= HARMFUL
        counts["together"] += harmful(LessonTrials.of([sum(found, LessonOutcomes())]))
    return Figures(name, counts["harmful"] / sets, counts["helpful"] / sets, counts["together"] / sets)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sets", type=int, default=2000, help="sets of runs that are simulated of each kind (2000)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    figures = [measure(name, runs, options.sets) for name, runs in CASES.items()]
    if options.json:
        print(json.dumps([asdict(each) for each in figures]))
        return
    for each in figures:
        told = f"run by run harmful {each.harmful:.1%}, helpful {each.helpful:.1%}"
        print(f"{each.name}: {told}; together harmful {each.harmful_together:.1%}")


if __name__ == "__main__":
    main()
