"""GGUF models on llama.cpp: a tiny random one made here, and the embedded one where it is installed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reflexa.errors import ContextOverflowError, PolicyError
from reflexa.models.embedded import embedded_path
from reflexa.models.gguf.policy import GgufPolicy
from reflexa.models.options import PolicyOptions
from reflexa.protocols import Policy
from reflexa.types import Message, Sampling
from tests.support.closing import closing_ends_calls
from tests.support.tiny_models import PAYLOADS, make_gguf

pytest.importorskip("xllamacpp", reason="needs llama.cpp: scripts/reflexa setup embedded")
pytest.importorskip("gguf", reason="writing a GGUF file needs the package gguf: scripts/reflexa setup train")

SLOTS = PolicyOptions(slots=2, context=256, threads=1)
HI = (Message(role="user", content="Hi"),)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="module")
def policy(file: Path) -> Iterator[GgufPolicy]:
    opened = GgufPolicy(file, SLOTS)
    yield opened
    opened.close()


def test_it_is_a_policy_named_after_its_file(policy: GgufPolicy, file: Path) -> None:
    assert isinstance(policy, Policy)
    assert policy.name == f"gguf:{file}"


def test_greedy_answers_repeat_and_tokens_are_counted(policy: GgufPolicy) -> None:
    sampling = Sampling(max_tokens=12)
    first, again = policy.generate(HI, sampling)[0], policy.generate(HI, sampling)[0]
    assert first == again
    assert first.finish_reason == "length"
    assert first.usage.output_tokens == 12
    # <|im_start|> user \n H i <|im_end|> \n <|im_start|> assistant \n, one token a byte
    assert first.usage.input_tokens == 1 + 5 + 2 + 1 + 1 + 1 + 10
    assert first.usage.cost_usd == 0.0


def test_a_seed_fixes_the_draws(policy: GgufPolicy) -> None:
    def text(seed: int) -> str:
        return policy.generate(HI, Sampling(max_tokens=24, temperature=1.0, seed=seed))[0].text

    assert text(5) == text(5)
    assert text(5) != text(6)
    assert text(-1)


def test_samples_differ_and_count_the_prompt_once_a_group(policy: GgufPolicy) -> None:
    answers = policy.generate(HI, Sampling(max_tokens=16, temperature=1.0, seed=1), n=5)
    assert len({answer.text for answer in answers}) == 5
    assert [answer.usage.input_tokens > 0 for answer in answers] == [True, False, True, False, True]
    assert all(answer.usage.output_tokens == 16 for answer in answers)


def test_a_stop_string_ends_the_answer_and_is_left_out(policy: GgufPolicy) -> None:
    whole = policy.generate(HI, Sampling(max_tokens=24))[0].text
    stop = next(character for character in whole[3:] if character.isascii() and character not in whole[:3])
    answer = policy.generate(HI, Sampling(max_tokens=24, stop=("never to be seen", stop, "")))[0]
    assert answer.text == whole[: whole.index(stop)]
    assert answer.finish_reason == "stop"


def test_an_answer_ends_where_the_context_does(policy: GgufPolicy) -> None:
    answer = policy.generate(HI, Sampling(max_tokens=10_000, temperature=1.0, seed=2))[0]
    assert answer.finish_reason in ("length", "stop")
    assert answer.usage.tokens <= policy.context


def test_messages_that_do_not_fit_are_refused_with_both_counts(policy: GgufPolicy) -> None:
    with pytest.raises(ContextOverflowError, match=r"\d{3} tokens.*holds 256"):
        policy.generate([Message(role="user", content="x" * 300)], Sampling(max_tokens=4))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_message_cannot_bring_control_tokens_along(policy: GgufPolicy, payload: str) -> None:
    """A byte a token: were any control token read in the payload, the prompt would have fewer tokens."""
    plain = policy.generate([Message(role="user", content="")], Sampling(max_tokens=1))[0].usage.input_tokens
    attacked = policy.generate([Message(role="user", content=payload)], Sampling(max_tokens=1))[0].usage.input_tokens
    assert attacked == plain + len(payload.encode())


def test_a_payload_is_spelled_out_as_it_was_written(policy: GgufPolicy) -> None:
    """The model sees the same tokens as for an untouched text: `<` apart from the rest, nothing else changed."""
    whole = policy.generate([Message(role="user", content="<|im_end|>")], Sampling(max_tokens=1))[0]
    split = policy.generate([Message(role="user", content="<|im_end|")], Sampling(max_tokens=1))[0]
    assert whole.usage.input_tokens == split.usage.input_tokens + 1


@pytest.mark.parametrize("text", ["\ud800", "\x00", "\u202e\x1b[31m", "é" * 20, ""])
def test_odd_text_is_taken(policy: GgufPolicy, text: str) -> None:
    assert policy.generate([Message(role="user", content=text)], Sampling(max_tokens=2))[0].usage.output_tokens <= 2


def test_more_threads_than_slots_are_all_answered(policy: GgufPolicy) -> None:
    def ask(seed: int) -> int:
        sampling = Sampling(max_tokens=20, temperature=1.0, seed=seed)
        return sum(len(policy.generate(HI, sampling, n=n)) for n in (1, 3))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(16))) == [4] * 16


def test_logprobs_belong_to_the_tokens(policy: GgufPolicy) -> None:
    answers = [
        policy.generate(HI, Sampling(max_tokens=1, temperature=3.0, seed=seed, logprobs=True))[0] for seed in range(24)
    ]
    known = {answer.token_ids[0]: answer.logprobs[0] for answer in answers if answer.token_ids and answer.logprobs}
    assert len(known) > 3
    assert sum(2.718281828**logprob for logprob in known.values()) <= 1.0001


def test_nothing_is_printed(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    opened = GgufPolicy(file, SLOTS)
    opened.generate(HI, Sampling(max_tokens=4))
    opened.close()
    assert capfd.readouterr() == ("", "")


def test_one_policy_can_be_closed_while_another_works(policy: GgufPolicy, file: Path) -> None:
    other = GgufPolicy(file, SLOTS)
    before = other.generate(HI, Sampling(max_tokens=12))[0]
    other.close()
    assert policy.generate(HI, Sampling(max_tokens=12))[0].text == before.text


def test_closing_ends_calls_under_way_and_refuses_further_ones(tmp_path: Path) -> None:
    opened = GgufPolicy(make_gguf(tmp_path / "long.gguf", positions=65536), PolicyOptions(slots=1, context=65536))
    closing_ends_calls(opened, "closed while it was answering")


INTERRUPTED = """
import sys
from pathlib import Path
from reflexa.models.gguf.policy import GgufPolicy
from reflexa.models.options import PolicyOptions
from reflexa.types import Message, Sampling

policy = GgufPolicy(Path(sys.argv[1]), PolicyOptions(slots=2, context=65536))
print("asking", flush=True)
try:
    policy.generate([Message(role="user", content="Hi")], Sampling(max_tokens=60_000), n=2)
except KeyboardInterrupt:
    policy.close()
    print("interrupted")
"""


def test_ctrl_c_reaches_the_caller_while_llama_cpp_computes(tmp_path: Path) -> None:
    model = make_gguf(tmp_path / "long.gguf", positions=65536)
    command = [sys.executable, "-c", INTERRUPTED, str(model)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asking\n"
        threading.Event().wait(0.3)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    assert (output, process.returncode) == ("interrupted\n", 0)


def test_the_memory_is_known_before_and_what_cannot_fit_is_refused(file: Path) -> None:
    with pytest.raises(PolicyError, match=r"needs .* GB .*this machine has"):
        GgufPolicy(file, PolicyOptions(slots=2**40, context=256))


MEMORY = """
import os, sys
from pathlib import Path
from reflexa.models.gguf.policy import GgufPolicy
from reflexa.models.options import PolicyOptions

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

GgufPolicy(Path(sys.argv[1]), PolicyOptions(slots=1, context=256, threads=1)).close()
before = resident()
left = []
for _ in range(5):
    policy = GgufPolicy(Path(sys.argv[1]), PolicyOptions(slots=4, context=2**17, threads=1))
    held, expected = resident() - before, policy.kv_bytes
    policy.close()
    left.append(resident() - before)
print(held, expected, left[-1])
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_closing_gives_the_memory_back(tmp_path: Path) -> None:
    model = make_gguf(tmp_path / "wide.gguf", positions=2**17)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", MEMORY, str(model)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=True)
    held, expected, left = (int(word) for word in done.stdout.split())
    assert held > expected
    # The allocator keeps some for itself; keys and values of even one of the five must not stay.
    assert left < expected


def test_the_engines_own_port_answers_nobody(policy: GgufPolicy) -> None:
    address = policy._engine.listening_address
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{address}/v1/models", timeout=5)
    assert caught.value.code == 401
    caught.value.close()


def test_a_control_token_that_the_vocabulary_cannot_spell_is_an_error(policy: GgufPolicy) -> None:
    with pytest.raises(PolicyError, match="cannot spell"):
        policy._spelled("\uff5c")


def _embedded() -> Path:
    try:
        return embedded_path()
    except PolicyError as error:
        pytest.skip(str(error))


def test_the_embedded_model_writes_python_and_knows_its_tokens() -> None:
    policy = GgufPolicy(_embedded(), PolicyOptions(slots=1, context=512, threads=1), name="embedded")
    question = [Message(role="user", content="Write a Python function that adds two numbers.")]
    answer = policy.generate(question, Sampling(max_tokens=16))[0]
    known = policy.generate(question, Sampling(max_tokens=16, logprobs=True))[0]
    opened = policy.generate([Message(role="user", content=PAYLOADS[0])], Sampling(max_tokens=1))[0]
    policy.close()
    assert answer.text.startswith("```python\ndef add")
    assert known.text == answer.text
    assert known.token_ids is not None
    assert known.logprobs is not None
    assert len(known.token_ids) == len(known.logprobs) == 16
    assert all(logprob <= 0 for logprob in known.logprobs)
    assert opened.usage.input_tokens > 40
