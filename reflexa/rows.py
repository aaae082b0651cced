"""Training rows: what episodes become, and what the trainer reads. Columns are those of the field's tools (TRL).

A prompt, and what answers it, is plain text or chat messages; within one row both are of the same kind. Where a row
came from stands beside it, in ``Lineage``, not among its columns: the files load anywhere as they are.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from reflexa.types import Frozen, Message, RunStatus, VerdictRole

Text = str | tuple[Message, ...]
"""Plain text, or chat messages."""
Strength = Literal["significantly better", "better", "slightly better", "negligibly better"]
"""LLaMA-2's labels of how much better the chosen answer is; the reward model's margin follows from them."""
STRENGTHS: tuple[tuple[float, Strength], ...] = (
    (0.75, "significantly better"),
    (0.5, "better"),
    (0.25, "slightly better"),
    (0.0, "negligibly better"),
)
"""The least difference of scores that each label stands for."""
RowKind = Literal["sft", "reflections", "hindsight", "preferences", "unpaired", "steps", "rankings", "text"]


def strength(margin: float) -> Strength:
    """The label of a difference of scores in [0, 1]. Raises ``ValueError`` for a negative one."""
    if margin < 0:
        raise ValueError(f"got a margin of {margin}: the chosen answer must not score less than the rejected one")
    return next(label for least, label in STRENGTHS if margin >= least)


def plain_text(text: Text) -> str:
    """Chat messages as plain text: their contents, a blank line between them; plain text as it is."""
    return text if isinstance(text, str) else "\n\n".join(message.content for message in text)


class SFTRow(Frozen):
    """A prompt and the answer to learn. The loss counts the completion's tokens alone."""

    prompt: Text
    completion: Text


class PreferenceRow(Frozen):
    """Two answers to one prompt, the better and the worse. ``margin`` is a difference of scores in [0, 1];
    ``probability``, that the better one is the better one, is a soft label.
    """

    prompt: Text
    chosen: Text
    rejected: Text
    margin: float | None = Field(default=None, ge=0.0, le=1.0)
    strength: Strength | None = None
    probability: float | None = Field(default=None, ge=0.5, le=1.0)


class UnpairedRow(Frozen):
    """One answer, and whether it is desirable (KTO)."""

    prompt: Text
    completion: Text
    label: bool


class StepRow(Frozen):
    """A solution in steps, each with whether it is right (PRM). Steps are joined by the reader's separator."""

    prompt: str
    completions: tuple[str, ...] = Field(min_length=1)
    labels: tuple[bool | float, ...] = Field(min_length=1)


class RankingRow(Frozen):
    """Answers to one prompt, the best first (K-wise rankings)."""

    prompt: Text
    completions: tuple[Text, ...] = Field(min_length=2)


class TextRow(Frozen):
    """Plain text, every token of which is learnt (continued pre-training)."""

    text: str


Row = SFTRow | PreferenceRow | UnpairedRow | StepRow | RankingRow | TextRow


class Source(Frozen):
    """One recorded attempt that a row was made from, with the verdict that chose it.

    ``role`` is ``feedback`` where no judge was recorded and the feedback verifier decided instead.
    """

    run: str
    task: str
    attempt: int
    verifier: str
    verifier_version: str
    score: float
    policy: str
    role: VerdictRole = "judge"
    gameable: bool = False


class Lineage(Frozen):
    """Where a row came from. ``sources`` are in the row's own order: chosen before rejected, best first.

    ``reflections`` are the ids of those that stood in the prompt of the answers, or that the row teaches;
    ``principles`` those that an AI judge preferred one answer by.
    """

    suite: str
    split: str
    oracle: bool
    sources: tuple[Source, ...] = Field(min_length=1)
    reflections: tuple[str, ...] = ()
    principles: tuple[str, ...] = ()


class PrincipleLabel(Frozen):
    """What one principle said of two answers: the ``probability`` that the first is better, and whether the judge said
    the same of them in either order.
    """

    principle: str
    probability: float = Field(ge=0.0, le=1.0)
    agrees: bool


class Comparison(Frozen):
    """An AI judge's label of two recorded answers of one episode: attempts ``a`` and ``b``, ``a`` the earlier one.

    ``probability`` that a is the better one is the mean over principles and both orders; ``consistency`` is the share
    of judgements that the order did not change. ``by`` names the standards and ``version`` the judge with them.
    """

    run: str
    task: str
    a: int = Field(ge=0)
    b: int = Field(ge=0)
    by: str
    version: str
    judge: str
    probability: float = Field(ge=0.0, le=1.0)
    consistency: float = Field(ge=0.0, le=1.0)
    principles: tuple[PrincipleLabel, ...] = ()
    created: float = 0.0


class DatasetRecord(Frozen):
    """An exported data set as the database knows it. ``path`` is the file's name, without its folder.

    ``hash`` is the SHA-256 of the rows as JSON lines, whatever the file's format; ``counts`` say what was read,
    written and dropped; ``created`` is in seconds since the epoch, UTC.
    """

    id: str
    kind: RowKind
    format: str
    hash: str
    rows: int = Field(ge=0)
    config: dict[str, JsonValue]
    counts: dict[str, int]
    path: str
    created: float


class TrainingRecord(Frozen):
    """A training run as the database knows it. Times are in seconds since the epoch, UTC.

    ``model`` is what it started from, ``datasets`` the recorded data sets among its files, ``checkpoint`` the folder
    that it made, and ``loss`` that of its best checkpoint.
    """

    id: str
    algorithm: str
    model: str
    config: dict[str, JsonValue]
    datasets: tuple[str, ...] = ()
    status: RunStatus = "running"
    created: float = 0.0
    finished: float | None = None
    checkpoint: str | None = None
    loss: float | None = None


class CheckpointPoint(Frozen):
    """How far a checkpoint went from its start, and what that was worth: a point of Gao et al.'s curves (2210.10760).

    ``kl`` is KL(policy‖start) in nats for a whole completion, ``proxy`` the mean reward that was optimised, ``true``
    the mean held-out reward of ``n`` tasks by the judge or a gold model (None: not measured). ``rewards`` are those
    tasks' own, in one order for all points of a training: with them checkpoints are compared task by task.
    """

    step: int = Field(ge=0)
    path: str
    kl: float
    proxy: float
    true: float | None = None
    n: int = Field(default=0, ge=0)
    rewards: tuple[float, ...] = ()
