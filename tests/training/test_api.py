"""Training from files to a folder: it learns, goes on after a kill, and refuses what it should."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.errors import ConfigError, TrainingError, UsageError  # noqa: E402
from reflexa.training.api import plan, train  # noqa: E402
from reflexa.training.config import BatchConfig, LoraConfig, OptimizerConfig, SurveyConfig, TrainConfig  # noqa: E402
from reflexa.training.engine.metrics import StepReport, read_points  # noqa: E402
from tests.training.children import children  # noqa: E402
from tests.training.rows import make_config, write_rows  # noqa: E402


def weights(folder: Path) -> dict[str, Any]:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    return dict(model.state_dict())


def metrics(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("algorithm", ["sft", "dpo"])
def test_it_learns_and_leaves_a_folder_that_transformers_loads(tmp_path: Path, algorithm: str) -> None:
    reports: list[StepReport] = []
    held_out = write_rows(tmp_path / "held_out.jsonl", algorithm, 6)
    config = make_config(tmp_path, algorithm, held_out=(held_out,))
    result = train(config, reports.append)
    assert [report.step for report in reports] == [1, 2, 3, 4, 5, 6]
    assert reports[-1].loss < 0.5 * reports[0].loss
    assert [report.held_out_loss is not None for report in reports] == [False, True] * 3
    assert result.loss == min(report.held_out_loss for report in reports if report.held_out_loss is not None)
    assert result.last.name == "step-00000006"
    assert result.tokens == sum(report.tokens for report in reports) == 2 * plan(config).tokens
    assert [line["loss"] for line in metrics(config.output)] == [report.loss for report in reports]
    trained = weights(result.model)
    assert trained.keys() == weights(tmp_path / "base").keys()
    assert transformers.AutoTokenizer.from_pretrained(result.model)("th")["input_ids"]


def test_dpo_starts_at_the_logarithm_of_two(tmp_path: Path) -> None:
    reports: list[StepReport] = []
    train(make_config(tmp_path, "dpo", precision="float32", steps=1), reports.append)
    assert reports[0].loss == pytest.approx(0.693147, abs=1e-4)


def test_references_are_kept_and_read_again(tmp_path: Path) -> None:
    first = make_config(tmp_path, "dpo", reference_cache=tmp_path / "cache", steps=2)
    losses: list[float] = []
    train(first, lambda report: losses.append(report.loss))
    (kept,) = (tmp_path / "cache").iterdir()
    before = kept.stat().st_mtime_ns
    again = first.model_copy(update={"output": tmp_path / "again"})
    train(again, lambda report: losses.append(report.loss))
    assert losses[:2] == losses[2:]
    assert kept.stat().st_mtime_ns == before


def test_micro_batches_do_not_change_what_is_learnt(tmp_path: Path) -> None:
    results = []
    for tokens in (1, 4096):
        config = make_config(
            tmp_path, precision="float32", output=tmp_path / str(tokens), batch=BatchConfig(tokens=tokens)
        )
        results.append(weights(train(config).model))
    for name, value in results[0].items():
        torch.testing.assert_close(value, results[1][name], rtol=1e-3, atol=1e-4)


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """Killed after step 5; the last checkpoint is of step 4. Whole weights, and adapters with dropout."""
    configs = [
        make_config(tmp_path, "dpo", output=tmp_path / name, lora=lora)
        for name, lora in (("whole", None), ("adapters", LoraConfig(rank=2, dropout=0.1)))
    ]
    assert children(configs, "if report.step == 5: os.kill(os.getpid(), signal.SIGKILL)") == [[-9], [-9]]
    for config in configs:
        with pytest.raises(ConfigError, match="already holds checkpoints"):
            train(config)
        reports: list[StepReport] = []
        resumed = train(config.model_copy(update={"resume": True}), reports.append)
        assert [report.step for report in reports] == [5, 6]
        assert [line["step"] for line in metrics(config.output)] == [1, 2, 3, 4, 5, 6]
        unbroken = train(config.model_copy(update={"output": config.output.with_suffix(".unbroken")}))
        expected = weights(unbroken.model)
        for name, value in weights(resumed.model).items():
            assert torch.equal(value, expected[name]), name


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    """Data parallel, and weights split over processes; 19 rows leave a last step of one, and a process without rows."""
    data = (write_rows(tmp_path / "odd.jsonl", "dpo", 19),)
    settings: dict[str, Any] = {"data": data, "precision": "float32", "batch": BatchConfig(rows=6, tokens=120)}
    settings |= {"held_out": (write_rows(tmp_path / "held_out.jsonl", "dpo", 3),)}
    settings |= {"points": SurveyConfig(prompts=3, max_new_tokens=4)}
    alone = train(make_config(tmp_path, "dpo", output=tmp_path / "alone", **settings))
    together = [
        make_config(tmp_path, "dpo", output=tmp_path / kind, distribution=kind, **settings)
        for kind in ("replicated", "sharded")
    ]
    assert children(together, processes=2) == [[0, 0], [0, 0]]
    expected = weights(alone.model)
    for config in together:
        for name, value in weights(config.output / "model").items():
            torch.testing.assert_close(value, expected[name], rtol=1e-3, atol=1e-4)
        assert metrics(config.output)[-1]["tokens"] == metrics(tmp_path / "alone")[-1]["tokens"]
    measured = read_points(together[0].output)
    assert [point.proxy for point in measured] == pytest.approx([point.proxy for point in alone.points], abs=0.02)
    assert [point.kl > 0 for point in measured] == [False] + [True] * (len(alone.points) - 1)
    assert read_points(together[1].output) == ()  # weights that are shared out are not sampled


def test_adapters_alone_are_trained_and_merged_at_the_end(tmp_path: Path) -> None:
    config = make_config(tmp_path, lora=LoraConfig(rank=2, targets=("q_proj",)))
    planned = plan(config)
    assert 0 < planned.trainable < planned.parameters / 20
    result = train(config)
    assert result.adapter is not None
    assert (result.adapter / "adapter_model.safetensors").is_file()
    before, after = weights(tmp_path / "base"), weights(result.model)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {f"model.layers.{layer}.self_attn.q_proj.weight" for layer in (0, 1)}


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    config = make_config(tmp_path, steps=2)
    train(config)
    other = config.model_copy(update={"resume": True, "optimizer": OptimizerConfig(learning_rate=1e-3)})
    with pytest.raises(TrainingError, match="settings different"):
        train(other)
    rows = write_rows(tmp_path / "other.jsonl", "sft", 19)
    with pytest.raises(TrainingError, match="examples different"):
        train(config.model_copy(update={"resume": True, "data": (rows,)}))


def test_broken_numbers_stop_the_run_and_name_the_last_good_checkpoint(tmp_path: Path) -> None:
    config = make_config(tmp_path, optimizer=OptimizerConfig(learning_rate=1e30, clip=1e30, schedule="constant"))
    with pytest.raises(TrainingError, match=r"step \d: the loss is .* checkpoint"):
        train(config)
    exploding = make_config(tmp_path, output=tmp_path / "norm", optimizer=OptimizerConfig(stop_norm=1e-3))
    with pytest.raises(TrainingError, match=r"step 1: .*norm .*\(at most 0.001 goes on\); no checkpoint was written"):
        train(exploding)


def test_unknown_algorithms_and_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean dpo"):
        plan(make_config(tmp_path, "dpo").model_copy(update={"algorithm": "dop"}))
    with pytest.raises(ConfigError, match=r"option 'betta'.*the options are: beta"):
        plan(make_config(tmp_path, "dpo", options={"betta": 1}))


def test_a_plan_counts_what_training_does(tmp_path: Path) -> None:
    planned = plan(make_config(tmp_path, max_length=40))
    assert planned.rows + planned.dropped == 20
    assert planned.dropped > 0
    assert planned.steps == 2 * -(-planned.rows // 8)
    assert any("dropped" in text for _, text in planned.lines())
    assert isinstance(TrainConfig.model_validate_json(make_config(tmp_path).model_dump_json()), TrainConfig)
