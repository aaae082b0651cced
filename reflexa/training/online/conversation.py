"""What stands between two of a policy's turns, as tokens: never a text of the policy's encoded again."""

from __future__ import annotations

from collections.abc import Sequence

from reflexa.errors import UsageError
from reflexa.models.local.encoding import Encoder, Tokens
from reflexa.rows import Text
from reflexa.types import Message

_STAND_IN = "x"
"""What the policy's turn is while a template writes the one after it."""


def between(encoder: Encoder, prompt: Text, said: Sequence[int], text: str) -> Tokens:
    """The tokens that follow the policy's turn ``said`` and end where its next one begins.

    In a chat the user says ``text``, and the template closes the one turn and opens the next; plain text goes on with
    ``text``, as it is. Raises ``UsageError`` for a template that writes earlier turns anew.
    """
    if isinstance(prompt, str):
        return encoder.ids(text)
    before, (stand_in,) = encoder.exchange(prompt, (_STAND_IN,))
    asked = (*prompt, Message(role="assistant", content=_STAND_IN), Message(role="user", content=text))
    whole, _ = encoder.exchange(asked, ())
    start = before + stand_in[:-1]
    if whole[: len(start)] != start:
        raise UsageError(
            "the model's chat template writes earlier turns anew when one is added: turns cannot follow each other "
            "token by token. Take a model whose template leaves them as they were"
        )
    rest = whole[len(start) :]
    return rest[1:] if said and rest and said[-1] == rest[0] else rest
