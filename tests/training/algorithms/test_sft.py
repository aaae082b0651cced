"""Supervised rows as examples, and their loss."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.models.local.encoding import Encoder  # noqa: E402
from reflexa.rows import SFTRow  # noqa: E402
from reflexa.training.algorithms import find_algorithm  # noqa: E402
from reflexa.training.algorithms.algorithm import NoOptions  # noqa: E402
from reflexa.training.engine.loading import load_skeleton, load_tokenizer  # noqa: E402
from reflexa.training.engine.scored import Scored  # noqa: E402
from tests.support.tiny_models import make_checkpoint  # noqa: E402
from tests.training.rows import chat  # noqa: E402

SFT = find_algorithm("sft")


def test_an_answer_follows_its_prompt_and_ends_its_turn(tmp_path: Path) -> None:
    where = str(make_checkpoint(tmp_path / "base"))
    tokenizer = load_tokenizer(where)
    row = SFTRow.model_validate({"prompt": chat("user", "Hi"), "completion": chat("assistant", "Ho")})
    example = SFT.encode(row, Encoder(load_skeleton(where), tokenizer))
    assert tokenizer.decode(list(example.prompt)) == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.decode(list(example.completions[0])) == "Ho<|im_end|>"


def test_the_loss_is_the_mean_over_tokens() -> None:
    scored = Scored((), torch.tensor([-1.0, -2.0, -6.0]), torch.tensor([2, 1]))
    output = SFT.loss(scored, NoOptions())
    assert float(output.loss) == 3.0
    assert float(output.weight) == 3.0
