"""What to export, and what of it is allowed that is refused otherwise."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reflexa.errors import UsageError
from reflexa.types import Frozen

Kind = Literal["sft", "reflections", "hindsight", "preferences", "unpaired", "steps", "rankings"]
Format = Literal["trl", "openai", "reflexa"]
"""Exactly TRL's columns; OpenAI's fine-tuning files; or the whole row with its lineage inline."""
Allowance = Literal[
    "test-split", "contamination", "oracle", "gameable", "weak-sandbox", "broken", "secrets", "retracted"
]
"""What is refused unless it is allowed by name."""

ALL_LABELS = "all"
"""AI preferences by whatever comparison they were made."""
TEST_SPLITS = frozenset({"test"})
_OPENAI: tuple[Kind, ...] = ("sft", "reflections", "hindsight", "preferences")
_REWRITABLE: tuple[Kind, ...] = ("sft", "unpaired")


class ExportOptions(Frozen):
    """Which rows, of which attempts, in which form. ``runs`` are ids; none means all.

    ``min_score`` (0 to 1) is what makes an answer a good one, instead of its having passed. ``without_memory`` writes
    the task's own prompt in place of what was sent. ``plain`` writes text in place of chat messages. ``labels`` orders
    answers by the AI preferences that were recorded of them, not by verdicts: by all of them, or, named, by those of
    one comparison (``pairwise:NAME``).
    """

    kind: Kind
    runs: tuple[str, ...] = ()
    suite: str | None = None
    split: str = "train"
    min_score: float | None = Field(default=None, ge=0.0, le=1.0)
    dedupe: bool = False
    limit_per_task: int | None = Field(default=None, ge=1)
    format: Format = "trl"
    plain: bool = False
    without_memory: bool = False
    labels: str | None = None
    allow: tuple[Allowance, ...] = ()

    @property
    def labelled_by(self) -> str | None:
        """The one comparison whose labels count; None where all do."""
        return None if self.labels in (None, ALL_LABELS) else self.labels

    @property
    def of_a_test_split(self) -> bool:
        return self.split in TEST_SPLITS


def check_options(options: ExportOptions) -> None:
    """Raises ``UsageError`` for what contradicts itself, and for a test split that is not allowed."""
    if options.of_a_test_split and "test-split" not in options.allow:
        raise UsageError(
            f"split {options.split!r} is for measuring, and what was trained on it measures nothing: export another "
            "split, or allow it with --allow test-split"
        )
    if options.format == "openai" and options.kind not in _OPENAI:
        raise UsageError(f"OpenAI has no format for {options.kind}: its formats hold {', '.join(_OPENAI)}")
    if options.format == "openai" and options.plain:
        raise UsageError("OpenAI's formats hold chat messages: leave out --plain, or choose another --format")
    if options.labels is not None and options.kind != "preferences":
        raise UsageError(f"AI preferences order pairs of answers: they make preferences, not {options.kind}")
    if options.without_memory and options.kind not in _REWRITABLE:
        raise UsageError(
            f"--without-memory is for {' and '.join(_REWRITABLE)}, whose prompts are those that were sent; "
            f"{options.kind} have others anyway"
        )
