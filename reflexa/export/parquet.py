"""Rows as a Parquet file. pyarrow is imported here alone."""

from __future__ import annotations

from typing import Any, BinaryIO

from reflexa.errors import MissingExtraError
from reflexa.export.formats import Columns
from reflexa.export.options import ExportOptions, Kind

ROWS_AT_ONCE = 4096
"""Rows of one row group: so many are in memory."""

_COLUMNS: dict[Kind, tuple[str, ...]] = {
    "sft": ("prompt", "completion"),
    "reflections": ("prompt", "completion"),
    "hindsight": ("prompt", "completion"),
    "unpaired": ("prompt", "completion", "label"),
    "preferences": ("prompt", "chosen", "rejected", "margin"),
    "steps": ("prompt", "completions", "labels"),
    "rankings": ("prompt", "completions"),
}


class Parquet:
    """A Parquet file that is written a row group at a time. Raises ``MissingExtraError`` without pyarrow."""

    def __init__(self, file: BinaryIO, options: ExportOptions) -> None:
        self._pa, parquet = _pyarrow()
        self._schema = _schema(self._pa, options)
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._file = file
        self._rows: list[Columns] = []

    def write(self, row: Columns, text: bytes) -> None:
        self._rows.append(row)
        if len(self._rows) == ROWS_AT_ONCE:
            self._flush()

    def close(self) -> None:
        if self._rows:
            self._flush()
        self._writer.close()
        self._file.close()

    def _flush(self) -> None:
        self._writer.write_table(self._pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows.clear()


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError("a .parquet file", "data") from None
    return pa, parquet


def _schema(pa: Any, options: ExportOptions) -> Any:
    inline = options.format == "reflexa"
    message = pa.struct([("role", pa.string()), ("content", pa.string())])
    text = pa.string() if options.plain or options.kind == "steps" else pa.list_(message)
    types = dict.fromkeys(("prompt", "completion", "chosen", "rejected"), text) | {
        "label": pa.bool_(),
        "margin": pa.float64(),
        "probability": pa.float64(),
        "completions": pa.list_(text),
        "labels": pa.list_(pa.float64() if inline else pa.bool_()),
    }
    fields = [(name, types[name]) for name in _COLUMNS[options.kind]]
    if options.labels:
        fields.append(("probability", pa.float64()))
    if inline:
        fields += [("strength", pa.string())] if options.kind == "preferences" else []
        fields.append(("lineage", _lineage(pa)))
    return pa.schema(fields)


def _lineage(pa: Any) -> Any:
    source = [
        ("run", pa.string()),
        ("task", pa.string()),
        ("attempt", pa.int64()),
        ("verifier", pa.string()),
        ("verifier_version", pa.string()),
        ("score", pa.float64()),
        ("policy", pa.string()),
        ("role", pa.string()),
        ("gameable", pa.bool_()),
    ]
    return pa.struct(
        [
            ("suite", pa.string()),
            ("split", pa.string()),
            ("oracle", pa.bool_()),
            ("sources", pa.list_(pa.struct(source))),
            ("reflections", pa.list_(pa.string())),
            ("principles", pa.list_(pa.string())),
        ]
    )
