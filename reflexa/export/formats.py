"""Rows as the columns of a file."""

from __future__ import annotations

import json
from typing import Any

from reflexa.export.made import Made
from reflexa.export.options import ExportOptions
from reflexa.rows import PreferenceRow, RankingRow, Row, SFTRow, StepRow, Text, TextRow, UnpairedRow, plain_text

RIGHT_STEP = 0.5
"""The score from which TRL's steps, which are right or wrong, are right."""

Columns = dict[str, Any]
"""One row of a file, by column: what JSON and pyarrow take."""


def columns(made: Made, options: ExportOptions) -> Columns:
    """A row in the format that the options name."""
    if options.format == "openai":
        return _openai(made.row)
    if options.format == "trl":
        return _trl(made.row, options)
    row = _trl(made.row, options)
    if isinstance(made.row, PreferenceRow):
        row["strength"] = made.row.strength
    if isinstance(made.row, StepRow):
        row["labels"] = list(made.row.labels)
    return row | {"lineage": made.lineage.model_dump()}


def line(value: Columns) -> bytes:
    """One line of JSON, with its end."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _trl(row: Row, options: ExportOptions) -> Columns:
    plain = options.plain
    match row:
        case SFTRow():
            return {"prompt": _said(row.prompt, plain), "completion": _said(row.completion, plain)}
        case UnpairedRow():
            sides = {"prompt": _said(row.prompt, plain), "completion": _said(row.completion, plain)}
            return sides | {"label": row.label}
        case PreferenceRow():
            sides = {name: _said(getattr(row, name), plain) for name in ("prompt", "chosen", "rejected")}
            return sides | {"margin": row.margin} | ({"probability": row.probability} if options.labels else {})
        case StepRow():
            labels = [label >= RIGHT_STEP for label in row.labels]
            return {"prompt": row.prompt, "completions": list(row.completions), "labels": labels}
        case RankingRow():
            completions = [_said(completion, plain) for completion in row.completions]
            return {"prompt": _said(row.prompt, plain), "completions": completions}
        case TextRow():
            return {"text": row.text}


def _openai(row: Row) -> Columns:
    if isinstance(row, PreferenceRow):
        return {
            "input": {"messages": _said(row.prompt, False)},
            "preferred_output": _said(row.chosen, False),
            "non_preferred_output": _said(row.rejected, False),
        }
    if isinstance(row, SFTRow):
        return {"messages": [*_said(row.prompt, False), *_said(row.completion, False)]}
    raise TypeError(f"OpenAI has no format for a {type(row).__name__}: check the options first")


def _said(text: Text, plain: bool) -> Any:
    if plain or isinstance(text, str):
        return plain_text(text)
    return [{"role": message.role, "content": message.content} for message in text]
