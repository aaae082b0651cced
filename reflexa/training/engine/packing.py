"""Rows as trees of tokens, and trees laid end to end in one row without padding.

A tree is a prompt and the completions that continue it. The prompt is computed once; every completion attends to it and
to itself, never to its siblings. Trees of one row never attend to each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reflexa.models.local.encoding import Tokens


@dataclass(frozen=True, eq=False)
class Example:
    """One training row as tokens.

    ``completions`` continue ``prompt``; in a preference pair the chosen one comes first. ``values`` are the numbers
    that the row's algorithm needs beside its tokens (a margin, a label), in that algorithm's own order. ``marks``
    are, for each completion, the tokens (from 0) whose hidden state a scoring head reads; empty for language-model
    heads, and for scoring heads that read the last token alone.
    """

    prompt: Tokens
    completions: tuple[Tokens, ...]
    values: tuple[float, ...] = ()
    marks: tuple[tuple[int, ...], ...] = ()

    @property
    def tokens(self) -> int:
        """How many tokens the tree has, the shared prompt counted once."""
        return len(self.prompt) + sum(map(len, self.completions))

    @property
    def longest(self) -> int:
        """The length of the longest sequence: the prompt with its longest completion."""
        return len(self.prompt) + max(map(len, self.completions))

    @property
    def learnt(self) -> int:
        """How many completion tokens a language-model head predicts."""
        first = 0 if self.prompt else 1
        return sum(len(completion) - first for completion in self.completions)

    @property
    def marked(self) -> int:
        """How many tokens a scoring head reads."""
        return sum(map(len, self.marks)) if self.marks else len(self.completions)


@dataclass(frozen=True)
class Segment:
    """Tokens ``start`` to ``stop`` of a row attend to ``stem_start`` to ``stem_stop``, and causally to themselves."""

    start: int
    stop: int
    stem_start: int = 0
    stem_stop: int = 0


@dataclass(frozen=True)
class Layout:
    """Which tokens of a row attend to which. Segments cover the row, in order, without overlap."""

    segments: tuple[Segment, ...]


@dataclass(frozen=True, eq=False)
class Pack:
    """A micro-batch: ``tokens`` [row] with their ``positions`` [row] in their own sequences.

    ``picks`` [scored] are the places whose hidden state the head reads, completion by completion; ``targets``
    [scored] the tokens that a language-model head predicts there (None for a scoring head); ``counts`` how many
    places each completion has; ``branches`` how many completions each example has.
    """

    examples: tuple[Example, ...]
    tokens: Tensor
    positions: Tensor
    layout: Layout
    picks: Tensor
    targets: Tensor | None
    counts: tuple[int, ...]

    def to(self, device: torch.device) -> Pack:
        if device.type == "cpu":
            return self
        tokens, positions, picks = (tensor.to(device) for tensor in (self.tokens, self.positions, self.picks))
        targets = None if self.targets is None else self.targets.to(device)
        return Pack(self.examples, tokens, positions, self.layout, picks, targets, self.counts)


def pack(examples: Sequence[Example], *, scores_tokens: bool) -> Pack:
    """Lays examples end to end. ``scores_tokens`` is true for a language-model head, false for a scoring head."""
    row = _Row()
    for example in examples:
        row.add(example, scores_tokens)
    return Pack(
        examples=tuple(examples),
        tokens=torch.tensor(row.tokens),
        positions=torch.tensor(row.positions),
        layout=Layout(tuple(row.segments)),
        picks=torch.tensor(row.picks),
        targets=torch.tensor(row.targets) if scores_tokens else None,
        counts=tuple(row.counts),
    )


class _Row:
    """A row while it is being laid."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.positions: list[int] = []
        self.segments: list[Segment] = []
        self.picks: list[int] = []
        self.targets: list[int] = []
        self.counts: list[int] = []

    def add(self, example: Example, scores_tokens: bool) -> None:
        start, length = len(self.tokens), len(example.prompt)
        self._extend(example.prompt, 0)
        shared = len(example.completions) > 1 and length > 0
        if shared:
            self.segments.append(Segment(start, start + length))
        for index, completion in enumerate(example.completions):
            own = len(self.tokens)
            # The last token predicts nothing: a language-model head never reads its hidden state.
            self._extend(completion[:-1] if scores_tokens else completion, length)
            if shared:
                if len(self.tokens) > own:
                    self.segments.append(Segment(own, len(self.tokens), start, start + length))
            else:
                self.segments.append(Segment(start if length else own, len(self.tokens)))
            if scores_tokens:
                before = (start + length - 1,) if length else ()
                self._pick((*before, *range(own, len(self.tokens))), completion[0 if length else 1 :])
            else:
                marks = example.marks[index] if example.marks else (len(completion) - 1,)
                self._pick([own + mark for mark in marks], ())

    def _extend(self, tokens: Tokens, position: int) -> None:
        self.tokens.extend(tokens)
        self.positions.extend(range(position, position + len(tokens)))

    def _pick(self, places: Sequence[int], targets: Sequence[int]) -> None:
        self.picks.extend(places)
        self.targets.extend(targets)
        self.counts.append(len(places))
