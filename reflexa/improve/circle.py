"""The circle: run on the training split, learn from it, run on the held-out split, compare, promote or drop.

Every step is recorded when it has ended, and every step can be gone on with: a circle that was killed resumes where
it was. Held-out tasks are only ever measured: nothing of them becomes a row or a reward.
"""

from __future__ import annotations

from dataclasses import dataclass

from reflexa.improve.config import Ledger, Round
from reflexa.improve.measuring import decide, measure, measure_first, measure_rival
from reflexa.improve.method import Method
from reflexa.improve.methods import find_method
from reflexa.improve.workshop import Workshop, check_apart


@dataclass
class Circle(Workshop):
    """Carries out a circle."""

    def run(self, ledger: Ledger, method: Method | None = None) -> Ledger:
        """Goes on to the circle's end, or as far as its budget lasts; the ledger with what came of it.

        ``method`` is one of your own, in place of the one that the configuration names.
        """
        config = ledger.config
        method = method or find_method(config.method)
        check_apart(self.suites)
        self.refuse_retracted(ledger.champion)
        ledger = self.saved(ledger.model_copy(update={"status": "running"}))
        self.say(
            f"improvement {ledger.id}: stopped at any moment, it goes on with reflexa improve --resume {ledger.id}"
        )
        ledger = measure_first(self, ledger)
        for number in range(1, config.rounds + 1):
            if number > len(ledger.rounds):
                if (spent := _spent(ledger)) is not None:
                    self.say(f"round {number} is not begun: {spent}")
                    return self.saved(ledger.model_copy(update={"status": "budget"}))
                ledger = self.with_round(ledger, self._new_round(ledger, method, number))
            ledger = self._round(ledger, method)
        return self.saved(ledger.model_copy(update={"status": "finished"}))

    def _new_round(self, ledger: Ledger, method: Method, number: int) -> Round:
        """ReST samples with its newest model; with ``restart`` that is learnt by the first one again."""
        sampler = ledger.champion
        learner = ledger.config.model if method.restart else sampler
        self.refuse_retracted(sampler, learner)  # both were sound when the circle began: much time may have passed
        return Round(number=number, sampler=sampler, learner=learner)

    def _round(self, ledger: Ledger, method: Method) -> Ledger:
        """The last round, from the step that it has come to until its end."""
        for step in (*method.steps, measure, measure_rival, decide):
            if ledger.rounds[-1].promoted is None:
                ledger = step(self, ledger)
        return ledger


def _spent(ledger: Ledger) -> str | None:
    """What of the budget is spent; None where another round may begin."""
    config = ledger.config
    if config.budget is not None and ledger.sampled >= config.budget:
        return f"{ledger.sampled:,} tokens were sampled, of a budget of {config.budget:,}"
    if config.hours is not None and ledger.seconds >= 3600 * config.hours:
        return f"{ledger.seconds / 3600:.2f} hours were spent, of {config.hours:g}"
    return None
