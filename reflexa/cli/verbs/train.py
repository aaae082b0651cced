"""``reflexa train``: rows to weights."""

from __future__ import annotations

from reflexa.cli.commands import add_verb, verbs
from reflexa.cli.options.train import TrainOptions


def train(options: TrainOptions) -> int:
    """Train a model on rows, as `reflexa export` writes them, or on its own answers to a suite's tasks.

    The model that is made can be given to --model at once. A run that was stopped goes on with --resume.
    """
    from reflexa.cli.training.offline import start

    return start(options)


app = verbs("Train a model on rows, or on tasks.")
add_verb(app, "train", TrainOptions, train)
