"""A model's tokens as text: where an answer ends, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.errors import UsageError  # noqa: E402
from reflexa.training.online.rollouts import OnlinePrompt  # noqa: E402
from reflexa.training.online.speaking import Speaker  # noqa: E402
from tests.training.online.runs import make_online  # noqa: E402


def make_speaker(folder: Path, *stop: str) -> Speaker:
    config = make_online(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(config.model)
    return Speaker(model, transformers.AutoTokenizer.from_pretrained(config.model), stop)


def test_an_empty_prompt_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="prompt p is empty"):
        make_speaker(tmp_path).prompt(OnlinePrompt(id="p", prompt=""))


def test_a_text_ends_before_what_stops_it(tmp_path: Path) -> None:
    plain, stopped = make_speaker(tmp_path), make_speaker(tmp_path, "b", "c")
    tokens = plain.prompt(OnlinePrompt(id="p", prompt="aacba"))
    assert plain.text(tokens) == "aacba"
    assert stopped.text(tokens) == "aa"
    assert stopped.ends > plain.ends


def test_an_end_is_completed_by_its_token(tmp_path: Path) -> None:
    speaker = make_speaker(tmp_path)
    tokens = speaker.prompt(OnlinePrompt(id="p", prompt="aacba"))
    for end in range(1, 6):
        place = speaker.places(tokens, [end])[0]
        assert len(speaker.text(tokens[: place + 1])) >= end
        assert len(speaker.text(tokens[:place])) < end
    assert speaker.places(tokens, [99]) == [len(tokens) - 1]
