"""Tools in OpenAI's form, which litellm turns into each provider's own: offering them, and reading calls."""

from __future__ import annotations

from typing import Any

from reflexa.types import ToolCall, ToolSpec


def function(tool: ToolSpec) -> dict[str, Any]:
    """A tool as a request declares it: a function of one string, ``input``."""
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.summary,
            "parameters": {
                "type": "object",
                "properties": {"input": {"type": "string", "description": tool.argument}},
                "required": ["input"],
            },
        },
    }


def tool_calls(message: Any) -> tuple[ToolCall, ...]:
    """The calls in a response's message, as they stand. A name or arguments that are no text become empty."""
    called = [getattr(call, "function", None) for call in getattr(message, "tool_calls", None) or ()]
    return tuple(ToolCall(name=_text(each, "name"), arguments=_text(each, "arguments")) for each in called)


def _text(called: Any, part: str) -> str:
    value = getattr(called, part, None)
    return value if isinstance(value, str) else ""
