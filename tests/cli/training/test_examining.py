"""Which suite judges the checkpoints of a training on rows, and what its settings may not be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")

from reflexa.cli.training.examining import check_rows_apart, source_of
from reflexa.errors import ConfigError, UsageError
from reflexa.tasks import load_suite
from reflexa.training.config import TrainConfig
from tests.cli.support import letters_suite


def test_the_test_split_judges_unless_another_is_named() -> None:
    assert source_of({}) is None
    named, other = source_of({"suite": "gsm8k"}), source_of({"suite": "gsm8k", "held_out_split": "dev"})
    assert (named is not None and named.held_out_split, other is not None and other.held_out_split) == ("test", "dev")


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"suite": "gsm8k", "split": "train"}, UsageError, r"tasks\.split says which tasks are learnt"),
        ({"verifier": "regex:x"}, UsageError, r"no suite for verifier: .*--task SUITE"),
        ({"suite": "gsm8k", "held_out_limits": 3}, ConfigError, "held_out_limits"),
    ],
)
def test_other_settings_are_refused(given: dict[str, object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        source_of(given)


@pytest.mark.parametrize(
    "prompt", ["test 2?", [{"role": "user", "content": "test 2?"}], [{"role": "user", "content": "train 2?"}]]
)
def test_rows_are_known_by_what_their_prompts_say(tmp_path: Path, prompt: object) -> None:
    suite = load_suite(letters_suite(tmp_path), split="test", workspace=tmp_path)
    rows = tmp_path / "rows.jsonl"
    answer = "a" if isinstance(prompt, str) else [{"role": "assistant", "content": "a"}]
    rows.write_text(json.dumps({"prompt": prompt, "completion": answer}) + "\n")
    config = TrainConfig(algorithm="sft", model="m", data=(rows,), output=tmp_path / "out")
    if "train" in str(prompt):
        check_rows_apart(config, suite)
    else:
        with pytest.raises(UsageError, match=r"1 rows answer tasks of letters.* \(letters/test2, …\)"):
            check_rows_apart(config, suite)
