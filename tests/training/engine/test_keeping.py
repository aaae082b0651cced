"""The files of a run: checkpoints with what else belongs to them, and where it goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.errors import ConfigError, TrainingError  # noqa: E402
from reflexa.training.config import CommonConfig, LoraConfig, OptimizerConfig  # noqa: E402
from reflexa.training.engine.batching import Share  # noqa: E402
from reflexa.training.engine.checkpoint import FORMAT, CheckpointRecord, RunIdentity  # noqa: E402
from reflexa.training.engine.keeping import Keeper, publish_checkpoint  # noqa: E402
from reflexa.training.engine.loading import add_lora, load_model, load_tokenizer, prepare  # noqa: E402
from reflexa.training.engine.processes import Processes  # noqa: E402
from reflexa.training.engine.weights import Weights  # noqa: E402
from tests.support.tiny_models import make_checkpoint  # noqa: E402

SAME = RunIdentity(algorithm="a", options="o", model="m", examples="e", settings="s")


def make_keeper(folder: Path, resume: bool = False) -> tuple[Keeper, str]:
    base = folder / "base"
    if not base.exists():
        make_checkpoint(base)
    config = CommonConfig(algorithm="a", model=str(base), output=folder / "out", resume=resume)
    alone = Processes(Share(), torch.device("cpu"))
    return Keeper(config, "language", load_tokenizer(str(base)), alone), str(base)


def test_a_checkpoint_holds_what_else_belongs_to_it_and_is_gone_on_from(tmp_path: Path) -> None:
    keeper, base = make_keeper(tmp_path)
    keeper.refuse_to_overwrite()
    assert keeper.resume_point(SAME) == (0, None)
    scorer = prepare(load_model(base))
    weights = Weights(scorer, torch.float32, OptimizerConfig())
    with torch.no_grad():
        for flat in scorer.parameters():
            flat.add_(0.5)
    record = CheckpointRecord(format=FORMAT, step=3, loss=1.0, identity=SAME, lineage={}, files={})

    def write(folder: Path) -> None:
        (folder / "more.txt").write_text("x")

    made = keeper.save(scorer.model, weights, record, write)
    assert (made / "more.txt").read_text() == "x"
    with pytest.raises(ConfigError, match="already holds checkpoints"):
        keeper.refuse_to_overwrite()
    again, _ = make_keeper(tmp_path, resume=True)
    (tmp_path / "out" / ".model.1").mkdir()  # what a process leaves that is killed while it publishes
    again.refuse_to_overwrite()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["checkpoints"]
    assert again.resume_point(SAME) == (3, made)
    taken = again.taken_up(prepare(load_model(base)), made)
    for mine, kept in zip(taken.parameters(), load_model(str(made)).parameters(), strict=True):
        assert torch.equal(mine, kept)
    (made / "more.txt").write_text("y")
    with pytest.raises(TrainingError, match=r"more.txt is not what was saved"):
        again.resume_point(SAME)


def test_the_final_model_replaces_an_older_one(tmp_path: Path) -> None:
    keeper, base = make_keeper(tmp_path)
    scorer = prepare(load_model(base))
    weights = Weights(scorer, torch.float32, OptimizerConfig())
    for _ in range(2):
        keeper.publish(scorer.model, weights)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["model"]
    assert transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "model") is not None


def test_a_checkpoint_or_the_start_becomes_the_final_model(tmp_path: Path) -> None:
    keeper, base = make_keeper(tmp_path)
    scorer = prepare(load_model(base))
    weights = Weights(scorer, torch.float32, OptimizerConfig())
    with torch.no_grad():
        for flat in scorer.parameters():
            flat.add_(0.5)
    record = CheckpointRecord(format=FORMAT, step=3, loss=1.0, identity=SAME, lineage={}, files={})
    made = keeper.save(scorer.model, weights, record)
    config = CommonConfig(algorithm="a", model=base, output=tmp_path / "out")
    for checkpoint, expected in ((made, str(made)), (None, base)):
        publish_checkpoint(config, "language", checkpoint)
        final = load_model(str(tmp_path / "out" / "model"))
        for mine, wanted in zip(final.parameters(), load_model(expected).parameters(), strict=True):
            assert torch.equal(mine, wanted)
    assert load_tokenizer(str(tmp_path / "out" / "model"))("th")["input_ids"] == load_tokenizer(base)("th")["input_ids"]


def test_adapters_are_merged_into_the_final_model(tmp_path: Path) -> None:
    _, base = make_keeper(tmp_path)
    adapters = LoraConfig(rank=2)
    model = add_lora(load_model(base), adapters)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.fill_(0.1)
    model.save_pretrained(tmp_path / "adapters")
    load_tokenizer(base).save_pretrained(tmp_path / "adapters")
    config = CommonConfig(algorithm="a", model=base, output=tmp_path / "out", lora=adapters)
    publish_checkpoint(config, "language", tmp_path / "adapters")
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        final, wanted, start = (
            each(ids).logits for each in (load_model(str(tmp_path / "out" / "model")), model, load_model(base))
        )
    assert torch.allclose(final, wanted, atol=1e-4)
    assert not torch.allclose(final, start, atol=1e-2)
