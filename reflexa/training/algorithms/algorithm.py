"""What a training algorithm is: a table entry.

To add one, write a module beside this one with an ``Algorithm`` in it and name it in ``reflexa.training.algorithms``:

- ``rows``: the row types it reads, from ``reflexa.rows``; the columns of a file tell which.
- ``encode(row, encoder)``: the row as an ``Example``: one prompt, the completions that continue it (chosen first,
  best first), ``values`` for whatever else the loss needs to know of the row, ``marks`` for the tokens that a scoring
  head reads.
- ``loss(scored, options)``: reads a micro-batch's scores from ``Scored``, builds the objective's batch and returns
  its ``LossOutput``. Micro-batches and processes combine by ``weight``, so that their split changes nothing.
- ``options``: the objective's own configuration type; its fields are what ``TrainConfig.options`` may hold.
- ``head``: ``language`` scores completion tokens (``scored.scores`` [scored], log-probabilities in nats); ``answer``
  gives one score at each completion's last token, ``step`` two (wrong, right) at its ``marks`` (``scored.scores``
  [scored, outputs]).
- ``reference``: whether sums of the starting model's log-probabilities are wanted (``scored.reference``
  [completions]); they are computed once, before the first step, and cached.
- ``proxy``: the metric that rises as the reward behind the rows does, such as a margin of implicit rewards; the loss,
  negated, where there is none. Checkpoints are compared by it with what they are truly worth.
- ``baseline(examples, max_length)``: one more example for each, scored without gradient before each step's gradients
  (``scored.baseline``, the mean over the step of log-probability sums less the reference's).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from reflexa.errors import UsageError
from reflexa.models.local.encoding import Encoder
from reflexa.rows import Row
from reflexa.training.engine.heads import Head
from reflexa.training.engine.packing import Example
from reflexa.training.engine.scored import Scored
from reflexa.training.objectives.output import LossOutput
from reflexa.types import Frozen


@dataclass(frozen=True)
class Algorithm:
    """One way to learn from rows. ``options`` are checked against their type before ``loss`` sees them."""

    name: str
    summary: str
    rows: tuple[type[Row], ...]
    options: type[Frozen]
    encode: Callable[[Any, Encoder], Example]
    loss: Callable[[Scored, Any], LossOutput]
    head: Head = "language"
    reference: bool = False
    baseline: Callable[[Sequence[Example], int], list[Example]] | None = None
    proxy: str | None = None


class NoOptions(Frozen):
    """For algorithms without options."""


def pairs(column: Tensor | None) -> tuple[Tensor, Tensor]:
    """A tensor [completions] of pairs as (chosen [pairs], rejected [pairs])."""
    if column is None or column.shape[0] % 2:
        raise UsageError("expected two completions for every prompt: a chosen and a rejected one")
    chosen, rejected = column.view(-1, 2).unbind(1)
    return chosen, rejected
