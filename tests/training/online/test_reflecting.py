"""Episodes of attempt, reflection and retry: whose tokens are whose, what is rewarded, and that it is learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.models.local.sampling import TokenSampler  # noqa: E402
from reflexa.training.algorithms import find_online  # noqa: E402
from reflexa.training.config import CheckpointConfig, OptimizerConfig  # noqa: E402
from reflexa.training.engine.metrics import StepReport  # noqa: E402
from reflexa.training.engine.processes import joined  # noqa: E402
from reflexa.training.online.api import train_online  # noqa: E402
from reflexa.training.online.config import OnlineConfig, PointConfig  # noqa: E402
from reflexa.training.online.experience import experience_of  # noqa: E402
from reflexa.training.online.reflecting import ReflectingRoller, Turns  # noqa: E402
from reflexa.training.online.rollouts import Answer, Group, OnlinePrompt, Reward  # noqa: E402
from reflexa.training.online.sampling import Roller  # noqa: E402
from reflexa.training.online.speaking import Speaker  # noqa: E402
from reflexa.types import Message  # noqa: E402
from tests.training.children import online_children  # noqa: E402
from tests.training.online.runs import make_online, make_prompts, says_a  # noqa: E402

TURNS = Turns(reflect=" no. why? ", retry=" again: ", tokens=3, solved=1.0)


def is_letter(answer: Answer) -> float:
    return float(answer.text[:1].isalpha())


def make_roller(config: OnlineConfig, reward: Reward) -> ReflectingRoller:
    model = transformers.AutoModelForCausalLM.from_pretrained(config.model)
    speaker = Speaker(model, transformers.AutoTokenizer.from_pretrained(config.model), ())
    with joined() as processes:
        return ReflectingRoller.of(Roller(TokenSampler(model, speaker.ends), speaker, reward, config, processes), TURNS)


def rolled(folder: Path, reward: Reward) -> tuple[ReflectingRoller, list[Group]]:
    roller = make_roller(make_online(folder, max_new_tokens=2), reward)
    return roller, roller.roll(make_prompts(6), 0)


def test_a_group_is_the_reflections_on_one_failed_attempt(tmp_path: Path) -> None:
    roller, groups = rolled(tmp_path, is_letter)
    assert [group.prompt.id for group in groups] == [f"p{index}" for index in range(6)]
    reflected = [group for group in groups if len(group.rollouts[0].segments) == 3]
    assert len(reflected) > 3
    for group in reflected:
        start = roller.speaker.prompt(group.prompt)
        told = roller.speaker.encoder.ids(TURNS.reflect)
        attempt = group.tokens[len(start) : -len(told)]
        assert group.tokens == start + attempt + told
        assert 1 <= len(attempt) <= 2
        assert not roller.speaker.text(attempt)[:1].isalpha()
        assert len({tuple(one.tokens) for one in group.rollouts}) > 1
        for one in group.rollouts:
            reflection, between, retry = one.segments
            assert (reflection.own, between.own, retry.own) == (True, False, True)
            assert between.tokens == tuple(roller.speaker.encoder.ids(TURNS.retry))
            assert one.mask == [1.0] * len(reflection.tokens) + [0.0] * len(between.tokens + retry.tokens)
            assert one.rewards["retry"] == float(roller.speaker.text(retry.tokens)[:1].isalpha())
            assert one.rewards["attempt"] < 1


def test_its_log_probabilities_are_the_models_own(tmp_path: Path) -> None:
    """Of reflection and retry alike, each token after exactly the tokens that stand before it."""
    _, groups = rolled(tmp_path, is_letter)
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    for group in groups:
        for one in group.rollouts:
            ids = torch.tensor([[*group.tokens, *one.tokens]])
            logprobs = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
            known = logprobs.gather(1, ids[0, 1:, None])[len(group.tokens) - 1 :, 0].detach()
            own = torch.tensor([segment.own for segment in one.segments for _ in segment.tokens])
            torch.testing.assert_close(torch.tensor(one.logprobs)[own], known[own], rtol=1e-3, atol=1e-3)


def test_where_all_attempts_pass_nothing_is_learnt(tmp_path: Path) -> None:
    _, groups = rolled(tmp_path, lambda answer: 1.0)
    for group in groups:
        assert [one.rewards for one in group.rollouts] == [{"attempt": 1.0, "retry": 0.0}] * 4
        assert not any(value for one in group.rollouts for value in one.mask)
    reports: list[StepReport] = []
    options = {"reflection_tokens": 2, "kl_reward": 0.1}
    config = make_online(tmp_path, algorithm="reflect-retry", steps=1, options=options)
    train_online(config, make_prompts(), lambda answer: 1.0, progress=reports.append)
    assert (reports[0].loss, reports[0].norm, reports[0].metrics["kl/sequence"]) == (0.0, 0.0, 0.0)


def test_greedily_the_reward_is_the_pass_at_retry(tmp_path: Path) -> None:
    roller, _ = rolled(tmp_path, is_letter)
    groups = roller.greedy(make_prompts(24), is_letter)
    found = experience_of(groups, {}).rewards.flatten().tolist()
    for group, reward in zip(groups, found, strict=True):
        (one,) = group.rollouts
        first = roller.speaker.text(group.tokens[len(roller.speaker.prompt(group.prompt)) :] or one.tokens)
        if len(one.segments) == 3:
            assert not first[:1].isalpha()
            assert reward == one.rewards["retry"]
        else:
            assert reward == one.rewards["attempt"] == 1.0


def test_advantages_fall_on_reflections_alone(tmp_path: Path) -> None:
    _, groups = rolled(tmp_path, is_letter)
    algorithm = find_online("reflect-retry")
    options = algorithm.options()
    experience = experience_of(groups, options.weights)
    assert experience.rewards.flatten().tolist() == [one.rewards["retry"] for group in groups for one in group.rollouts]
    advantages = algorithm.advantages(experience, options) * experience.mask
    assert advantages.abs().max() > 0


def test_a_step_makes_reflections_likelier_by_what_their_retries_earned(tmp_path: Path) -> None:
    """To first order Σ advantage · Δ log π rises with every step along the gradient, whatever the model."""
    config = make_online(
        tmp_path,
        algorithm="reflect-retry",
        options={"reflect": TURNS.reflect, "retry": TURNS.retry, "reflection_tokens": TURNS.tokens},
        steps=1,
        prompts=6,
        samples=16,
        max_new_tokens=2,
        optimizer=OptimizerConfig(learning_rate=1e-3, schedule="constant", warmup=0),
        checkpoints=CheckpointConfig(),
        points=PointConfig(prompts=0),
    )
    groups = make_roller(config, is_letter).roll(make_prompts(6), 0)
    experience = experience_of(groups, {})
    algorithm = find_online("reflect-retry")
    advantages = algorithm.advantages(experience, algorithm.options()) * experience.mask
    before, after = (
        reflection_logprobs(model, groups)
        for model in (config.model, str(train_online(config, make_prompts(6), is_letter).model))
    )
    assert float((advantages * (after - before)).sum()) > 0
    assert float((after - before).abs().max()) > 0


def reflection_logprobs(model: str, groups: list[Group]) -> Any:
    """The log-probabilities of all that the rollouts hold, one after another [tokens]."""
    network = transformers.AutoModelForCausalLM.from_pretrained(model)
    found = []
    for group in groups:
        for one in group.rollouts:
            ids = torch.tensor([[*group.tokens, *one.tokens]])
            with torch.no_grad():
                logprobs = network(input_ids=ids).logits[0, :-1].log_softmax(-1)
            found.append(logprobs.gather(1, ids[0, 1:, None])[len(group.tokens) - 1 :, 0])
    return torch.cat(found)


def test_a_chat_can_be_reflected_in(tmp_path: Path) -> None:
    chats = [OnlinePrompt(id="c", prompt=(Message(role="user", content="say it"),))]
    config = make_online(tmp_path, algorithm="reflect-retry", steps=1, prompts=1, points=PointConfig(prompts=0))
    reports: list[StepReport] = []
    train_online(config, chats, lambda answer: 0.0, progress=reports.append)
    assert reports[0].metrics["reward/attempt"] == 0.0
    assert reports[0].tokens > 4 * 4


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """Killed within step 4, in which reflections are learnt; the last checkpoint is of step 2."""
    options = {"reflect": TURNS.reflect, "retry": TURNS.retry, "reflection_tokens": TURNS.tokens, "solved": 0.01}
    config = make_online(tmp_path, algorithm="reflect-retry", steps=4, max_new_tokens=24, options=options)
    assert online_children([config], "if report.step == 3: os.kill(os.getpid(), signal.SIGKILL)") == [[-9]]
    reports: list[StepReport] = []
    resumed = train_online(config.model_copy(update={"resume": True}), make_prompts(), says_a, progress=reports.append)
    assert [report.step for report in reports] == [3, 4]
    assert all(report.metrics["reward/retry/spread"] > 0 and report.norm > 0 for report in reports)
    assert [point.step for point in resumed.points] == [0, 2, 4]
    unbroken = train_online(config.model_copy(update={"output": tmp_path / "unbroken"}), make_prompts(), says_a)
    one, other = (
        transformers.AutoModelForCausalLM.from_pretrained(result.model).state_dict() for result in (resumed, unbroken)
    )
    assert all(torch.equal(value, other[name]) for name, value in one.items())
