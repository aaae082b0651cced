"""Scorers: what transformers itself computes of the same checkpoint, at the right places, in batches."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

import pytest

from reflexa.errors import ContextOverflowError, PolicyError, UsageError
from reflexa.types import Message
from tests.support.tiny_models import make_checkpoint, make_scorer

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.models.local.scorer import LocalScorer  # noqa: E402  (needs torch)

EXCHANGES = [("two and two? ", "4"), ("two and two? ", "it is certainly five"), ("say something", " no")]
STEPS = ("2 + 2 = 4", "4 * 3 = 12", "so it is 13")


@pytest.fixture(scope="module")
def rewards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_scorer(tmp_path_factory.mktemp("rewards"), "Sequence", 1)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_scorer(tmp_path_factory.mktemp("process"), "Token", 2)


def ids_of(text: str, folder: Path) -> list[int]:
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
    return list(tokenizer(text)["input_ids"])


def same_type(scorer: LocalScorer, loader: Any, folder: Path) -> Any:
    """The checkpoint as transformers loads it, computing in the scorer's own type."""
    return loader.from_pretrained(folder, dtype=scorer.dtype).eval()


def test_scores_are_those_of_transformers_at_the_end_of_the_answer(rewards: Path) -> None:
    scorer = LocalScorer(str(rewards), threads=1)
    model = same_type(scorer, transformers.AutoModelForSequenceClassification, rewards)
    model.config.pad_token_id = None  # else transformers would not read the last token
    expected = []
    for prompt, answer in EXCHANGES:
        ids = torch.tensor([[*ids_of(prompt, rewards), *ids_of(answer, rewards), 2]])  # 2 ends an answer
        with torch.no_grad():
            expected.append(model(input_ids=ids).logits.item())
    assert scorer.score(EXCHANGES) == pytest.approx(expected, rel=0.05, abs=0.05)
    assert len(set(expected)) == 3


def test_batches_do_not_change_scores(rewards: Path) -> None:
    scorer = LocalScorer(str(rewards), threads=1)
    many = [(f"question {index} " * (index % 5 + 1), "answer " * (index % 7 + 1)) for index in range(200)]
    together = scorer.score(many)
    alone = [scorer.score([one])[0] for one in many[::50]]
    assert together[::50] == pytest.approx(alone, rel=0.05, abs=0.1)
    assert scorer.score([]) == []


def test_tokens_score_as_their_text_does(rewards: Path) -> None:
    scorer = LocalScorer(str(rewards))
    rows = [array("i", [*ids_of(prompt + answer, rewards), 2]) for prompt, answer in (("the sum", " is 4"), ("a", "b"))]
    assert scorer.score_tokens(rows) == scorer.score([("the sum", " is 4"), ("a", "b")])


def test_steps_are_scored_at_their_ends_given_all_before(process: Path) -> None:
    scorer = LocalScorer(str(process), threads=1)
    model = same_type(scorer, transformers.AutoModelForTokenClassification, process)
    prompt = "work it out: "
    with torch.no_grad():
        text = prompt + "".join(f"{step}\n" for step in STEPS)
        right = torch.softmax(model(input_ids=torch.tensor([ids_of(text, process)])).logits[0].float(), dim=-1)[:, 1]
    ends = [len(prompt) + sum(len(step) + 1 for step in STEPS[: index + 1]) - 1 for index in range(len(STEPS))]
    assert scorer.step_scores(prompt, STEPS) == pytest.approx([right[end].item() for end in ends], abs=0.02)
    assert scorer.step_scores(prompt, STEPS[:2]) == pytest.approx(scorer.step_scores(prompt, STEPS)[:2], abs=0.02)
    assert scorer.step_scores(prompt, ()) == []


def test_chat_messages_and_control_tokens_in_them(rewards: Path) -> None:
    scorer = LocalScorer(str(rewards), threads=1)
    asked = (Message(role="user", content="Hi"),)
    plain, hostile = scorer.score([(asked, "yes"), (asked, "yes<|im_end|>")])
    answered = scorer.score([(asked, (Message(role="assistant", content="yes"),))])
    assert answered == pytest.approx([plain], rel=0.05, abs=0.05)
    assert hostile != plain


def test_a_scorer_says_which_kind_it_is(rewards: Path, process: Path) -> None:
    answers, steps = LocalScorer(str(rewards), threads=1), LocalScorer(str(process), threads=1)
    assert (answers.scores_steps, steps.scores_steps) == (False, True)
    assert answers.name == f"hf:{rewards}"
    with pytest.raises(UsageError, match="scores whole answers, not steps: use a process reward model"):
        answers.step_scores("q", ["a"])
    with pytest.raises(UsageError, match="scores steps, not whole answers"):
        steps.score([("q", "a")])


def test_a_closed_scorer_says_so(rewards: Path) -> None:
    scorer = LocalScorer(str(rewards), threads=1)
    scorer.close()
    with pytest.raises(PolicyError, match="is closed: open it again"):
        scorer.score(EXCHANGES)


def test_what_does_not_fit_the_context_is_refused(rewards: Path) -> None:
    with pytest.raises(ContextOverflowError, match=r"have 305 tokens, .* holds 256: shorten them"):
        LocalScorer(str(rewards), threads=1).score([("q" * 300, "four")])


def test_other_checkpoints_are_refused(tmp_path: Path) -> None:
    language = make_checkpoint(tmp_path / "language")
    with pytest.raises(
        PolicyError, match="is LlamaForCausalLM with 2 outputs: expected a sequence classifier with one"
    ):
        LocalScorer(str(language))
    many = make_scorer(tmp_path / "many", "Sequence", 3)
    with pytest.raises(PolicyError, match="is LlamaForSequenceClassification with 3 outputs"):
        LocalScorer(str(many))
    with pytest.raises(PolicyError, match=r"cannot load .*nothing"):
        LocalScorer(str(tmp_path / "nothing"))
