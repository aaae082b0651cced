"""Two runs on the same tasks."""

from __future__ import annotations

import pytest

from reflexa.errors import UsageError
from reflexa.evaluation.compare import compare
from reflexa.evaluation.statistics import mcnemar_exact
from reflexa.types import Episode
from tests.evaluation.support import episode, run


def passing(number: int) -> Episode:
    return episode(number, [(1.0, 1.0)])


def failing(number: int) -> Episode:
    return episode(number, [(0.0, 0.0)])


def late(number: int) -> Episode:
    return episode(number, [(0.0, 0.0), (1.0, 1.0)], overhead=50)


A = [passing(0), passing(1), failing(2), failing(3), failing(9)]
B = [passing(3), failing(1), passing(2), passing(0)]


def test_runs_are_paired_by_task() -> None:
    result = compare((run("a"), A), (run("b"), B))
    assert (result.n, result.both, result.only_a, result.only_b, result.neither) == (4, 1, 1, 2, 0)
    assert (result.recovered, result.regressed) == (("T/2", "T/3"), ("T/1",))
    assert (result.unpaired_a, result.unpaired_b) == (1, 0)
    assert result.difference == pytest.approx(0.25)
    assert (result.a.solved, result.a.rate, result.b.solved, result.b.rate) == (2, 0.5, 3, 0.75)
    assert (result.a.calls, result.a.tokens) == (4, 400)
    assert result.mcnemar.p == mcnemar_exact(1, 2)
    assert result.ci95[0] <= result.difference <= result.ci95[1]


def test_swapping_the_runs_swaps_the_signs() -> None:
    forth, back = compare((run("a"), A), (run("b"), B)), compare((run("b"), B), (run("a"), A))
    assert back.difference == -forth.difference
    assert (back.recovered, back.regressed) == (("T/1",), ("T/3", "T/2"))
    assert back.mcnemar.p == forth.mcnemar.p


def test_a_small_difference_is_not_called_one() -> None:
    conclusion = compare((run("a"), A), (run("b"), B)).conclusion
    assert conclusion == "b solved 3 and a 2 of the same 4 tasks (exact McNemar p = 1): not shown to differ at 5 %."


def test_a_difference_beyond_chance_names_the_better_run() -> None:
    a, b = [failing(n) for n in range(8)], [passing(n) for n in range(8)]
    expected = (
        "better solved 8 and worse 0 of the same 8 tasks (exact McNemar p = 0.00781): better solved more than worse"
    )
    assert compare((run("worse"), a), (run("better"), b)).conclusion.startswith(expected)
    assert "better solved more than worse" in compare((run("better"), b), (run("worse"), a)).conclusion


def test_unequal_costs_and_oracles_are_pointed_out() -> None:
    a, b = [passing(n) for n in range(4)], [late(n) for n in range(4)]
    conclusion = compare((run("a"), a), (run("b", feedback="oracle"), b)).conclusion
    assert "b spent 2.5 times the tokens of a: this is no comparison at equal cost." in conclusion
    assert "The judge itself was the feedback (oracle) in b." in conclusion


def test_memory_is_shown_and_pointed_out_where_it_is_not_all_that_differs() -> None:
    with_lessons = run("b", memory="suite", explore=0.1)
    result = compare((run("a"), A), (with_lessons, B))
    assert (result.a.memory, result.b.memory, result.b.explore) == ("episode", "suite", 0.1)
    assert "Of b's lessons a share of 0.1 was left out at random." in result.conclusion
    assert "as well as in strategy" not in result.conclusion
    other = compare((run("a", strategy="retry"), A), (with_lessons, B))
    assert "They differ in memory (episode, suite) as well as in strategy" in other.conclusion


def test_another_embedder_is_pointed_out_where_lessons_were_found_by_it() -> None:
    words, vectors = run("a", memory="suite"), run("b", memory="suite", embedder="wordllama")
    result = compare((words, A), (vectors, B))
    assert (result.a.embedder, result.b.embedder) == ("none", "wordllama")
    assert "Their lessons were found by different embedders (none, wordllama)." in result.conclusion
    unused = compare((run("a"), A), (run("b", embedder="wordllama"), B))
    assert unused.b.embedder == "none"
    assert "embedders" not in unused.conclusion


def test_the_curve_shows_what_each_run_solves_for_the_same_tokens() -> None:
    a, b = [passing(0), failing(1)], [late(0), late(1)]
    curve = compare((run("a"), a), (run("b"), b)).curve
    assert [(point.tokens, point.a, point.b) for point in curve] == [(100, 0.5, 0.0), (250, 0.5, 1.0)]


def test_a_curve_ends_at_the_final_rates() -> None:
    result = compare((run("a"), A), (run("b"), B))
    assert (result.curve[-1].a, result.curve[-1].b) == (result.a.rate, result.b.rate)


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        ({"suite": "else"}, r"run a is of own \(test\), run b of else \(test\)"),
        ({"split": "train"}, r"run b of own \(train\)"),
        ({"suite_digest": "e" * 64}, "different contents of own"),
    ],
)
def test_runs_of_different_suites_are_refused(other: dict[str, str], complaint: str) -> None:
    b = run("b")
    changed = b.model_copy(update={"config": b.config.model_copy(update=other)})
    with pytest.raises(UsageError, match=complaint):
        compare((run("a"), A), (changed, B))


def test_runs_without_a_common_task_are_refused() -> None:
    with pytest.raises(UsageError, match="no task in common"):
        compare((run("a"), A[:1]), (run("b"), B[:1]))
