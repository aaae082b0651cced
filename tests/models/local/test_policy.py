"""Checkpoints with transformers: a tiny random Llama made here."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reflexa.errors import ContextOverflowError, PolicyError
from reflexa.models.local.policy import LocalPolicy
from reflexa.models.options import PolicyOptions
from reflexa.protocols import Policy
from reflexa.types import Message, Sampling
from tests.support.closing import closing_ends_calls
from tests.support.tiny_models import make_checkpoint

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

HI = (Message(role="user", content="Hi"),)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPolicy]:
    folder = make_checkpoint(tmp_path_factory.mktemp("local") / "tiny")
    opened = LocalPolicy(str(folder), PolicyOptions(slots=3, context=128, threads=1))
    yield opened
    opened.close()


def test_it_is_a_policy_that_counts_its_tokens(policy: LocalPolicy) -> None:
    assert isinstance(policy, Policy)
    assert policy.name.startswith("hf:")
    answer = policy.generate(HI, Sampling(max_tokens=6))[0]
    assert answer == policy.generate(HI, Sampling(max_tokens=6))[0]
    assert answer.usage.input_tokens == 1 + 5 + 2 + 1 + 1 + 1 + 10
    assert 1 <= answer.usage.output_tokens <= 6
    assert answer.token_ids is None
    assert answer.logprobs is None


def test_a_seed_fixes_the_draws_and_samples_differ(policy: LocalPolicy) -> None:
    sampling = Sampling(max_tokens=8, temperature=1.0, seed=3)
    answers = policy.generate(HI, sampling, n=5)
    assert len({answer.text for answer in answers}) > 1
    assert [answer.text for answer in policy.generate(HI, sampling, n=5)] == [answer.text for answer in answers]


def test_token_ids_and_logprobs_come_on_request(policy: LocalPolicy) -> None:
    answer = policy.generate(HI, Sampling(max_tokens=8, temperature=0.7, seed=1, logprobs=True))[0]
    assert answer.token_ids is not None
    assert answer.logprobs is not None
    assert len(answer.token_ids) == len(answer.logprobs) == answer.usage.output_tokens
    assert all(logprob <= 0 for logprob in answer.logprobs)


def test_threads_with_different_settings_share_batches_and_keep_their_own_limits(policy: LocalPolicy) -> None:
    def ask(limit: int) -> int:
        answer = policy.generate(HI, Sampling(max_tokens=limit, temperature=float(limit % 2), seed=limit))[0]
        assert answer.usage.output_tokens == limit or answer.finish_reason == "stop"
        return answer.usage.output_tokens

    with ThreadPoolExecutor(8) as pool:
        assert all(made <= limit for limit, made in zip(range(1, 13), pool.map(ask, range(1, 13)), strict=True))


def test_messages_that_do_not_fit_are_refused_with_both_counts(policy: LocalPolicy) -> None:
    with pytest.raises(ContextOverflowError, match=r"\d{3} tokens.*holds 128"):
        policy.generate([Message(role="user", content="x" * 200)], Sampling(max_tokens=4))


def test_an_answer_ends_where_the_context_does(policy: LocalPolicy) -> None:
    answer = policy.generate(HI, Sampling(max_tokens=10_000, temperature=1.0, seed=4))[0]
    assert answer.usage.tokens <= policy.context


def test_closing_ends_calls_under_way_and_refuses_further_ones(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "long", positions=200_000, ends=False)
    opened = LocalPolicy(str(folder), PolicyOptions(slots=1, context=200_000, threads=1))
    closing_ends_calls(opened, "closed")


def test_a_folder_without_a_checkpoint_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot load") as caught:
        LocalPolicy(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_nothing_is_printed(policy: LocalPolicy, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = make_checkpoint(tmp_path / "quiet")
    capfd.readouterr()
    opened = LocalPolicy(str(folder), PolicyOptions(slots=1, context=64, threads=1))
    opened.generate(HI, Sampling(max_tokens=2))
    opened.close()
    assert capfd.readouterr() == ("", "")
