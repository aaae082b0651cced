"""Over-optimisation of reward models from nothing (Gao et al. 2022): gold, proxies, best of n and RL against each."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reflexa.errors import ConfigError
from reflexa.evaluation.best_of_n import best_of_n
from reflexa.evaluation.checkpoints import choose_checkpoint
from reflexa.evaluation.overoptimisation import distance, fit_curve
from reflexa.improve.study.config import Size, StudyConfig
from reflexa.improve.study.results import BestOfNStudy, ProxyStudy, RLStudy, StudyResult
from reflexa.improve.study.sampling import TinyPolicy
from reflexa.improve.study.tiny import make_gold, make_policy, make_prompts, make_proxy, parameters_of
from reflexa.models.local.scorer import LocalScorer
from reflexa.rows import CheckpointPoint, PreferenceRow
from reflexa.training.api import train
from reflexa.training.config import BatchConfig, CheckpointConfig, OptimizerConfig, TrainConfig
from reflexa.training.online.api import train_online
from reflexa.training.online.config import OnlineConfig, PointConfig
from reflexa.training.online.rollouts import Answer, OnlinePrompt
from reflexa.types import Frozen

Numbers = NDArray[np.float64]
Say = Callable[[str], None]
_SEEDS = 1_000_003
"""Between the random numbers of two seeds."""
_RL_PROMPTS = 1024
_RESULT = "STUDY.json"


class _Scale(Frozen):
    """What turns a raw score into standard deviations of the start's answers from their mean."""

    mean: float
    deviation: float

    def of(self, scores: Sequence[float]) -> Numbers:
        return (np.asarray(scores) - self.mean) / self.deviation


def study_overoptimisation(config: StudyConfig, folder: Path, say: Say = lambda words: None) -> StudyResult:
    """Carries out a study in ``folder``, which receives all models and ``STUDY.json`` of each proxy that is done.

    A study that was stopped goes on with the first proxy that is not done. Raises ``ConfigError`` where the folder
    holds a study of another configuration.
    """
    began = time.process_time()
    _claim(config, folder)
    bench: _Bench | None = None
    proxies = []
    for size in config.proxies:
        for labels in config.labels:
            found = _done(folder / f"{size}-{labels}")
            if found is None:
                bench = bench or _Bench(config, folder, say)
                found = bench.proxy(size, labels)
            say(_told(found))
            proxies.append(found)
    return StudyResult(config=config, proxies=tuple(proxies), seconds=time.process_time() - began)


def _claim(config: StudyConfig, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path, text = folder / "config.json", config.model_dump_json(indent=1)
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        raise ConfigError(f"{folder} holds a study of another configuration: choose another folder")
    path.write_text(text, encoding="utf-8")


def _done(folder: Path) -> ProxyStudy | None:
    """What an earlier call has found of a proxy; None where it did not come to the end."""
    path = folder / _RESULT
    return ProxyStudy.model_validate_json(path.read_bytes()) if path.is_file() else None


def _told(found: ProxyStudy) -> str:
    return (
        f"proxy {found.size} on {found.labels} labels: agrees with gold on {100 * found.agreement:.0f} %; gold gains "
        f"{found.best_of_n.gold[-1] - found.best_of_n.gold[0]:.2f} by best of {found.best_of_n.sizes[-1]}, "
        f"{(found.rl.points[-1].true or 0) - (found.rl.points[0].true or 0):.2f} by RL at √KL "
        f"{distance(found.rl.points[-1].kl):.2f}"
    )


class _Bench:
    """The start, the gold reward and the held-out answers that all proxies share."""

    def __init__(self, config: StudyConfig, folder: Path, say: Say) -> None:
        self._config, self._folder = config, folder
        self._start_folder = make_policy(folder / "start", config.policy, self._seed(1))
        self._start = TinyPolicy(self._start_folder, config.answer_letters)
        self._gold = LocalScorer(str(make_gold(folder / "gold", config.gold, self._seed(2))), threads=1)
        self._prompts = self._new_prompts(config.held_out, 3)
        self._answers = self._start.answers(self._prompts, config.samples, self._seed(4))
        raw = self._gold.score_tokens(self._answers.rows)
        self._gold_scale = _scale(raw)
        self._worth = self._gold_scale.of(raw).reshape(len(self._prompts), -1)
        self._labelled = self._start.answers(self._new_prompts(max(config.labels), 5), 2, self._seed(6))
        self._labels = np.asarray(self._gold.score_tokens(self._labelled.rows)).reshape(-1, 2)
        say(f"the start gave {config.samples:,} answers to each of {config.held_out} held-out prompts")

    def proxy(self, size: Size, labels: int) -> ProxyStudy:
        """One proxy's study, from its training on."""
        folder = self._folder / f"{size}-{labels}"
        shutil.rmtree(folder, ignore_errors=True)
        model = self._trained(folder, size, labels)
        scorer = LocalScorer(str(model), threads=1)
        raw = scorer.score_tokens(self._answers.rows)
        scale = _scale(raw)
        chosen_by = scale.of(raw).reshape(self._worth.shape)
        found = ProxyStudy(
            size=size,
            labels=labels,
            parameters=parameters_of(model),
            agreement=_agreement(chosen_by, self._worth),
            best_of_n=_best_of_n(chosen_by, self._worth),
            rl=self._optimised(folder, scorer, scale),
        )
        aside = folder / f".{_RESULT}"
        aside.write_text(found.model_dump_json(indent=1), encoding="utf-8")
        aside.rename(folder / _RESULT)
        return found

    def _trained(self, folder: Path, size: Size, labels: int) -> Path:
        """A reward model trained on the first ``labels`` pairs that the gold reward has labelled."""
        config = self._config.reward
        folder.mkdir(parents=True)
        rows = folder / "pairs.jsonl"
        with rows.open("w", encoding="utf-8") as file:
            for prompt, texts, scores in zip(
                self._labelled.prompts[:labels], self._labelled.texts, self._labels, strict=False
            ):
                better = int(scores[1] > scores[0])
                row = PreferenceRow(prompt=prompt, chosen=texts[better], rejected=texts[1 - better])
                file.write(row.model_dump_json(exclude_none=True) + "\n")
        return train(
            TrainConfig(
                algorithm="reward",
                model=str(make_proxy(folder / "untrained", size, self._seed(7))),
                data=(rows,),
                output=folder / "reward",
                epochs=config.steps * config.rows // labels + 2,
                steps=config.steps,
                precision="float32",
                seed=self._config.seed,
                batch=BatchConfig(rows=config.rows),
                optimizer=OptimizerConfig(learning_rate=config.learning_rate),
            )
        ).model

    def _optimised(self, folder: Path, proxy: LocalScorer, scale: _Scale) -> RLStudy:
        """RL against the proxy, every checkpoint measured by the gold reward."""
        output = folder / "rl"
        prompts = self._new_prompts(_RL_PROMPTS, 8)

        def reward(answer: Answer) -> float:
            return float(scale.of(proxy.score([(str(answer.prompt.prompt), answer.text)]))[0])

        train_online(
            self._online(output),
            [OnlinePrompt(id=str(number), prompt=prompt) for number, prompt in enumerate(prompts)],
            reward,
        )
        checkpoints = {0: self._start_folder} | {
            int(path.name.rpartition("-")[2]): path for path in sorted((output / "checkpoints").glob("step-*"))
        }
        points = [self._point(step, path, proxy, scale) for step, path in checkpoints.items()]
        (output / "points.jsonl").write_text(
            "".join(point.model_dump_json() + "\n" for point in points), encoding="utf-8"
        )
        gains, choice = np.array([point.rewards for point in points]).T, choose_checkpoint(points)
        return RLStudy(
            points=tuple(self._short(point) for point in points),
            chosen=choice.chosen.step,
            declined=choice.declined,
            curve=fit_curve("rl", [distance(point.kl) for point in points], gains - gains[:, :1]),
            folder=str(output.relative_to(self._folder)),
        )

    def _online(self, output: Path) -> OnlineConfig:
        """All checkpoints are kept, and measured afterwards: by several answers to each prompt."""
        config, rl = self._config, self._config.rl
        return OnlineConfig(
            algorithm=rl.algorithm,
            model=str(self._start_folder),
            output=output,
            steps=rl.steps,
            prompts=rl.prompts,
            samples=rl.samples,
            max_new_tokens=config.answer_letters,
            slots=rl.prompts * rl.samples,
            precision="float32",
            seed=config.seed,
            workers=1,
            kl_every=rl.steps,
            points=PointConfig(prompts=0),
            checkpoints=CheckpointConfig(every=rl.every, keep=rl.steps),
            optimizer=OptimizerConfig(learning_rate=rl.learning_rate, schedule="constant"),
        )

    def _point(self, step: int, path: Path, proxy: LocalScorer, scale: _Scale) -> CheckpointPoint:
        """A checkpoint, measured with some answers to each held-out prompt."""
        policy = TinyPolicy(path, self._config.answer_letters)
        answers = policy.answers(self._prompts, self._config.rl.samples, self._seed(9))
        worth = self._gold_scale.of(self._gold.score_tokens(answers.rows)).reshape(len(self._prompts), -1).mean(axis=1)
        return CheckpointPoint(
            step=step,
            path=str(path),
            kl=float(np.mean(policy.kl(answers, self._start))) if step else 0.0,
            proxy=float(scale.of(proxy.score_tokens(answers.rows)).mean()),
            true=float(worth.mean()),
            n=len(worth),
            rewards=tuple(float(value) for value in worth),
        )

    def _short(self, point: CheckpointPoint) -> CheckpointPoint:
        """A point without each prompt's own reward, its path within the study's folder: the same wherever that is."""
        return point.model_copy(update={"rewards": (), "path": str(Path(point.path).relative_to(self._folder))})

    def _new_prompts(self, count: int, purpose: int) -> list[str]:
        return make_prompts(count, self._config.prompt_letters, self._seed(purpose))

    def _seed(self, purpose: int) -> int:
        return self._config.seed * _SEEDS + purpose


def _scale(raw: Sequence[float]) -> _Scale:
    return _Scale(mean=float(np.mean(raw)), deviation=float(np.std(raw)) or 1.0)


def _agreement(proxy: Numbers, gold: Numbers) -> float:
    """How often both prefer the same of two neighbouring answers to a prompt."""
    even = proxy.shape[1] // 2 * 2
    return float(np.mean(_prefers(proxy[:, :even]) == _prefers(gold[:, :even])))


def _prefers(scores: Numbers) -> NDArray[np.bool_]:
    return scores[:, ::2] > scores[:, 1::2]


def _best_of_n(proxy: Numbers, gold: Numbers) -> BestOfNStudy:
    samples = proxy.shape[1]
    sizes = [2**power for power in range(samples.bit_length()) if 2**power <= samples]
    found = best_of_n(proxy, gold, sizes)
    gains = found.true - found.true[:, :1]
    return BestOfNStudy(
        sizes=found.sizes,
        kl=tuple(map(float, found.kl)),
        proxy=tuple(map(float, found.proxy.mean(axis=0))),
        gold=tuple(map(float, found.true.mean(axis=0))),
        errors=tuple(map(float, gains.std(axis=0, ddof=1) / np.sqrt(len(gains)))),
        curve=fit_curve("best-of-n", np.sqrt(found.kl).tolist(), gains),
    )
