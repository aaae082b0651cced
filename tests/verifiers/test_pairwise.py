"""Pairwise comparison: both orders, soft preferences, and an answer held against the reference."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from reflexa.errors import TransientVerifierError, UsageError
from reflexa.types import Message
from reflexa.verifiers import open_verifier
from reflexa.verifiers.judging import Panel
from reflexa.verifiers.pairwise import Pairwise, Preference, Standard, open_comparison
from tests.verifiers.judges import RIGHT, TASK, RuleJudge, attempt, means, pieces, scripted

WORKSPACE = Path(__file__).parents[2]


def _says(better: str, reason: str = "So it is.") -> str:
    return json.dumps({"reason": reason, "better": better})


def _by_content(better: Callable[[str, str], str]) -> RuleJudge:
    """A judge that looks at the two answers alone."""

    def rule(prompt: str) -> str:
        _, first, second = pieces(prompt)
        return _says(better(first, second), f"{first} against {second}")

    return RuleJudge(rule)


LONGER = _by_content(lambda first, second: "first" if len(first) > len(second) else "second")


def _compare(judge: RuleJudge, a: str, b: str, *standards: str) -> Preference:
    return Pairwise("x", _named(*(standards or ("The longer one.",))), Panel((judge,))).compare(TASK, a, b)


def _named(*texts: str) -> tuple[Standard, ...]:
    return tuple(Standard(id=text.lower().strip("."), text=text) for text in texts)


def test_a_judge_that_goes_by_the_answers_prefers_the_same_one_in_both_orders() -> None:
    assert _compare(LONGER, "long answer", "short").model_dump(exclude={"votes"}) == {
        "probability": 1.0,
        "winner": "a",
        "consistency": 1.0,
    }
    other = _compare(LONGER, "short", "long answer")
    assert (other.probability, other.winner) == (0.0, "b")
    assert other.votes[0].reasons == ("short against long answer", "long answer against short")


@pytest.mark.parametrize("place", ["first", "second"])
def test_a_judge_that_goes_by_the_order_knows_nothing(place: str) -> None:
    preference = _compare(RuleJudge(lambda prompt: _says(place)), "one", "two")
    assert (preference.probability, preference.winner, preference.consistency) == (0.5, "tie", 0.0)


def test_a_tie_is_half() -> None:
    preference = _compare(RuleJudge(lambda prompt: _says("tie")), "one", "two")
    assert (preference.probability, preference.winner, preference.consistency) == (0.5, "tie", 1.0)


def test_preferences_are_the_mean_over_standards_votes_and_orders() -> None:
    judge = scripted(
        *(_says(said) for said in ("first", "first", "second", "second")),  # a both times, in both orders
        *(_says(said) for said in ("first", "tie", "second", "first")),  # a; then a tie that becomes b
    )
    preference = Pairwise("x", _named("One.", "Two."), Panel((judge,), votes=2, temperature=0.7)).compare(
        TASK, "a", "b"
    )
    assert [vote.share for vote in preference.votes] == [1.0, 1.0, 1.0, 0.25]
    assert [vote.winner for vote in preference.votes] == ["a", "a", "a", "tie"]
    assert preference.probability == pytest.approx(3.25 / 4)
    assert (preference.winner, preference.consistency) == ("a", 0.75)


@pytest.mark.parametrize(
    ("a", "b", "winner"), [("", "an answer", "b"), ("an answer", " ", "a"), ("", " ", "tie"), ("same", "same", "tie")]
)
def test_what_needs_no_judge_costs_none(a: str, b: str, winner: str) -> None:
    judge = RuleJudge(lambda prompt: _says("first"))
    assert _compare(judge, a, b).winner == winner
    assert judge.asked == []


def test_an_answer_is_held_against_the_reference() -> None:
    verifier = open_verifier("pairwise", means(LONGER))
    assert verifier.name == "pairwise:correctness"
    better = verifier.verify(TASK, attempt(RIGHT * 10))
    assert (better.score, better.passed, better.feedback) == (1.0, True, "")
    worse = verifier.verify(TASK, attempt("42"))
    assert (worse.score, worse.passed) == (0.0, False)
    assert worse.feedback.startswith("42 against 6 * 7 = 42 by the table of seven.")
    assert worse.checks[0].detail == "better 0, as good 0, worse 1, contradicted between the orders 0"


def test_a_judge_that_goes_by_the_order_passes_nothing() -> None:
    judge = RuleJudge(lambda prompt: _says("first"))
    verdict = open_verifier("pairwise", means(judge)).verify(TASK, attempt("anything"))
    assert (verdict.score, verdict.passed) == (0.5, False)
    assert not open_verifier("pairwise", means(judge)).verify(TASK, attempt("")).passed


def test_as_feedback_it_would_be_an_oracle(tmp_path: Path) -> None:
    (tmp_path / "verifiers").mkdir()
    (tmp_path / "verifiers" / "mine.toml").write_text(
        'kind = "pairwise"\n[[criteria]]\nname = "a"\ndescription = "Is it a?"\n'
    )
    for spec in ("pairwise", "mine"):
        assert open_verifier(spec, means(LONGER, workspace=tmp_path))
        with pytest.raises(UsageError, match="--feedback oracle"):
            open_verifier(spec, means(LONGER, workspace=tmp_path, blind=True))


def test_a_constitutions_principles_are_standards_each_by_itself() -> None:
    judge = RuleJudge(lambda prompt: _says("first"))
    path = WORKSPACE / "verifiers" / "harmless-honest-brief.toml"
    preference = open_comparison(path, means(judge, blind=True)).compare(TASK, "one", "two")
    assert len(preference.votes) == 3
    assert len(judge.asked) == 6
    assert "helps nobody to hurt" in judge.asked[0]


def test_a_reply_that_is_no_verdict_is_never_a_preference() -> None:
    with pytest.raises(TransientVerifierError):
        _compare(RuleJudge(lambda prompt: _says("the first one")), "one", "two")


class LeansTo:
    """A chooser that finds the answer with more of a word likelier, and otherwise leans to the first."""

    name = "leaning"

    def __init__(self, word: str) -> None:
        self._word = word
        self.asked: list[str] = []

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> list[float]:
        self.asked.append(messages[0].content)
        assert options == ("A", "B")
        _, first, second = pieces(messages[0].content)
        lead = first.count(self._word) - second.count(self._word)
        likely = 0.6 + 0.2 * lead
        return [likely, 1 - likely]


def test_likelihoods_are_averaged_over_both_orders() -> None:
    chooser = LeansTo("please")
    comparison = Pairwise("x", _named("More polite."), Panel(()), chooser)
    liked = comparison.compare(TASK, "yes, please", "yes")
    assert liked.probability == pytest.approx((0.8 + 1 - 0.4) / 2)
    assert (liked.winner, liked.consistency, liked.votes[0].standard) == ("a", 1.0, "more polite")
    same = comparison.compare(TASK, "yes", "no")
    assert (same.probability, same.winner, same.consistency) == (0.5, "tie", 0.0)
    assert (comparison.judge, len(chooser.asked)) == ("leaning", 4)


def test_principles_are_drawn_by_key_and_task_and_named_in_the_votes() -> None:
    chooser = LeansTo("please")
    comparison = Pairwise("x", _named("One.", "Two.", "Three.", "Four."), Panel(()), chooser)

    def drawn(key: str) -> list[str]:
        return [vote.standard for vote in comparison.compare(TASK, "a", "b", standards=2, key=key).votes]

    assert drawn("0") == drawn("0")
    assert len(set(drawn("0"))) == 2
    assert len({tuple(sorted(drawn(str(key)))) for key in range(20)}) > 3
    with pytest.raises(UsageError, match="at least one"):
        comparison.compare(TASK, "a", "b", standards=0)


def test_likelihoods_need_a_way_to_open_a_checkpoint_and_one_judge(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pass Means"):
        open_comparison(None, means(scripted()), likelihoods=True)
    panel = tmp_path / "panel.toml"
    lines = ('kind = "critic"', 'name = "x"', 'description = "d"', 'models = ["a", "b"]', "[[criteria]]")
    panel.write_text("\n".join([*lines, 'name = "c"', 'description = "d"']))
    with pytest.raises(UsageError, match="2 judges"):
        open_comparison(panel, means(scripted()), likelihoods=True)
