"""What llama.cpp answers, read into completions and errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reflexa.errors import ContextOverflowError, PolicyError
from reflexa.models.gguf.engine import completions_from, start_engine


def chunk(index: int, text: str, reason: str | None = None, tokens: int | None = None) -> dict[str, Any]:
    usage = {} if tokens is None else {"usage": {"prompt_tokens": 7, "completion_tokens": tokens}}
    return {"choices": [{"index": index, "text": text, "finish_reason": reason, "logprobs": None}], "id": "x", **usage}


def test_chunks_of_several_samples_are_put_together_and_the_prompt_is_counted_once() -> None:
    chunks = [{}, chunk(1, "c"), chunk(0, "a"), chunk(1, "d", "stop", 3), chunk(0, "b"), chunk(0, "", "length", 2)]
    first, second = completions_from(chunks, 2) or []
    assert (first.text, first.finish_reason, first.usage.input_tokens, first.usage.output_tokens) == (
        "ab",
        "length",
        7,
        2,
    )
    assert (second.text, second.finish_reason, second.usage.input_tokens, second.usage.output_tokens) == (
        "cd",
        "stop",
        0,
        3,
    )


def test_a_sample_that_was_not_finished_is_no_completion() -> None:
    assert completions_from([chunk(0, "a", "stop", 1), chunk(1, "b")], 2) is None
    assert completions_from([], 1) is None


@pytest.mark.parametrize(("counted", "known"), [(2, True), (3, False)])
def test_logprobs_are_given_only_where_every_token_has_one(counted: int, known: bool) -> None:
    answer = chunk(0, "ab", "stop", counted)
    answer["choices"][0]["logprobs"] = {"content": [{"id": 4, "logprob": -0.5}, {"id": 5, "logprob": -1.5}]}
    (completion,) = completions_from([answer], 1) or []
    assert completion.token_ids == ((4, 5) if known else None)
    assert completion.logprobs == ((-0.5, -1.5) if known else None)


def test_an_overflow_says_how_long_the_prompt_is_and_how_much_fits() -> None:
    error = {"type": "exceed_context_size_error", "message": "…", "n_prompt_tokens": 900, "n_ctx": 512}
    with pytest.raises(ContextOverflowError, match=r"900 tokens.*holds 512"):
        completions_from([{"error": error}], 1)


@pytest.mark.parametrize(
    "answer",
    [{"error": {"message": "no such sampler"}}, {"choices": [{"index": "first"}]}, chunk(0, "a", "stop")],
)
def test_what_is_refused_or_not_understood_is_a_policy_error(answer: dict[str, Any]) -> None:
    with pytest.raises(PolicyError, match=r"llama\.cpp"):
        completions_from([answer], 1)


def test_a_file_that_llama_cpp_cannot_load_is_one_clear_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("xllamacpp", reason="needs llama.cpp: scripts/reflexa setup embedded")
    path = tmp_path / "bad.gguf"
    path.write_bytes(b"GGUF\x03\x00\x00\x00" + bytes(16))
    with pytest.raises(PolicyError, match=r"cannot load .*bad\.gguf") as caught:
        start_engine(path, 1, 64, 1)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
