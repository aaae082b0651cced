from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reflexa.agent import Limits
from reflexa.cli.options.run import RunOptions
from reflexa.cli.runs.plan import Plan, baseline_plan, check_names, flags, limits, new_plan, resumed_plan
from reflexa.cli.session import Session
from reflexa.errors import ConfigError, UsageError
from reflexa.memory import Store


def plan(**given: Any) -> Plan:
    options = RunOptions(task="humaneval", **given)
    return new_plan(options, Session.here(flags(options)))


def test_settings_fill_in_what_was_not_asked_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFLEXA_STRATEGY", "retry")
    monkeypatch.setenv("REFLEXA_ATTEMPTS", "7")
    config = plan(attempts=2, limit="3-4", temperature=0.5).config
    assert (config.strategy, config.attempts, config.temperature) == ("retry", 2, 0.5)
    assert config.task_ids == ("HumanEval/2", "HumanEval/3")
    assert (config.model, config.feedback, config.max_new_tokens, config.seed) == ("embedded", "auto", 512, 0)


def test_the_run_knows_how_many_attempts_its_strategy_makes(home: Path) -> None:
    assert plan(strategy="none", attempts=5).config.attempts == 1


def test_a_strategy_from_the_settings_is_checked_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFLEXA_STRATEGY", "reflexiom")
    with pytest.raises(UsageError, match="did you mean reflexion"):
        plan()


@pytest.mark.parametrize(
    "given", [{"strategy": "x"}, {"baseline": "x"}, {"sandbox": "x"}, {"tools": "x"}, {"memory": "x"}]
)
def test_unknown_names_are_refused_before_anything_is_opened(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="unknown"):
        check_names(RunOptions(**given))


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"feedback": "orcale"}, "unknown feedback 'orcale': did you mean oracle"),
        ({"verifier": "hidden-test"}, "unknown verifier 'hidden-test': did you mean hidden-tests"),
    ],
)
def test_unknown_verifiers_are_refused_with_near_matches(home: Path, given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        plan(**given)


def test_a_constitution_is_part_of_the_configuration(home: Path) -> None:
    own = home / "mine.toml"
    own.write_text('kind = "constitution"\n[[principles]]\nid = "a"\ntext = "b"\ncritique = "c"\nrevision = "d"\n')
    assert plan(strategy="constitutional").config.constitution is None
    assert plan(strategy="constitutional", constitution=str(own)).config.constitution == str(own.resolve())
    with pytest.raises(UsageError, match="the strategy reflexion follows no constitution"):
        plan(constitution=str(own))
    with pytest.raises(UsageError, match="unknown constitution"):
        plan(strategy="constitutional", constitution="nobody")


def test_the_form_of_tool_calls_is_part_of_the_configuration(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert plan().config.tools == "auto"
    assert plan(tools="native").config.tools == "native"
    monkeypatch.setenv("REFLEXA_TOOLS", "text")
    assert plan().config.tools == "text"


def test_memory_is_part_of_the_configuration(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (plan().config.memory, plan().config.explore, plan().config.lesson_tokens) == ("episode", 0.0, 400)
    asked = plan(memory="suite", explore=0.25, lesson_tokens=100).config
    assert (asked.memory, asked.explore, asked.lesson_tokens) == ("suite", 0.25, 100)
    with pytest.raises(UsageError, match="--explore and --lesson-tokens: with memory 'none'"):
        plan(memory="none", explore=0.25, lesson_tokens=100)
    assert (plan().config.embedder, plan(embedder="wordllama").config.embedder) == ("none", "wordllama")
    monkeypatch.setenv("REFLEXA_EMBEDDER", "wordllama")
    assert plan().config.embedder == "wordllama"
    monkeypatch.setenv("REFLEXA_MEMORY", "all")
    assert plan(explore=0.1).config.memory == "all"
    with pytest.raises(ConfigError, match="explore"):
        plan(explore=1.0)


def test_a_run_is_resumed_with_the_memory_that_it_had(home: Path) -> None:
    with Store.open(home / "m.db") as store:
        run = store.create_run(plan(memory="suite", explore=0.25, limit="2").config)
        session = Session.here({})
        assert resumed_plan(RunOptions(resume=run.id), session, store).config.memory == "suite"
        same = RunOptions(resume=run.id, explore=0.25, memory="suite")
        assert resumed_plan(same, session, store).config == run.config
        with pytest.raises(ConfigError, match="--embedder was none, now wordllama"):
            resumed_plan(RunOptions(resume=run.id, embedder="wordllama"), session, store)
        with pytest.raises(ConfigError, match=r"--memory was suite, now none; --explore was 0\.25, now 0\.1"):
            resumed_plan(RunOptions(resume=run.id, explore=0.1, memory="none"), session, store)


@pytest.mark.parametrize("baseline", ["no-lessons", "retry"])
def test_a_baseline_without_lessons_is_of_a_run_with_some(home: Path, baseline: str) -> None:
    assert plan(memory="suite", baseline=baseline).baseline == baseline
    if baseline == "no-lessons":
        with pytest.raises(UsageError, match="recalls no lessons"):
            plan(baseline=baseline)


def test_a_judge_and_a_data_file_are_part_of_the_configuration(home: Path) -> None:
    config = plan(verifier="visible-examples").config
    assert (config.judge, config.data) == ("visible-examples", None)


def test_limits_come_from_flags_and_settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFLEXA_MAX_COST", "2.5")
    session = Session.here(flags(RunOptions(max_tokens=100)))
    assert limits(session) == Limits(cost_usd=2.5, tokens=100, seconds=None)


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({}, None),
        ({"sandbox": "strong"}, None),
        ({"sandbox": "double"}, "--sandbox was strong, now double"),
        ({"model": "embedded", "only": ["0", "1"]}, None),
        ({"only": ["1"]}, "--limit and --only chose 2 tasks, now 1"),
        ({"reflector": "gpt-5"}, "--reflector was not given, now gpt-5"),
        ({"max_new_tokens": 9, "split": "train"}, "--max-new-tokens was 512, now 9; --split was test, now train"),
        ({"name": "other"}, "--name was mine, now other"),
        ({"max_tokens": 5, "concurrency": 2, "api_base": "http://127.0.0.1:1"}, None),
    ],
)
def test_a_resumed_run_keeps_its_configuration(home: Path, given: dict[str, Any], refused: str | None) -> None:
    first = plan(limit="2")
    options = RunOptions(resume="mine", **given)
    with Store.open(home.parent / "runs.db") as store:
        run = store.create_run(first.config.model_copy(update={"sandbox": "strong"}), name="mine")
        if refused is not None:
            with pytest.raises(ConfigError, match=refused):
                resumed_plan(options, Session.here(flags(options)), store)
            return
        resumed = resumed_plan(options, Session.here(flags(options)), store)
    assert resumed.run == run
    assert resumed.config == run.config
    assert [task.id for task in resumed.suite.tasks] == ["HumanEval/0", "HumanEval/1"]


def test_settings_do_not_contradict_a_resumed_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = plan(limit="1")
    monkeypatch.setenv("REFLEXA_STRATEGY", "retry")
    options = RunOptions(resume="mine")
    with Store.open(home.parent / "runs.db") as store:
        store.create_run(first.config, name="mine")
        assert resumed_plan(options, Session.here(flags(options)), store).config.strategy == "reflexion"


def test_a_baseline_that_was_begun_goes_on(home: Path) -> None:
    first = plan(limit="1")
    with Store.open(home.parent / "runs.db") as store:
        run = store.create_run(first.config)
        fresh = baseline_plan(first, run, "retry", store)
        assert (fresh.run, fresh.config.strategy, fresh.config.attempts) == (None, "retry", 9)
        begun = store.create_run(fresh.config, baseline_of=run.id)
        assert baseline_plan(first, run, "retry", store).run == begun


@pytest.mark.parametrize("given", [{"resume": "x"}, {"baseline": "retry"}, {"distill": True}])
def test_who_joins_leaves_the_rest_to_who_started(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--join works on a run together with others"):
        check_names(RunOptions(join="r", **given))
