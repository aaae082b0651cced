"""A GGUF becomes a checkpoint that transformers loads and that answers as the GGUF does."""

from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.errors import PolicyError
from reflexa.models import PolicyOptions, open_policy
from reflexa.models.embedded import embedded_path
from reflexa.models.local.dequantised import checkpoint_of, dequantised
from reflexa.types import Message, Sampling

QUESTION = (Message(role="user", content="What is the capital of France? Answer in one word."),)


def test_names_that_are_checkpoints_stay_as_they_are(tmp_path: Path) -> None:
    assert checkpoint_of("hf:someone/model") == "someone/model"
    assert checkpoint_of(str(tmp_path)) == str(tmp_path)


def test_a_file_that_is_not_there_or_no_gguf_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"no GGUF file .*gone\.gguf"):
        checkpoint_of(f"gguf:{tmp_path / 'gone.gguf'}")
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF and then nothing of the kind")
    with pytest.raises(PolicyError, match=r"broken\.gguf cannot be turned into a checkpoint"):
        dequantised(broken)


def test_the_embedded_model_answers_alike() -> None:
    try:
        embedded_path()
    except PolicyError:
        pytest.skip("the embedded model's weights are not installed")
    answers = []
    for spec in ("embedded", f"hf:{checkpoint_of('embedded')}"):
        policy = open_policy(spec, PolicyOptions(slots=1, context=512))
        answers.append(policy.generate(QUESTION, Sampling(max_tokens=12))[0].text)
        policy.close()
    assert "Paris" in answers[0]
    assert "Paris" in answers[1]
