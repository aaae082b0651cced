"""Online runs from prompts to a folder: they learn, go on after a kill, and stop where they should."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.errors import ConfigError, TrainingError, UsageError, VerifierError  # noqa: E402
from reflexa.training.config import CheckpointConfig, LoraConfig  # noqa: E402
from reflexa.training.engine.metrics import StepReport, read_points  # noqa: E402
from reflexa.training.online.api import plan_online, train_online  # noqa: E402
from reflexa.training.online.config import AlarmConfig, AlarmRule, GateConfig  # noqa: E402
from reflexa.training.online.points import Examination  # noqa: E402
from reflexa.training.online.rollouts import Answer, OnlinePrompt  # noqa: E402
from tests.training.children import online_children  # noqa: E402
from tests.training.online.runs import make_online, make_prompts, says_a  # noqa: E402


def weights(folder: Path) -> dict[str, Any]:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    return dict(model.state_dict())


def test_a_model_learns_to_say_a_letter(tmp_path: Path) -> None:
    reports: list[StepReport] = []
    held_out = Examination(tuple(make_prompts(12)[8:]), says_a)
    config = make_online(tmp_path, steps=24, samples=8, checkpoints=CheckpointConfig(every=12))
    result = train_online(config, make_prompts(), says_a, held_out=held_out, progress=reports.append)
    assert [report.step for report in reports] == list(range(1, 25))
    assert sum(report.metrics["reward"] for report in reports[:3]) < 0.3
    assert sum(report.metrics["reward"] for report in reports[-3:]) > 1.0
    first, last = result.points[0], result.points[-1]
    assert (first.step, first.kl, first.n, last.step) == (0, 0.0, 4, 24)
    assert first.true is not None
    assert last.true is not None
    assert last.true > first.true + 0.2
    assert last.kl > 1
    assert result.reward == max(point.true or 0.0 for point in result.points[1:])
    assert result.tokens == sum(report.tokens for report in reports)
    assert weights(result.model).keys() == weights(tmp_path / "base").keys()
    assert read_points(config.output) == result.points


def test_a_plan_counts_what_a_run_may_sample(tmp_path: Path) -> None:
    planned = plan_online(make_online(tmp_path, epochs=2), make_prompts())
    assert (planned.prompts, planned.updates, planned.new_tokens) == (8, 12, 6 * 4 * 4 * 4)
    assert ("samples", "16 a step: 4 of 4 prompts") in planned.lines()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"algorithm": "gpro"}, "did you mean gspo or grpo"),
        ({"algorithm": "sft"}, "learns from rows"),
        ({"options": {"clip": 0.1}}, "option 'clip'.*clip_low"),
        ({"samples": 1}, "nothing to be compared with"),
        ({"max_new_tokens": 300}, "more than the model's context of 256"),
    ],
)
def test_what_cannot_be_trained_is_refused(tmp_path: Path, changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        plan_online(make_online(tmp_path, **changes), make_prompts())


def test_prompts_must_be_there_and_have_ids_of_their_own(tmp_path: Path) -> None:
    config = make_online(tmp_path)
    with pytest.raises(UsageError, match="no prompts"):
        plan_online(config, [])
    with pytest.raises(UsageError, match="not all different"):
        plan_online(config, [OnlinePrompt(id="a", prompt="x"), OnlinePrompt(id="a", prompt="y")])


def test_a_broken_reward_stops_the_run_and_is_never_a_zero(tmp_path: Path) -> None:
    asked: list[Answer] = []

    def breaks(answer: Answer) -> float:
        asked.append(answer)
        if len(asked) > 100:
            raise VerifierError("the judge is gone")
        return says_a(answer)

    config = make_online(tmp_path, workers=1)
    with pytest.raises(
        VerifierError, match=r"step \d: the reward broke: the judge is gone; the last good .*step-0000000"
    ):
        train_online(config, make_prompts(), breaks)
    with pytest.raises(VerifierError, match=r"is \{'reward': nan\}: expected finite numbers; no checkpoint"):
        train_online(make_online(tmp_path, output=tmp_path / "nan"), make_prompts(), lambda answer: float("nan"))


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """Killed within step 6; the last checkpoint is of step 4. Whole weights; adapters, gates and two updates a step."""
    changes: list[dict[str, Any]] = [
        {"gates": GateConfig(after=1, probe=2)},
        {"lora": LoraConfig(rank=2, dropout=0.1), "minibatches": 2, "options": {"kl": 0.01}, "old": "recomputed"},
        {"algorithm": "dapo"},
    ]
    configs = [make_online(tmp_path, output=tmp_path / str(n), **each) for n, each in enumerate(changes)]
    killed = online_children(configs, "if report.step == 5: os.kill(os.getpid(), signal.SIGKILL)")
    assert killed == [[-9]] * len(configs)
    for config in configs:
        with pytest.raises(ConfigError, match="already holds checkpoints"):
            train_online(config, make_prompts(), says_a)
        reports: list[StepReport] = []
        again = config.model_copy(update={"resume": True})
        resumed = train_online(again, make_prompts(), says_a, progress=reports.append)
        assert [report.step for report in reports] == [5, 6]
        assert [point.step for point in resumed.points] == [0, 2, 4, 6]
        assert [line["step"] for line in lines(config.output / "metrics.jsonl")] == [1, 2, 3, 4, 5, 6]
        unbroken = train_online(
            config.model_copy(update={"output": config.output.with_suffix(".unbroken")}), make_prompts(), says_a
        )
        expected = weights(unbroken.model)
        for name, value in weights(resumed.model).items():
            assert torch.equal(value, expected[name]), name


def test_two_processes_learn_as_one_model(tmp_path: Path) -> None:
    config = make_online(tmp_path, steps=12, samples=8, precision="float32", checkpoints=CheckpointConfig())
    assert online_children([config], processes=2) == [[0, 0]]
    rewards = [line["metrics"]["reward"] for line in lines(config.output / "metrics.jsonl")]
    assert sum(rewards[-3:]) > sum(rewards[:3])
    assert [point.step for point in read_points(config.output)] == [0, 12]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_resumed_run_must_be_the_same_run(tmp_path: Path) -> None:
    config = make_online(tmp_path, steps=2)
    train_online(config, make_prompts(), says_a)
    again = config.model_copy(update={"resume": True})
    with pytest.raises(TrainingError, match="examples different"):
        train_online(again, make_prompts(9), says_a)
    with pytest.raises(TrainingError, match="settings different"):
        train_online(again.model_copy(update={"temperature": 0.5}), make_prompts(), says_a)


def test_an_alarm_stops_the_run_by_its_rule(tmp_path: Path) -> None:
    stop = AlarmRule(action="stop", limit=0.5, patience=2)
    config = make_online(tmp_path, alarms=AlarmConfig(equal_groups=stop))
    with pytest.raises(TrainingError, match=r"step 2: stopped by equal_groups: 1 \(the limit is 0.5\); no checkpoint"):
        train_online(config, make_prompts(), lambda answer: 1.0)


def test_a_warning_is_told_and_the_run_goes_on(tmp_path: Path) -> None:
    reports: list[StepReport] = []
    rule = AlarmRule(limit=0.5, patience=2)
    config = make_online(tmp_path, steps=3, alarms=AlarmConfig(equal_groups=rule))
    result = train_online(config, make_prompts(), lambda answer: 1.0, progress=reports.append)
    assert [report.alarms for report in reports] == [None, *[("equal_groups: 1 (the limit is 0.5)",)] * 2]
    assert [(alarm.rule, alarm.step, alarm.stops) for alarm in result.alarms] == [
        ("equal_groups", 2, False),
        ("equal_groups", 3, False),
    ]
