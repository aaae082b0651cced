"""What the checkpoints of a run on rows are worth: where they are measured, on what, and what the numbers are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.errors import ConfigError, UsageError, VerifierError  # noqa: E402
from reflexa.training.api import TrainResult, plan, train  # noqa: E402
from reflexa.training.config import LoraConfig, SurveyConfig, TrainConfig  # noqa: E402
from reflexa.training.engine.metrics import StepReport, read_points  # noqa: E402
from reflexa.training.measuring import HeldOutTasks  # noqa: E402
from reflexa.training.online.points import Examination  # noqa: E402
from reflexa.training.online.rollouts import Answer  # noqa: E402
from tests.training.children import children  # noqa: E402
from tests.training.online.runs import make_prompts, says_a  # noqa: E402
from tests.training.rows import make_config, write_rows  # noqa: E402

FEW = SurveyConfig(prompts=3, samples=2, max_new_tokens=4)


def held_out(folder: Path, algorithm: str = "dpo", **changes: Any) -> TrainConfig:
    """A run with six held-out rows, one of whose prompts stands there twice."""
    rows = write_rows(folder / "held_out.jsonl", algorithm, 5)
    rows.write_text(rows.read_text() + rows.read_text().splitlines()[0] + "\n")
    return make_config(folder, algorithm, **{"held_out": (rows,), "points": FEW, "epochs": 1, **changes})


def tasks(proxy: bool = False) -> HeldOutTasks:
    """Three prompts, of which one is always answered rightly."""
    prompts = tuple(make_prompts(3))
    return HeldOutTasks(Examination(prompts, lambda answer: float(answer.prompt.id == "p1")), says_a if proxy else None)


def test_the_objective_on_held_out_rows_is_the_proxy(tmp_path: Path) -> None:
    reports: list[StepReport] = []
    result = train(held_out(tmp_path), reports.append)
    assert [point.step for point in result.points] == [0, 2, 3]
    assert [Path(point.path).name for point in result.points] == ["base", "step-00000002", "step-00000003"]
    assert [(point.true, point.n) for point in result.points] == [(None, 0)] * 3
    # A margin of implicit rewards: 0 while policy and reference are equal, then what is learnt.
    first, *others = result.points
    assert first.kl == 0
    assert first.proxy == pytest.approx(0, abs=1e-3)
    assert all(point.proxy > 0.1 and point.kl > 0 for point in others)
    assert read_points(tmp_path / "out") == result.points


def test_without_a_reference_the_loss_negated_is_the_proxy(tmp_path: Path) -> None:
    reports: list[StepReport] = []
    result = train(held_out(tmp_path, "sft", precision="float32"), reports.append)
    losses = [report.held_out_loss for report in reports if report.held_out_loss is not None]
    assert [point.proxy for point in result.points][1:] == [-loss for loss in losses]
    assert result.points[0].proxy < result.points[1].proxy


@pytest.mark.parametrize(("algorithm", "proxy"), [("kto", 0.0), ("simpo", None), ("ipo", -25.0)])
def test_each_objective_has_a_proxy_of_its_own(tmp_path: Path, algorithm: str, proxy: float | None) -> None:
    """At the start KTO's margin is 0, and IPO's loss (1/2τ)²; SimPO's margin is what it happens to be."""
    few = SurveyConfig(prompts=2, max_new_tokens=2)
    options = {"tau": 0.1} if algorithm == "ipo" else {}
    points = train(held_out(tmp_path, algorithm, precision="float32", steps=2, points=few, options=options)).points
    assert [point.step for point in points] == [0, 2]
    assert points[0].proxy == (pytest.approx(proxy, abs=1e-3) if proxy is not None else points[0].proxy)
    assert points[1].proxy > points[0].proxy


def test_held_out_tasks_judge_and_a_reward_may_be_the_proxy(tmp_path: Path) -> None:
    alone = train(make_config(tmp_path, "dpo", epochs=1, points=FEW), tasks=tasks())
    assert {(point.true, point.rewards) for point in alone.points} == {(1 / 3, (0.0, 1.0, 0.0))}
    assert alone.points[0].proxy == pytest.approx(0, abs=1e-3)
    assert alone.points[-1].proxy > 0.1  # of the first rows that are learnt, because no row is held out
    rewarded = train(
        make_config(tmp_path, "dpo", epochs=1, points=FEW, output=tmp_path / "rewarded"), tasks=tasks(proxy=True)
    )
    assert [point.kl for point in rewarded.points] == [point.kl for point in alone.points]
    assert all(0 <= point.proxy < 1 for point in rewarded.points)
    assert [point.proxy for point in rewarded.points] != [point.proxy for point in alone.points]


def test_measuring_changes_nothing_that_is_learnt(tmp_path: Path) -> None:
    """Whole weights, and adapters, whose start is the model without them."""
    for lora in (None, LoraConfig(rank=2)):
        measured, plain = (
            train(held_out(tmp_path, lora=lora, output=tmp_path / f"{lora is None}{points.prompts}", points=points))
            for points in (FEW, SurveyConfig(prompts=0))
        )
        assert measured.points[-1].kl > 0
        assert plain.points == ()
        assert not (plain.model.parent / "points.jsonl").exists()
        one, other = (weights(result) for result in (measured, plain))
        assert all(torch.equal(value, other[name]) for name, value in one.items())


def weights(result: TrainResult) -> dict[str, Any]:
    return dict(transformers.AutoModelForCausalLM.from_pretrained(result.model).state_dict())


def test_the_distance_is_that_of_the_saved_checkpoint(tmp_path: Path) -> None:
    """Mean log π − log π₀ of many samples of the final model, both by plain passes, agrees within sampling error."""
    result = train(
        held_out(tmp_path, precision="float32", points=SurveyConfig(prompts=4, samples=64, max_new_tokens=2))
    )
    model, base = (
        transformers.AutoModelForCausalLM.from_pretrained(path).eval() for path in (result.model, tmp_path / "base")
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "base")
    distances = []
    for index in range(4):
        chat = [{"role": "user", "content": f"Is {index} big?"}]
        prompt = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        ends = tokenizer.eos_token_id
        with torch.no_grad():
            first, other = (each(**prompt).logits[0, -1].log_softmax(-1) for each in (model, base))
            total = (first.exp() * (first - other)).sum()
            # The second token's distance, weighed by how likely each first token that does not end the answer is.
            following = torch.tensor([token for token in range(len(first)) if token != ends])
            ids = torch.cat([prompt["input_ids"].repeat(len(following), 1), following[:, None]], dim=1)
            second, plain = (each(input_ids=ids).logits[:, -1].log_softmax(-1) for each in (model, base))
            total += (first.exp()[following] * (second.exp() * (second - plain)).sum(-1)).sum()
        distances.append(float(total))
    assert result.points[-1].kl == pytest.approx(sum(distances) / 4, rel=0.25)


def test_a_run_killed_while_it_was_measured_has_every_point_once(tmp_path: Path) -> None:
    """Killed as step 3 is told: the checkpoint of step 2 is there. Its point is lost, and so is half a line."""
    config = held_out(tmp_path, epochs=2)
    assert children([config], "if report.step == 3: os.kill(os.getpid(), signal.SIGKILL)") == [[-9]]
    path = config.output / "points.jsonl"
    start, second = path.read_text().splitlines()
    path.write_text(f"{start}\n{second[:20]}")
    resumed = train(config.model_copy(update={"resume": True}))
    assert [point.step for point in resumed.points] == [0, 2, 4, 6]
    assert len(path.read_text().splitlines()) == 4
    unbroken = train(config.model_copy(update={"output": tmp_path / "unbroken"}))
    assert [point.kl for point in resumed.points] == [point.kl for point in unbroken.points]


def test_a_judge_that_breaks_leaves_the_checkpoint_and_its_point_comes_later(tmp_path: Path) -> None:
    broken = tmp_path / "broken"

    def judge(answer: Answer) -> float:
        if broken.exists():
            raise VerifierError("the judge is gone")
        return 1.0

    config = make_config(tmp_path, "dpo", epochs=1, points=FEW)
    examined = HeldOutTasks(Examination(tuple(make_prompts(2)), judge))
    with pytest.raises(VerifierError, match=r"step 2: the reward broke: the judge is gone; .*step-00000002"):
        train(config, lambda report: broken.touch() if report.step == 2 else None, tasks=examined)
    broken.unlink()
    resumed = train(config.model_copy(update={"resume": True}), tasks=examined)
    assert [(point.step, point.true) for point in resumed.points] == [(0, 1.0), (2, 1.0), (3, 1.0)]


def test_the_plan_says_on_how_many_prompts(tmp_path: Path) -> None:
    config = held_out(tmp_path)
    assert plan(config).measured == 3
    assert "3 prompts are sampled at each checkpoint" in dict(plan(config).lines())["held out"]
    unmeasured = config.model_copy(update={"points": SurveyConfig(prompts=0)})
    assert plan(unmeasured).measured == 0
    assert plan(unmeasured).memory_bytes < plan(config).memory_bytes
    assert (
        plan(held_out(tmp_path, points=SurveyConfig(prompts=9, max_new_tokens=4))).measured == 5
    )  # one is there twice
    assert plan(held_out(tmp_path, points=SurveyConfig(max_new_tokens=256))).measured == 0  # none leaves so much room


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"points": SurveyConfig(prompts=0)}, ConfigError, "points.prompts is 0"),
        ({"points": SurveyConfig(max_new_tokens=255)}, UsageError, "held-out prompt p0 has .* lower points.max_new"),
        ({"algorithm": "reward"}, ConfigError, "reward trains a model that judges answers"),
    ],
)
def test_a_run_that_cannot_be_judged_is_refused(
    tmp_path: Path, changes: dict[str, Any], error: type[Exception], words: str
) -> None:
    config = make_config(tmp_path, "dpo").model_copy(update=changes)
    with pytest.raises(error, match=words):
        plan(config, tasks())
