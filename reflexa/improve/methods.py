"""The methods by which a round makes a better model, by name."""

from __future__ import annotations

from reflexa.errors import unknown_name
from reflexa.improve.method import Method
from reflexa.improve.online import OnlineMethod
from reflexa.improve.rows import RowMethod
from reflexa.training.algorithms import list_online

_OF_ROWS = (
    RowMethod(
        name="rest-em", summary="sample, keep what passes, fine-tune the first model",
        strategy="best-of-n", kind="sft", algorithm="sft", restart=True,
    ),
    RowMethod(
        name="rest", summary="sample, keep what scores above a rising threshold, fine-tune on",
        strategy="best-of-n", kind="sft", algorithm="sft",
    ),
    RowMethod(
        name="rejection-sampling", summary="sample, keep the best of each task, fine-tune on",
        strategy="best-of-n", kind="sft", algorithm="sft", one_a_task=True,
    ),
    RowMethod(
        name="reflexion+sft", summary="learn what reflection led to, without the reflection",
        strategy="reflexion", kind="sft", algorithm="sft", without_memory=True,
    ),
    RowMethod(
        name="reflexion+dpo", summary="prefer what passed to what failed before",
        strategy="reflexion", kind="preferences", algorithm="dpo",
    ),
)  # fmt: skip
_ONLINE = (
    OnlineMethod(name="rlvr", summary="reinforcement learning from the verifier, by GRPO", algorithm="grpo"),
    *(OnlineMethod(name=each.name, summary=each.summary, algorithm=each.name) for each in list_online()),
)
METHODS: dict[str, Method] = {method.name: method for method in (*_OF_ROWS, *_ONLINE)}


def find_method(name: str) -> Method:
    """The method of that name. Raises ``UsageError`` with near matches."""
    if name not in METHODS:
        raise unknown_name("method", name, METHODS)
    return METHODS[name]
