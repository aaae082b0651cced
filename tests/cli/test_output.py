from __future__ import annotations

import io
import json

import pytest

from reflexa.cli.output import complain, emit, emit_json, is_terminal, note
from reflexa.types import Reflection


def test_results_go_to_stdout_and_words_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    emit("a \x1b[31mresult")
    note("a note")
    complain("what\nwent wrong")
    out, err = capsys.readouterr()
    assert out == "a \\x1b[31mresult\n"
    assert err == "a note\nreflexa: what went wrong\n"


def test_json_is_lossless_and_inert(capsys: pytest.CaptureFixture[str]) -> None:
    text = "\x00\x1b[2J\x7f\x9b\u202e\ud800 ünï \U0001f389"
    emit_json(Reflection(id="1", task_id="t", attempt=0, text=text))
    out = capsys.readouterr().out
    assert json.loads(out)["text"] == text
    assert out.replace("\n", "").isascii()
    assert out.replace("\n", "").isprintable()


def test_numbers_that_json_does_not_have_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        emit_json({"rate": float("nan")})


def test_a_closed_stream_is_no_terminal() -> None:
    stream = io.StringIO()
    assert not is_terminal(stream)
    stream.close()
    assert not is_terminal(stream)
