from __future__ import annotations

from reflexa.cli.runs.report import RunReport, comparison_table, rate, table, title
from reflexa.evaluation import compare, summarise
from reflexa.types import (
    Attempt,
    Completion,
    Episode,
    Graded,
    Message,
    RunConfig,
    RunRecord,
    Task,
    Usage,
    Verdict,
)

RUN = RunRecord(id="k7f2c1m9", config=RunConfig(suite="mine", model="m\x1b[31m", attempts=2, task_ids=("a", "b", "c")))


def episode(task_id: str, *passed: bool, error: str | None = None) -> Episode:
    usage = Usage(input_tokens=1000, output_tokens=10, cost_usd=0.001)
    tries = tuple(
        Graded(
            attempt=Attempt(index=index, answer="x", completion=Completion(text="x", usage=usage)),
            feedback=Verdict(score=float(ok), passed=ok),
            judged=Verdict(score=float(ok), passed=ok),
        )
        for index, ok in enumerate(passed)
    )
    return Episode(
        task=Task(id=task_id, suite="mine", prompt=(Message(role="user", content="?"),)),
        strategy="reflexion",
        tries=tries,
        submitted=len(tries) - 1 if tries else None,
        stop_reason="error" if error else "passed",
        error=error,
        usage=sum((graded.attempt.completion.usage for graded in tries if graded.attempt.completion), Usage()),
        calls=len(tries),
        seconds=1.0,
    )


EPISODES = [episode("a", True), episode("b", False, True), episode("c", False, error="TransientPolicyError: 503")]


def test_the_table_counts_what_is_solved_after_each_attempt() -> None:
    lines = table(summarise(RUN, EPISODES, seconds=102)).splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["attempt", "solved", "rate", "gained"],
        ["1", "1/3", "33.3", "%", "[6–79]", "–"],
        ["2", "2/3", "66.7", "%", "[21–94]", "+1"],
    ]
    assert lines[3] == "2 solved, 0 not, 1 error in 1m42s · 4 calls · 4.0k tokens in, 40 out · $0.004"


def test_the_title_is_inert_and_marks_an_oracle() -> None:
    assert title(RUN) == r"run k7f2c1m9: mine (test) · m\x1b[31m · reflexion · feedback auto"
    peeked = RUN.model_copy(
        update={"name": "n", "config": RUN.config.model_copy(update={"feedback": "oracle", "strategy": "retry"})}
    )
    assert "run k7f2c1m9 (n): mine (test) · " in title(peeked)
    assert "ORACLE: the agent saw the judge's verdicts" in title(peeked)


def test_no_tasks_have_no_rate() -> None:
    assert rate(0, 0) == "–"
    assert "0 solved, 0 not, 0 errors" in table(summarise(RUN, [], seconds=0))


def test_the_report_says_how_many_tasks_were_planned() -> None:
    found = RunReport.of(RUN, summarise(RUN, EPISODES[:2]))
    assert (found.n_planned, found.n_tasks, found.status) == (3, 2, "running")


def test_a_comparison_names_tasks_and_reservations() -> None:
    other = RUN.model_copy(update={"id": "m3x9"})
    theirs = [episode("a", False), episode("b", True), episode("d", True)]
    lines = comparison_table(compare((RUN, EPISODES), (other, theirs))).splitlines()
    assert lines[0].split() == ["k7f2c1m9", "m3x9"]
    assert "recovered" not in "".join(lines[:6])
    assert "regressed: a" in lines
    assert "left out: 1 task that k7f2c1m9 alone has" in lines
    assert "left out: 1 task that m3x9 alone has" in lines
    assert any(line.startswith("difference -50.0 points [") for line in lines)
    assert "not shown to differ" in lines[-1]


def test_a_title_says_what_is_remembered_where_it_is_not_the_usual() -> None:
    config = RUN.config.model_copy(update={"memory": "suite", "explore": 0.1})
    assert title(RUN.model_copy(update={"config": config})).endswith("feedback auto · memory suite, 0.1 left out")
    assert "memory" not in title(RUN)
    config = config.model_copy(update={"embedder": "wordllama"})
    told = title(RUN.model_copy(update={"config": config}))
    assert told.endswith("feedback auto · memory suite by wordllama, 0.1 left out")
    config = config.model_copy(update={"memory": "none", "explore": 0.0})
    assert title(RUN.model_copy(update={"config": config})).endswith("memory none")
