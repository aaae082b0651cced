"""Continuous batching: rows enter as slots become free, at any step, and leave as soon as they end.

The scheduler of ``reflexa.models.local.policy`` and the trainer's sampler both run on it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from reflexa.models.local.attention import OwnCells, Prompt, PromptCells, StemCells, StepCells, TokenCells
from reflexa.models.local.cache import SMALLEST, Shelf, Shelves, cache_shape
from reflexa.models.local.draws import Drawer, Settings, choose

_PROMPT_TOKENS = 4096
"""Prompt tokens computed at once: more would only take more memory."""
_PROMPT_TOKENS_CPU = 1024
"""The same on the CPU, where memory for more comes from the system anew at each layer."""


@dataclass(eq=False)
class Row:
    """One sample to draw, and what is known of it while it is being drawn.

    ``logprobs`` are the model's own, in nats at temperature 1; a row that is not scored has none. ``finished`` tells a
    row that has ended from one that only reached its limit. ``cached`` counts the tokens in the row's own cache.
    """

    group: Group
    drawer: Drawer
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finished: bool = False
    cached: int = 0

    @property
    def position(self) -> int:
        """The place in its sequence, from 0, of the next token to compute."""
        return self.cached + (self.group.cached if self.group.shared else 0)


class Group:
    """A prompt's tokens (at least one) and the rows that continue it, which share its keys and values.

    A row ends where ``ends`` says so of it with its newest token, and at ``limit`` tokens.
    """

    def __init__(
        self, prompt: Sequence[int], draws: Sequence[Settings], limit: int, ends: Callable[[Row], bool]
    ) -> None:
        self.prompt, self.cached = prompt, len(prompt)
        self.limit, self.ends = limit, ends
        self.rows = [Row(self, Drawer(settings)) for settings in draws]
        self.shared = len(self.rows) > 1
        """A lone row keeps its prompt in its own cache, where it is read at once with the rest."""
        self.left = len(self.rows)
        """How many of the rows have not ended."""
        self.logits: Tensor | None = None
        """[vocabulary] after the prompt, once that is computed."""


@dataclass(frozen=True)
class _Placed:
    """A group whose prompt is to be computed, and where its keys and values go."""

    group: Group
    shelf: Shelf[Any]
    place: int


@dataclass
class Work:
    """What was computed: in so many ``steps`` so many sampled ``tokens``, and the prompts' tokens."""

    steps: int = 0
    tokens: int = 0
    prompt_tokens: int = 0


class Decoder:
    """Samples from a transformers model that attends by cells (``use_cell_attention``), at most ``slots`` rows at once.

    Not thread-safe.
    """

    def __init__(self, model: Any, slots: int) -> None:
        self._model, self._slots = model, slots
        self._portion = _PROMPT_TOKENS_CPU if model.device.type == "cpu" else _PROMPT_TOKENS
        shape = cache_shape(model)
        self._own: Shelves[Row] = Shelves(replace(shape, tokens=slots * SMALLEST))
        self._stems: Shelves[Group] = Shelves(shape)
        self._waiting: deque[Row] = deque()
        self._active: set[Row] = set()
        self.work = Work()

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._active)

    def add(self, group: Group) -> None:
        """Lets the group's rows wait for slots."""
        self._waiting.extend(group.rows)

    @torch.inference_mode()
    def drop(self, rows: Iterable[Row]) -> None:
        """Ends rows that are waiting or under way."""
        for row in rows:
            if row in self._active:
                self._leave(row)
            elif row in self._waiting:
                self._waiting.remove(row)
                self._end(row.group)

    @torch.inference_mode()
    def step(self) -> list[Row]:
        """Fills free slots with rows that wait, and gives every row a token; returns the rows that ended.

        The prompts of rows that enter are computed in one call with the next tokens of the others.
        """
        if not self.busy:
            return []
        self._own.make_room()
        rows = [row for shelf in self._own for row in shelf.owners]
        cells = self._cells(rows) if rows else None
        free = self._slots - len(rows)
        entering = [self._waiting.popleft() for _ in range(min(free, len(self._waiting)))]
        *early, last = [*_portions(self._place(entering), self._portion)] or [[]]
        for part in early:
            self._compute([], None, part)
        logits = [self._compute(rows, cells, last)] if rows or last else []
        for row in rows:
            row.cached += 1
        self.work.steps += 1
        known = [row.group.logits.unsqueeze(0) for row in entering if row.group.logits is not None]
        return self._take([*rows, *entering], torch.cat([*logits, *known]))

    def _place(self, rows: Sequence[Row]) -> list[_Placed]:
        """Gives rows their places in the cache; returns the prompts among theirs that have yet to be computed."""
        prompts = []
        for row in rows:
            group = row.group
            self._active.add(row)
            if group.shared:
                self._own.add(row, 1)
                if group not in self._stems:
                    prompts.append(_Placed(group, *self._stems.add(group, group.cached)))
            else:
                row.cached = group.cached
                prompts.append(_Placed(group, *self._own.add(row, row.cached)))
        return prompts

    def _cells(self, rows: Sequence[Row]) -> TokenCells:
        """Where the next token of every row goes, and what it attends to."""
        starts = accumulate((len(shelf.owners) for shelf in self._own), initial=0)
        own = tuple(OwnCells(shelf, start) for shelf, start in zip(self._own, starts, strict=False))
        return TokenCells(own, tuple(self._stem_cells(rows)), 1 + max(row.position for row in rows))

    def _compute(self, rows: Sequence[Row], cells: TokenCells | None, prompts: Sequence[_Placed]) -> Tensor:
        """Logits [rows, vocabulary] after each row's newest token; the prompts' groups get theirs."""
        stops = list(accumulate(placed.group.cached for placed in prompts))
        parts = tuple(
            Prompt(stop - placed.group.cached, stop, placed.shelf, placed.place)
            for stop, placed in zip(stops, prompts, strict=True)
        )
        tokens = [*(row.tokens[-1] for row in rows), *(token for placed in prompts for token in placed.group.prompt)]
        positions = [row.position for row in rows]
        positions += [position for placed in prompts for position in range(placed.group.cached)]
        picks = [*range(len(rows)), *(len(rows) + stop - 1 for stop in stops)]
        logits = self._logits(tokens, positions, StepCells(cells, PromptCells(parts), len(rows)), picks)
        for placed, row in zip(prompts, logits[len(rows) :], strict=True):
            placed.group.logits = row
        self.work.prompt_tokens += len(tokens) - len(rows)
        return logits[: len(rows)]

    def _stem_cells(self, rows: Sequence[Row]) -> Iterator[StemCells]:
        members: dict[Group, list[int]] = {}
        for index, row in enumerate(rows):
            members.setdefault(row.group, []).append(index)
        for shelf in self._stems:
            if any(group in members for group in shelf.owners):
                yield StemCells(shelf, [members.get(group, []) for group in shelf.owners], len(rows))

    def _take(self, rows: Sequence[Row], logits: Tensor) -> list[Row]:
        """Draws a token for each row, and lets rows that end with it leave."""
        tokens, logprobs = choose(logits, [row.drawer for row in rows], [len(row.tokens) for row in rows])
        ended = []
        for row, token, logprob in zip(rows, tokens.tolist(), logprobs.tolist(), strict=True):
            row.tokens.append(token)
            if row.drawer.settings.scored:
                row.logprobs.append(logprob)
            row.finished = row.group.ends(row)
            if row.finished or len(row.tokens) >= row.group.limit:
                self._leave(row)
                ended.append(row)
        self.work.tokens += len(rows)
        return ended

    def _leave(self, row: Row) -> None:
        self._active.remove(row)
        self._own.remove(row)
        self._end(row.group)

    def _end(self, group: Group) -> None:
        """Counts one of the group's rows as ended."""
        group.left -= 1
        if not group.left:
            group.logits = None
            if group in self._stems:
                self._stems.remove(group)

    def _logits(self, tokens: list[int], positions: list[int], cells: StepCells, picks: list[int]) -> Tensor:
        """Logits [picks, vocabulary] of the tokens of one row."""
        device = self._model.device
        hidden = self._model.base_model(
            input_ids=torch.tensor([tokens], device=device),
            position_ids=torch.tensor([positions], device=device),
            use_cache=False,
            cells=cells,
        ).last_hidden_state[0]
        logits: Tensor = self._model.get_output_embeddings()(hidden[torch.tensor(picks, device=device)])
        return logits


def _portions(prompts: Sequence[_Placed], most: int) -> Iterator[list[_Placed]]:
    """The prompts in parts of at most so many tokens, or of one prompt."""
    part: list[_Placed] = []
    for placed in prompts:
        if part and sum(other.group.cached for other in part) + placed.group.cached > most:
            yield part
            part = []
        part.append(placed)
    if part:
        yield part
